package experiment

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/evaluation"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

// manyLumps fill every side of every split with both classes.
const manyLumps = 54

func nodulesRun(t *testing.T, name, data string) Options {
	o := Options{Settings: tiny(t, Nodules, name), Data: data, Dir: filepath.Join(t.TempDir(), "run"), Attribution: "nobody's data"}
	o.Settings.Seeds = 1
	if name != VAE { // one detector with folds shows how they go
		o.Settings.Folds = 0
	}
	return o
}

func TestNodules(t *testing.T) {
	data := writeLumps(t, lumps(manyLumps))
	for _, name := range Detectors() {
		t.Run(name, func(t *testing.T) {
			o := nodulesRun(t, name, data)
			o.Model = filepath.Join(t.TempDir(), "model.safetensors")
			r, err := Run(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			if want := 1 + o.Settings.Folds/2; len(r.Sets) != want {
				t.Fatalf("%d sets, want %d", len(r.Sets), want)
			}
			e := r.Sets[0].Runs.Single[0]
			if e.Row(evaluation.RowDiameter) == nil || e.Row(evaluation.RowNearest) == nil || e.Indeterminate == 0 || len(e.Detectors) != 1 {
				t.Errorf("table without diameter, neighbours or undecided nodules: %+v", e.Counts)
			}
			if d := r.Diversity; (d != nil) != (o.Settings.GAN != nil) {
				t.Errorf("diversity %+v", d)
			}
			d, err := detector.Load(o.Model)
			if err != nil || d.Digest() != e.Detectors[0].Digests[0] {
				t.Errorf("the detector that was written is not the one that was scored (%v)", err)
			}
			h, _, err := models.Load(o.Model)
			if err != nil || h.Attribution != o.Attribution || h.DataDigest != r.Data || h.LearnedSigma != (name == VAESigma) {
				t.Errorf("header %+v (%v)", h, err)
			}
			if o.Settings.Folds > 0 {
				pooled := r.Sets[1].Pool.Counts
				if want := manyLumps * 5 / 6; pooled.Patients != want { // every sixth is undecided
					t.Errorf("%d patients tested in the folds, want %d", pooled.Patients, want)
				}
			}
			page, err := os.ReadFile(r.Report)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"size-matched", "Five by five slices", "a score that is size alone would be a line", "split by patient", "figure 12"} {
				if want == "figure 12" && o.Settings.VAE != nil {
					want = "VAE-AD, NLST"
				}
				if !strings.Contains(string(page), want) {
					t.Errorf("the report does not say %q", want)
				}
			}
		})
	}
}

// TestLabelsDoNotReachTraining gives the anomalies and the undecided of all
// patients other labels and other pixels: the network must be the same.
func TestLabelsDoNotReachTraining(t *testing.T) {
	plain := lumps(manyLumps)
	changed := slices.Clone(plain)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range changed {
		if changed[i].malignancy > 2 {
			changed[i].malignancy = []int8{4, 5, 3, 4}[i%4]
			changed[i].shade = int16(-900 + rng.IntN(1300))
		}
	}
	for _, name := range []string{VAE, WGAN} {
		var weights [2]string
		var patients [2][]string
		for i, ls := range [][]lump{plain, changed} {
			o := nodulesRun(t, name, writeLumps(t, ls))
			o.Settings.Folds = 0
			l, err := openLungs(o)
			if err != nil {
				t.Fatal(err)
			}
			u := unit{seed: 1}
			for _, s := range l.splits[u.name()].TrainNormals() {
				patients[i] = append(patients[i], s.Patient)
			}
			d, err := l.detector(context.Background(), u, newTracker(map[string]work{}, clock, nil), l.splits[u.name()])
			if err != nil {
				t.Fatal(err)
			}
			switch d := d.(type) {
			case *detector.VAEAD:
				weights[i] = d.Params().Digest()
			case *detector.GANAD:
				weights[i] = d.Trained().Params().Digest()
			}
		}
		if len(patients[0]) == 0 || !slices.Equal(patients[0], patients[1]) {
			t.Fatalf("%s: other training patients", name)
		}
		if weights[0] == "" || weights[0] != weights[1] {
			t.Errorf("%s: weights %s and %s: labels or pixels of anomalies reached the training", name, weights[0], weights[1])
		}
	}
}

func TestInterruptedNodules(t *testing.T) {
	whole, pieces := wholeNodules(t), nodulesRun(t, VAE, writeLumps(t, whoLumps()))
	if n := interrupt(t, pieces, []int{7, 3, 9}); n < 2 {
		t.Errorf("only %d interruptions: the test shows nothing", n)
	}
	same(t, whole.Dir, pieces.Dir, resultsFile, scoresFile, reportFile, "fold-2/"+modelFile, "seed-1/figures/"+picCases+".png")
}

func TestBadNodules(t *testing.T) {
	with := func(change func(i int, l *lump)) []lump {
		ls := lumps(manyLumps)
		for i := range ls {
			change(i, &ls[i])
		}
		return ls
	}
	for name, test := range map[string]struct {
		lumps []lump
		want  string
	}{
		"no normals":   {with(func(_ int, l *lump) { l.malignancy = 5 }), "no normal nodules"},
		"one class":    {with(func(_ int, l *lump) { l.malignancy = 1 }), "no anomaly"},
		"empty split":  {lumps(6), "side has"},
		"one patient":  {with(func(_ int, l *lump) { l.patient = "P001" }), "side"},
		"only unclear": {with(func(_ int, l *lump) { l.malignancy = 3 }), "no normal nodules"},
	} {
		o := nodulesRun(t, VAE, writeLumps(t, test.lumps))
		_, err := Run(context.Background(), o)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			if !(name == "one patient" || name == "empty split") || !errors.Is(err, detector.ErrNoNormals) {
				t.Errorf("%s: error %v, want %q", name, err, test.want)
			}
		}
		if _, err := os.Stat(o.Dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the run began", name)
		}
	}
	o := nodulesRun(t, VAE, filepath.Join(t.TempDir(), "none.npz"))
	if _, err := Run(context.Background(), o); !errors.Is(err, os.ErrNotExist) || nodule.CodeOf(err) != nodule.CodeDatasetInvalid {
		t.Errorf("a file that is not there: error %v", err)
	}
}

func TestFolds(t *testing.T) {
	ds, err := nodule.LoadNPZ(writeLumps(t, append(lumps(60), lump{nodule.HeldOutPatients()[0][:8], 1, 0})))
	if err != nil {
		t.Fatal(err)
	}
	tested := map[string]int{}
	for fold := range 4 {
		s, err := splitFold(ds, Settings{SplitSeed: 7, Folds: 4}, fold+1)
		if err != nil {
			t.Fatal(err)
		}
		side := map[string]string{}
		for name, d := range map[string]*nodule.Dataset{"train": s.Train, "validation": s.Validation, "calibration": s.Calibration, "test": s.Test} {
			for _, x := range d.Samples {
				if was := side[x.Patient]; was != "" && was != name {
					t.Errorf("fold %d: a patient is on the sides %s and %s", fold+1, was, name)
				}
				side[x.Patient] = name
				if name == "test" {
					tested[x.Patient]++
				}
			}
		}
		if len(s.Train.Samples) <= len(s.Test.Samples)/2 {
			t.Errorf("fold %d: %d to train, %d to test", fold+1, len(s.Train.Samples), len(s.Test.Samples))
		}
	}
	for _, s := range ds.Samples {
		if tested[s.Patient] != 1 {
			t.Errorf("a patient is tested %d times", tested[s.Patient])
		}
	}
}

// TestFoldPlan divides by the plan: every patient but the held-out is tested
// once, and in the fold of the plan. Others than those of the plan are refused.
func TestFoldPlan(t *testing.T) {
	ds, err := nodule.LoadNPZ(checktest.Data(t, "lidc_cubes_51mm.npz"))
	if err != nil {
		t.Fatal(err)
	}
	tested := 0
	for fold := range nodule.PlannedFolds {
		s, err := splitFold(ds, Settings{SplitSeed: 7, Folds: nodule.PlannedFolds, FoldPlan: true}, fold+1)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range s.Test.Samples {
			if planned, err := nodule.FoldOf(x.Patient); err != nil || planned != fold+1 {
				t.Errorf("a patient of fold %d is tested in %d (%v)", planned, fold+1, err)
			}
		}
		tested += len(s.Test.Samples)
	}
	want := len(ds.Filter(func(s *nodule.Sample) bool { return !slices.Contains(nodule.HeldOutPatients(), s.Patient) }).Samples)
	if tested != want {
		t.Errorf("%d nodules are tested, want %d", tested, want)
	}
}

func TestFoldPlanRefuses(t *testing.T) {
	o := nodulesRun(t, VAE, writeLumps(t, lumps(manyLumps)))
	o.Settings.FoldPlan = true
	if err := o.Settings.Validate(); !errors.Is(err, ErrSettings) || !strings.Contains(err.Error(), "fold_plan has 5") {
		t.Errorf("%d folds: %v", o.Settings.Folds, err)
	}
	o.Settings.Folds = nodule.PlannedFolds
	if _, err := Run(context.Background(), o); nodule.CodeOf(err) != nodule.CodeSplitInvalid || !strings.Contains(err.Error(), "no fold of the plan") {
		t.Errorf("patients of no fold: %v", err)
	}
}
