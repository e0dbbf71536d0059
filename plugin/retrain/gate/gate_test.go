package gate

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

// shippedSet is what the binary holds, without the detector that searches.
func shippedSet(t *testing.T) *store.Set {
	t.Helper()
	set, err := store.Open(t.TempDir()).Load(store.Shipped)
	plugintest.Must(t, err)
	set.Detectors = set.Detectors[:1]
	return &set
}

// site makes MinEach normals and as many anomalies, each of a patient of its own.
func site(t *testing.T, seed uint64) *nodule.Dataset {
	t.Helper()
	ds, _, err := phantoms(t.Context(), seed, MinEach/2, mixed, nil)
	plugintest.Must(t, err)
	for i := range ds.Samples {
		ds.Samples[i].Patient += "-" + ds.Samples[i].Nodule
	}
	return ds
}

// TestPoisoned: where all labels of a site are swapped, those of the patients that
// were held back too, a candidate that has learned them looks better on the site's
// side, and the phantoms refuse it. So they do a calibration by such labels, which
// changes no weight.
func TestPoisoned(t *testing.T) {
	ctx := t.Context()
	set := shippedSet(t)
	fixed := site(t, phantomSeed)
	swapped := func(seed uint64) *nodule.Dataset {
		ds := site(t, seed)
		for i := range ds.Samples {
			s := &ds.Samples[i]
			s.Label, s.Malignancy, s.Readers = nodule.Normal+nodule.Anomaly-s.Label, 6-s.Malignancy, 1
		}
		return ds
	}
	train := newNodules(swapped(1000))
	learned, err := train.rungs(ctx, set)
	plugintest.Must(t, err)
	own := *set.Rungs
	own.Rungs = slices.Clone(set.Rungs.Rungs)
	for i := range own.Rungs {
		if c := learned["rung "+string(own.Rungs[i].Name)]; !own.Rungs[i].Diameter {
			own.Rungs[i].Calibration.Logistic, err = stats.FitLogistic(c.raw, newTruth(train.samples).anomalous)
			plugintest.Must(t, err)
		}
	}
	poisoned := *set
	poisoned.Version, poisoned.Digest, poisoned.Rungs = "poisoned", "sha256:1", &own
	r, err := Compare(ctx, set, &poisoned, []Data{{Name: "test side", Nodules: swapped(2000)}, {Name: "phantoms", Fixed: true, Nodules: fixed}}, Options{})
	plugintest.Must(t, err)
	held, reference := rowOf(t, r, 0, "rung readers-ratings"), rowOf(t, r, 1, "rung readers-ratings")
	if held.AUROC.Difference < 0.2 || held.AUROC.Low <= -Margin {
		t.Errorf("the candidate has not learned what the site says: %+v", held.AUROC)
	}
	if r.Allowed || reference.AUROC.High > -Margin || !reasonFor(r, "phantoms: the AUROC of rung readers-ratings") || reasonFor(r, "test side: the AUROC of rung readers-ratings") {
		t.Errorf("allowed %t, %q, %+v", r.Allowed, r.Reasons, reference.AUROC)
	}
	if row := rowOf(t, r, 1, "vae-ad"); !row.Same || !row.Ranks || row.AUROC.Difference != 0 || reasonFor(r, "vae-ad") {
		t.Errorf("what did not change has: %+v", row)
	}

	// Thresholds that flag nothing any more.
	turned := *set.Rungs
	turned.Rungs = slices.Clone(set.Rungs.Rungs)
	poisoned.Rungs = &turned
	for i := range turned.Rungs {
		turned.Rungs[i].Calibration.Threshold += 1e6
	}
	if r, err = Compare(ctx, set, &poisoned, []Data{{Name: "phantoms", Fixed: true, Nodules: fixed}}, Options{}); err != nil || !reasonFor(r, "flags of rung readers-ratings tell clearly less") {
		t.Errorf("%q, %v", r.Reasons, err)
	}
}

// TestRule: the same is allowed, a score less or more is not, and with few patients
// held back a recalibration alone.
func TestRule(t *testing.T) {
	ctx := t.Context()
	set := shippedSet(t)
	set.Rungs, set.Outliner = nil, nil // quick
	all := site(t, 3000)
	few := &nodule.Dataset{Samples: all.Samples[:12]}
	compare := func(candidate *store.Set, held *nodule.Dataset, fixed bool) *Report {
		t.Helper()
		data := []Data{{Name: "test side", Nodules: held}}
		if fixed {
			data = append(data, Data{Name: "phantoms", Fixed: true, Nodules: all})
		}
		r, err := Compare(ctx, set, candidate, data, Options{})
		plugintest.Must(t, err)
		return r
	}
	if r := compare(set, all, true); !r.Allowed || len(r.Reasons) != 0 || !r.Sides[0].Enough || r.Sides[0].Normals != MinEach {
		t.Errorf("the same: %+v", r)
	}
	if r := compare(set, all, false); r.Allowed || !reasonFor(r, "a reference that the site's labels cannot move") {
		t.Errorf("without a fixed reference: %q", r.Reasons)
	}
	empty := &nodule.Dataset{}
	if r := compare(set, empty, true); r.Allowed || !reasonFor(r, "test side: it has no nodule with a label") {
		t.Errorf("nobody held back: %q", r.Reasons)
	}
	r, err := Compare(ctx, set, set, []Data{{Name: "test side", Nodules: all}, {Name: "phantoms", Fixed: true, Nodules: few}}, Options{})
	if err != nil || r.Allowed || !reasonFor(r, "too few for a reference") {
		t.Errorf("few phantoms: %q, %v", r.Reasons, err)
	}
	// Weights that have learned nothing, on few nodules and on one, whose ranking
	// nothing can change.
	d, err := plugintest.Untrained(5)
	plugintest.Must(t, err)
	untrained := *set
	untrained.Detectors = []detector.Detector{d}
	if r := compare(&untrained, few, true); r.Allowed || !reasonFor(r, "only a recalibration is allowed") || !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "--keep vae-ad") }) {
		t.Errorf("another model, few nodules: %q", r.Reasons)
	}
	one := &nodule.Dataset{Samples: all.Samples[:1]}
	if r := compare(&untrained, one, true); r.Allowed || !reasonFor(r, "test side: 1 normals and 0 anomalies of 1 patients do not tell") || !rowOf(t, r, 0, "vae-ad").Ranks {
		t.Errorf("another model, one nodule: %q", r.Reasons)
	}
	// The same weights with another calibration.
	v := set.Detectors[0].(*detector.VAEAD)
	c := v.Calibration()
	logistic := *c.Logistic
	logistic.Intercept += 0.5
	c.Logistic = &logistic
	again, err := detector.NewVAEAD(v.Header(), v.Params(), c)
	plugintest.Must(t, err)
	recalibrated := *set
	recalibrated.Detectors = []detector.Detector{again}
	r = compare(&recalibrated, few, true)
	row := rowOf(t, r, 0, "vae-ad")
	if !r.Allowed || len(r.Notes) != 1 || row.Same || !row.Ranks || r.Sides[0].Enough {
		t.Errorf("a recalibration: %q, %q, %+v", r.Reasons, r.Notes, row)
	}
	n := newNodules(few)
	if _, err := n.columns(ctx, set); err != nil {
		t.Fatal(err)
	}
	is, err := n.columns(ctx, &recalibrated)
	plugintest.Must(t, err)
	alone, err := again.Score(ctx, []nodule.Patch{nodule.Central(n.cubes[0](3))})
	plugintest.Must(t, err)
	if c := is["vae-ad"]; len(n.known) != 1 || c.raw[3] != alone[0].Raw || c.chance[3] != *alone[0].Probability || c.flagged[3] != alone[0].Anomalous {
		t.Errorf("scored %d times; %+v in place of %+v", len(n.known), is["vae-ad"], alone[0])
	}
	if fit := rowOf(t, r, 1, "vae-ad").Calibration; fit[0] == nil || fit[1] == nil || fit[0].Brier == fit[1].Brier {
		t.Errorf("calibration %+v", fit)
	}
	none := *set
	none.Detectors = nil
	if r := compare(&none, all, true); r.Allowed || !reasonFor(r, "it has no vae-ad") {
		t.Errorf("a detector less: %q", r.Reasons)
	}
}

// TestRecalibratedRungs: rungs with other thresholds and probabilities have the same
// weights, also for a nodule larger than all that they were trained on.
func TestRecalibratedRungs(t *testing.T) {
	set := shippedSet(t)
	set.Detectors = nil
	own := *set.Rungs
	own.Rungs = slices.Clone(set.Rungs.Rungs)
	for i := range own.Rungs {
		c := &own.Rungs[i].Calibration
		c.Logistic.Intercept += 0.5
		c.Threshold += 0.1
	}
	candidate := *set
	candidate.Rungs = &own
	all := site(t, 3000)
	data := []Data{{Name: "test side", Nodules: &nodule.Dataset{Samples: all.Samples[:6]}}}
	r, err := Compare(t.Context(), set, &candidate, data, Options{})
	plugintest.Must(t, err)
	if row := rowOf(t, r, 0, "rung readers-ratings"); !row.Weights || row.Same || reasonFor(r, "only a recalibration") {
		t.Errorf("%q, %+v", r.Reasons, row)
	}

	for i := range own.Rungs {
		own.Rungs[i].Model.Weight = slices.Clone(own.Rungs[i].Model.Weight)
		own.Rungs[i].Model.Weight[0] *= 1.000001
	}
	r, err = Compare(t.Context(), set, &candidate, data, Options{})
	plugintest.Must(t, err)
	if row := rowOf(t, r, 0, "rung readers-ratings"); row.Weights || !reasonFor(r, "only a recalibration") {
		t.Errorf("other weights: %q, %+v", r.Reasons, row)
	}
}

// TestLargerThanAll: where a nodule ranks that is larger than all that a rung was trained
// on is of the calibration, and no sign of another model.
func TestLargerThanAll(t *testing.T) {
	before := &column{shown: []float64{1, 2, 3, 9, 8}, beyond: []bool{false, false, false, true, false}}
	after := &column{shown: []float64{2, 4, 6, 5, 1}, beyond: []bool{false, false, false, false, true}}
	if !sameRanks(before.within(after), after.within(before)) {
		t.Error("a recalibration is taken for another ranking")
	}
	after.shown[1] = 0
	if sameRanks(before.within(after), after.within(before)) {
		t.Error("another ranking is not seen")
	}
	set := shippedSet(t)
	set.Detectors = nil
	own := *set.Rungs
	own.Rungs = slices.Clone(set.Rungs.Rungs)
	for i := range own.Rungs {
		m := &own.Rungs[i].Model
		m.Scale.High = slices.Clone(m.Scale.High)
		m.Scale.High[0] = 5.5 // ln mm³, a diameter of 7.8 mm
	}
	set.Rungs = &own
	four, _, err := phantoms(t.Context(), 3000, 1, mixed, nil)
	plugintest.Must(t, err)
	columns, err := newNodules(four).columns(t.Context(), set)
	plugintest.Must(t, err)
	if c := columns["rung normals-only"]; len(c.beyond) != len(c.shown) || !slices.Contains(c.beyond, true) || !slices.Contains(c.beyond, false) {
		t.Errorf("larger than all: %v", c.beyond)
	}
}

// TestDiameterRungs: what readers see of a nodule with a diameter is compared, too; where
// no nodule has one it may not change.
func TestDiameterRungs(t *testing.T) {
	set := shippedSet(t)
	set.Detectors = nil
	own := *set.Rungs
	own.Rungs = slices.Clone(set.Rungs.Rungs)
	for i := range own.Rungs {
		if c := &own.Rungs[i].Calibration; own.Rungs[i].Diameter {
			c.Logistic.Slope = -c.Logistic.Slope
		}
	}
	candidate := *set
	candidate.Rungs = &own
	few := &nodule.Dataset{Samples: slices.Clone(site(t, 3000).Samples[:4])}
	few.Samples[3].DiameterMM = 0
	compare := func() *Report {
		t.Helper()
		r, err := Compare(t.Context(), set, &candidate, []Data{{Name: "test side", Nodules: few}}, Options{})
		plugintest.Must(t, err)
		return r
	}
	if r := compare(); !reasonFor(r, "2 normals and 1 anomalies of 3 patients do not tell whether rung readers-ratings + diameter") || reasonFor(r, "whether rung readers-ratings is") {
		t.Errorf("%q", r.Reasons)
	}
	for i := range few.Samples {
		few.Samples[i].DiameterMM = 0
	}
	if r := compare(); !reasonFor(r, "no nodule has a diameter, with which rung readers-ratings + diameter") {
		t.Errorf("%q", r.Reasons)
	}
	candidate.Rungs = set.Rungs
	if r := compare(); reasonFor(r, "rung") {
		t.Errorf("nothing changed: %q", r.Reasons)
	}
}

// TestPhantomsAreFixed: the reference is the same every time.
func TestPhantomsAreFixed(t *testing.T) {
	ctx := t.Context()
	a, first, err := Phantoms(ctx, 2, nil)
	plugintest.Must(t, err)
	_, second, err := Phantoms(ctx, 2, nil)
	plugintest.Must(t, err)
	_, more, err := Phantoms(ctx, 3, nil)
	plugintest.Must(t, err)
	if len(a.Samples) != 8 || first != second || first == more {
		t.Errorf("%d nodules, %s and %s", len(a.Samples), first, second)
	}
}

func TestSameRanks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var a, scaled, turned, flat []float64
	for range 100 {
		x := rng.NormFloat64()
		a, scaled, turned, flat = append(a, x), append(scaled, 3*x-1), append(turned, -x), append(flat, 2)
	}
	if !sameRanks(a, a) || !sameRanks(a, scaled) || sameRanks(a, turned) || sameRanks(a, flat) || sameRanks(flat, a) {
		t.Error("rankings are not told apart")
	}
}

func rowOf(t *testing.T, r *Report, side int, name string) *Row {
	t.Helper()
	for i := range r.Sides[side].Rows {
		if r.Sides[side].Rows[i].Name == name {
			return &r.Sides[side].Rows[i]
		}
	}
	t.Fatalf("no row %s", name)
	return nil
}

func reasonFor(r *Report, text string) bool {
	return slices.ContainsFunc(r.Reasons, func(reason string) bool { return strings.Contains(reason, text) })
}
