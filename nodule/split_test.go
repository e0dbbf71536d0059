package nodule

import (
	"fmt"
	"math"
	"testing"
)

func manyPatients(n int) *Dataset {
	ds := &Dataset{digest: "sha256:00"}
	for i := range n {
		for j := range 1 + i%3 {
			m := 1 + (i+j)%5
			ds.Samples = append(ds.Samples, Sample{Patient: fmt.Sprintf("LIDC-IDRI-%04d", i), Nodule: fmt.Sprint(j), Malignancy: m, Label: LabelOf(m)})
		}
	}
	return ds
}

func sidesOf(s *Split) map[string]*Dataset {
	return map[string]*Dataset{"train": s.Train, "validation": s.Validation, "calibration": s.Calibration, "test": s.Test}
}

func TestSplitKeepsPatientsTogether(t *testing.T) {
	ds := manyPatients(2000)
	f := Fractions{Train: 0.5, Validation: 0.1, Calibration: 0.15, Test: 0.25}
	for seed := range uint64(3) {
		s, err := SplitByPatient(ds, seed, f, HeldOutPatients())
		if err != nil {
			t.Fatal(err)
		}
		where := map[string]string{}
		total := 0
		for name, side := range sidesOf(s) {
			patients := map[string]bool{}
			for _, x := range side.Samples {
				if was, ok := where[x.Patient]; ok && was != name {
					t.Fatalf("one patient is on the sides %s and %s", was, name)
				}
				where[x.Patient] = name
				patients[x.Patient] = true
			}
			total += len(side.Samples)
			want := map[string]float64{"train": 0.5, "validation": 0.1, "calibration": 0.15, "test": 0.25}[name]
			if got := float64(len(patients)) / 2000; math.Abs(got-want) > 0.045 { // four standard deviations
				t.Errorf("seed %d: %s has a share of %.3f, want %.2f", seed, name, got, want)
			}
			if side.Digest() != ds.Digest() {
				t.Error("a side lost the digest of its file")
			}
		}
		if _, ok := where["LIDC-IDRI-0001"]; ok {
			t.Error("a held-out patient is on a side")
		}
		if _, ok := where["LIDC-IDRI-0003"]; ok {
			t.Error("a held-out patient is on a side")
		}
		if want := len(ds.Samples) - 2 - 1; total != want { // patient 1 has 2 nodules, 3 has 1
			t.Errorf("%d samples on all sides, want %d", total, want)
		}
		for _, x := range s.TrainNormals() {
			if x.Malignancy > 2 || where[x.Patient] != "train" {
				t.Fatalf("malignancy %d of side %s among the training normals", x.Malignancy, where[x.Patient])
			}
		}
		if len(s.TrainNormals()) == 0 {
			t.Error("no training normals")
		}
	}
}

func TestSplitDependsOnPatientAndSeedOnly(t *testing.T) {
	f := Fractions{Train: 0.6, Test: 0.4}
	small, _ := SplitByPatient(manyPatients(50), 7, f, nil)
	large, _ := SplitByPatient(manyPatients(500), 7, f, nil)
	other, _ := SplitByPatient(manyPatients(50), 8, f, nil)
	in := func(ds *Dataset) map[string]bool {
		m := map[string]bool{}
		for _, s := range ds.Samples {
			m[s.Patient] = true
		}
		return m
	}
	a, b, c := in(small.Train), in(large.Train), in(other.Train)
	for p := range a {
		if !b[p] {
			t.Fatal("a patient changed sides when others were added")
		}
	}
	same := len(a) == len(c)
	for p := range a {
		same = same && c[p]
	}
	if same {
		t.Error("another seed gave the same split")
	}
	if len(small.Validation.Samples)+len(small.Calibration.Samples) != 0 {
		t.Error("a side of fraction 0 has samples")
	}
}

func TestSplitRefusesNonsense(t *testing.T) {
	for _, f := range []Fractions{{}, {Train: 0.5}, {Train: 1.5, Test: -0.5}, {Train: math.NaN(), Test: 1}} {
		_, err := SplitByPatient(manyPatients(3), 1, f, nil)
		wantCode(t, err, CodeSplitInvalid)
	}
	_, err := SplitByPatient(&Dataset{Samples: []Sample{{}}}, 1, Fractions{Train: 1}, nil)
	wantCode(t, err, CodeSplitInvalid)
}

func TestLabels(t *testing.T) {
	want := []string{"normal", "normal", "indeterminate", "anomaly", "anomaly"}
	for i, w := range want {
		if got := LabelOf(i + 1).String(); got != w {
			t.Errorf("malignancy %d is %s, want %s", i+1, got, w)
		}
	}
}
