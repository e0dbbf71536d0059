package nodule

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// known are the two CT series of the real data and the nodules that LUNA16
// lists for them, LPS mm.
func known() map[string][]dicomio.Vec {
	return map[string][]dicomio.Vec{
		"LIDC-IDRI-0001": {{56.2, 86.3, -115.9}},
		"LIDC-IDRI-0003": {{72.3, 76.9, -190.5}, {23.5, -47.6, -172.3}, {-47.4, -30.2, -169.6}},
	}
}

func openCT(t *testing.T, patient string) *dicomio.Series {
	t.Helper()
	s, err := dicomio.OpenSeries(context.Background(), checktest.Data(t, "ct", patient), "", dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func lidcOf(t *testing.T, s *dicomio.Series) []Candidate {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(s.Slices[0].Path), "*.xml"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d XML files beside the series, %v", len(files), err)
	}
	cs, err := openIn(files[0], s)
	if err != nil {
		t.Fatal(err)
	}
	return cs
}

func distance(a, b dicomio.Vec) float64 {
	return a.Sub(b).Norm()
}

// nearest is the candidate closest to p and its distance in mm.
func nearest(cs []Candidate, p dicomio.Vec) (Candidate, float64) {
	best, at := math.Inf(1), Candidate{}
	for _, c := range cs {
		if d := distance(c.PositionLPS, p); d < best {
			best, at = d, c
		}
	}
	return at, best
}

func TestReaderCentresAgreeWithLUNA16(t *testing.T) {
	luna := checktest.Data(t, "csv", "luna16_annotations.csv")
	for patient, nodules := range known() {
		s := openCT(t, patient)
		lidc := lidcOf(t, s)
		csv, err := openIn(luna, s)
		if err != nil {
			t.Fatal(err)
		}
		if len(csv) != len(nodules) {
			t.Errorf("%s: LUNA16 has %d nodules, want %d", patient, len(csv), len(nodules))
		}
		if want := map[string]int{"LIDC-IDRI-0001": 1, "LIDC-IDRI-0003": 4}[patient]; len(lidc) != want {
			t.Errorf("%s: the readers' contours are %d nodules, want %d", patient, len(lidc), want)
		}
		for _, p := range nodules {
			if _, d := nearest(csv, p); d > 0.1 {
				t.Errorf("%s: LUNA16's nodule is %.2f mm from %v", patient, d, p)
			}
			c, d := nearest(lidc, p)
			l, _ := nearest(csv, p)
			t.Logf("%s %s: %.2f mm from LUNA16, diameter %.1f against %.1f mm", patient, c.ID, d, c.DiameterMM, l.DiameterMM)
			if d > 2 {
				t.Errorf("%s: the readers' centre is %.2f mm from LUNA16's %v", patient, d, p)
			}
		}
	}
}

// TestCubesAgreeWithTheDataset compares each cube cut from CT with the cube of
// the same nodule in the VOI set, which is centred up to 3 mm away.
func TestCubesAgreeWithTheDataset(t *testing.T) {
	ds, err := LoadNPZ(checktest.Data(t, "lidc_voi_32mm.npz"))
	if err != nil {
		t.Fatal(err)
	}
	for patient, nodules := range known() {
		s := openCT(t, patient)
		cut, err := NewCutter(s.Geometry, s, CutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for i := range ds.Samples {
			sample := &ds.Samples[i]
			if sample.SeriesUID != s.SeriesUID {
				continue
			}
			found++
			cube, err := cut.Cut(context.Background(), Candidate{ID: "a", PositionLPS: sample.PositionLPS})
			if err != nil {
				t.Fatal(err)
			}
			r, shift := bestCorrelation(cube, sample.Cube(), 3)
			t.Logf("%s nodule %s: correlation %.4f at a shift of %v mm", patient, sample.Nodule, r, shift)
			if r < 0.99 {
				t.Errorf("%s nodule %s: correlation %.4f", patient, sample.Nodule, r)
			}
		}
		if found != len(nodules) {
			t.Errorf("%s: %d of %d nodules are in the data set", patient, found, len(nodules))
		}
	}
}

// bestCorrelation shifts a by whole voxels against b over b's valid voxels.
func bestCorrelation(a, b *Cube, reach int) (float64, Offset) {
	best, at := -1.0, Offset{}
	for dz := -reach; dz <= reach; dz++ {
		for dy := -reach; dy <= reach; dy++ {
			for dx := -reach; dx <= reach; dx++ {
				var n, sa, sb, saa, sbb, sab float64
				for i := range b.HU {
					z, y, x := i/1024+dz, i/32%32+dy, i%32+dx
					if !b.Valid[i] || min(z, y, x) < 0 || max(z, y, x) > 31 {
						continue
					}
					j := (z*32+y)*32 + x
					if !a.Valid[j] {
						continue
					}
					u, v := float64(a.HU[j]), float64(b.HU[i])
					n, sa, sb, saa, sbb, sab = n+1, sa+u, sb+v, saa+u*u, sbb+v*v, sab+u*v
				}
				r := (n*sab - sa*sb) / math.Sqrt((n*saa-sa*sa)*(n*sbb-sb*sb))
				if r > best {
					best, at = r, Offset{dz, dy, dx}
				}
			}
		}
	}
	return best, at
}

func TestRealDatasets(t *testing.T) {
	for _, c := range []struct {
		file                           string
		samples, patients, normal, bad int
	}{
		{"lidc_voi_32mm.npz", 727, 394, 276, 187},
		{"lidc_cubes_51mm.npz", 85, 85, 15, 46},
	} {
		ds, err := LoadNPZ(checktest.Data(t, c.file))
		if err != nil {
			t.Fatal(err)
		}
		patients, labels := map[string]bool{}, map[Label]int{}
		full, small := 0, 0
		for i := range ds.Samples {
			s := &ds.Samples[i]
			patients[s.Patient] = true
			labels[s.Label]++
			p := Central(s.Cube())
			if p.SupportCount() == CoreCount() {
				full++
			}
			if p.CheckSupport() != nil {
				small++
			}
		}
		if len(ds.Samples) != c.samples || len(patients) != c.patients || labels[Normal] != c.normal || labels[Anomaly] != c.bad {
			t.Errorf("%s: %d samples of %d patients, labels %v", c.file, len(ds.Samples), len(patients), labels)
		}
		t.Logf("%s: %d patches have their whole core, %d too little of it; %d verified", c.file, full, small, len(ds.Verified().Samples))

		split, err := SplitByPatient(ds, 1, Fractions{0.6, 0.1, 0.1, 0.2}, HeldOutPatients())
		if err != nil {
			t.Fatal(err)
		}
		side := map[string]string{}
		for name, d := range sidesOf(split) {
			for i := range d.Samples {
				p := d.Samples[i].Patient
				if p == "LIDC-IDRI-0001" || p == "LIDC-IDRI-0003" || side[p] != "" && side[p] != name {
					t.Fatalf("%s: a patient is held out or on two sides (%s, %s)", c.file, side[p], name)
				}
				side[p] = name
			}
		}
		if len(side) != c.patients-2 {
			t.Errorf("%s: %d patients on all sides, want %d", c.file, len(side), c.patients-2)
		}
	}
}
