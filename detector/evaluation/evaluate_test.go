package evaluation

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/internal/detectortest"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/nodule"
)

// shade is a detector that scores the mean of the support: quick, and known.
type shade struct {
	name  string
	spoil float64 // added to every score
}

func (d shade) Name() string { return d.name }

func (d shade) Digest() string { return "sha256:" + d.name }

func (d shade) Calibration() detector.Calibration {
	return detector.Calibration{Logistic: &stats.Logistic{Intercept: -2, Slope: 4}, Threshold: 0.5, Reference: []float64{0.1, 0.3}}
}

func (d shade) Score(ctx context.Context, patches []nodule.Patch) ([]detector.Score, error) {
	out := make([]detector.Score, len(patches))
	for i, p := range patches {
		var sum float64
		for j, s := range p.Support {
			sum += float64(s * p.Voxels[j])
		}
		raw := sum/float64(p.SupportCount()) + d.spoil
		c := d.Calibration()
		probability := c.Logistic.Probability(raw)
		out[i] = detector.Score{Raw: raw, Probability: &probability, Calibration: c.Name(), Percentile: c.Percentile(raw), Terms: []detector.Term{{Name: "sum", Value: sum}}}
	}
	return out, ctx.Err()
}

func TestEvaluateSeveral(t *testing.T) {
	ds := detectortest.Many(2 * detector.MinCalibration).Load(t)
	var told []int
	e, err := Evaluate(context.Background(), []detector.Detector{shade{name: "a"}, shade{name: "b"}, shade{name: "a", spoil: 1}}, ds,
		Options{Seed: 7, Fold: 2, Calibration: ds, Progress: func(done, total int) {
			if told = append(told, done); total != 3*80 {
				t.Errorf("%d in all", total)
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(told) || told[len(told)-1] != 240 {
		t.Errorf("progress %v", told)
	}
	for _, name := range []string{"a", "a: sum", "b", "b: sum", "a#2", "a#2: sum", RowDiameter, RowSupport, RowIntensity} {
		if e.Row(name) == nil {
			t.Errorf("no row %q", name)
		}
	}
	if a, b := e.Row("a").Overall, e.Row(RowIntensity).Overall; a != b {
		t.Errorf("the mean of the support is %+v as a score and %+v as a row", a, b)
	}
	s := e.Scored[0]
	if s.Seed != 7 || s.Fold != 2 || s.Data != ds.Digest() || s.Prediction("b").Digest != "sha256:b" || s.Prediction("c") != nil {
		t.Errorf("%+v", s)
	}
	// The calibration nodules gave the threshold that the file lacks.
	p := e.Detectors[0].Points
	if len(p) != 2 || p[1].Name != PointSensitive || p[1].Sensitivity.Value < 0.95 {
		t.Errorf("%+v", p)
	}
	if len(e.Comparisons) != 3+3 { // each with the diameter, and with each other
		t.Errorf("%d comparisons", len(e.Comparisons))
	}
	missing := map[string]string{}
	for _, m := range e.Missing {
		missing[m.Name] = m.Reason
	}
	for row, why := range map[string]string{RowMeanImage: "neither training normals nor", RowNearest: "not given", RowMaskVolume: "no mask", RowMaskShare: "complete"} {
		if !strings.Contains(missing[row], why) {
			t.Errorf("%s is missing: %q", row, missing[row])
		}
	}
}

func TestEvaluateRefuses(t *testing.T) {
	ds := detectortest.Many(6).Load(t)
	if _, err := Evaluate(context.Background(), nil, ds, Options{}); err == nil {
		t.Error("no detector was evaluated")
	}
	if _, err := Evaluate(context.Background(), []detector.Detector{shade{name: "a", spoil: math.NaN()}}, ds, Options{}); err == nil || !strings.Contains(err.Error(), "not finite") {
		t.Errorf("a score that is not a number: %v", err)
	}
	if _, err := Evaluate(context.Background(), []detector.Detector{shade{name: "a"}}, ds, Options{Mean: make([]float32, 7)}); err == nil {
		t.Error("a mean patch of seven voxels was taken")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Evaluate(ctx, []detector.Detector{shade{name: "a"}}, ds, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestEvaluateLeavesOut: what would not be served is not scored, and said so.
func TestEvaluateLeavesOut(t *testing.T) {
	d := detectortest.Many(12)
	d.Hollow = 5
	ds := d.Load(t)
	e, err := Evaluate(context.Background(), []detector.Detector{shade{name: "a"}}, ds, Options{Neighbours: ds.Samples[:3], Notes: []string{"first"}})
	if err != nil {
		t.Fatal(err)
	}
	if e.Counts.Nodules != 19 || len(e.Scored) != 19 {
		t.Errorf("%+v", e.Counts)
	}
	notes := strings.Join(e.Notes, "\n")
	for _, want := range []string{"first", "5 nodules are left out", "4 of 19 nodules are of patients of the training normals"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in %q", want, notes)
		}
	}
	if e.Row(RowMaskShare) == nil || e.Row(RowMeanImage) == nil || e.Row(RowNearest) != nil {
		t.Errorf("rows of incomplete cubes and three normals: %+v", e.Missing)
	}
}

// TestNearestByDefinition compares with a loop over all voxels.
func TestNearestByDefinition(t *testing.T) {
	ds := detectortest.Many(8).Load(t)
	var normals []nodule.Sample
	for _, s := range ds.Samples {
		if s.Label == nodule.Normal {
			normals = append(normals, s)
		}
	}
	n := newNearest(normals)
	for i := range ds.Samples {
		s := &ds.Samples[i]
		p := nodule.Central(s.Cube()).Core()
		var d []float64
		for j := range normals {
			if normals[j].Patient == s.Patient {
				continue
			}
			q := nodule.Central(normals[j].Cube()).Core()
			var sum, count float64
			for v := range p.Voxels {
				if p.Support[v] == 1 && q.Support[v] == 1 {
					x := float64(p.Voxels[v]) - float64(q.Voxels[v])
					sum, count = sum+x*x, count+1
				}
			}
			d = append(d, math.Sqrt(sum/count))
		}
		slices.Sort(d)
		detectortest.Near(t, "distance", n.distance(p, s.Patient), (d[0]+d[1]+d[2]+d[3]+d[4])/5, 1e-6)
	}
	if v := nearestNormals(detectortest.Patch(1), []nodule.Patch{detectortest.Patch(2)}, 2); !math.IsNaN(v) {
		t.Errorf("two nearest of one: %v", v)
	}
	// Without a support every voxel counts; what shares no voxel is passed over.
	a, b := nodule.Patch{Voxels: []float32{0, 0}}, nodule.Patch{Voxels: []float32{3, 4}}
	detectortest.Near(t, "distance of two pixels", nearestNormals(a, []nodule.Patch{b}, 1), math.Sqrt(12.5), 1e-12)
	detectortest.Near(t, "mean distance", meanDistance(a, []float32{3, 4}), 12.5, 1e-12)
	a.Support, b.Support = []float32{1, 0}, []float32{0, 1}
	if v := nearestNormals(a, []nodule.Patch{b}, 1); !math.IsNaN(v) {
		t.Errorf("no voxel in common: %v", v)
	}
	detectortest.Near(t, "mean distance over the support", meanDistance(a, []float32{3, 4}), 9, 1e-12)
}

// TestBaselinesOnRealData holds the model-free baselines: any change of
// preprocessing, split or statistic that moves published figures shows here.
func TestBaselinesOnRealData(t *testing.T) {
	ds, err := nodule.LoadNPZ(checktest.Data(t, "lidc_voi_32mm.npz"))
	if err != nil {
		t.Fatal(err)
	}
	split, err := detector.Protocol{}.Split(ds)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Evaluate(context.Background(), []detector.Detector{shade{name: "mean"}}, split.Test, Options{Neighbours: split.TrainNormals()})
	if err != nil {
		t.Fatal(err)
	}
	if c := e.Counts; c.Nodules != 84 || c.Patients != 64 || c.Anomalies != 32 || c.Unverified != 0 {
		t.Errorf("%+v", c)
	}
	for row, want := range map[string][2]float64{RowDiameter: {0.908, 0.631}, RowMaskShare: {0.867, 0.574}, RowIntensitySum: {0.811, 0.513}, RowMeanImage: {0.765, 0.605}, RowNearest: {0.800, 0.518}} {
		r := e.Row(row)
		if r == nil {
			t.Fatalf("no row %q", row)
		}
		detectortest.Near(t, row, r.Overall.Value, want[0], 0.0006)
		detectortest.Near(t, row+", size-matched", r.Matched.Value, want[1], 0.0006)
	}
	small, err := nodule.LoadNPZ(checktest.Data(t, "lidc_cubes_51mm.npz"))
	if err != nil {
		t.Fatal(err)
	}
	e, err = Evaluate(context.Background(), []detector.Detector{shade{name: "mean"}}, small, Options{})
	if err != nil {
		t.Fatal(err)
	}
	volume, sphere := e.Row(RowMaskVolume), e.Row(RowMaskDiameter)
	if volume == nil || sphere == nil || e.Row(RowDiameter) != nil || volume.Overall != sphere.Overall {
		t.Fatalf("rows of masks: %+v, %+v", volume, sphere)
	}
	detectortest.Near(t, "mask volume", volume.Overall.Value, 0.855, 0.0006)
	if e.Indeterminate != 24 || e.Counts.Normals != 15 || e.Counts.Anomalies != 46 || e.Counts.Unverified != 13 || len(e.Notes) != 1 {
		t.Errorf("%+v, %d indeterminate, notes %v", e.Counts, e.Indeterminate, e.Notes)
	}
}
