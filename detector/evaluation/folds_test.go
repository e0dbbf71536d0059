package evaluation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/internal/detectortest"
	"github.com/nodulescope/nodulescope/nodule"
)

// folded are nodules of five folds whose detectors score on scales of their
// own; the percentile and the probability undo the scale.
func folded() []Scored {
	rng := rand.New(rand.NewPCG(5, 5))
	var out []Scored
	for i := range 200 {
		fold := 1 + i/2%5
		label, shift := nodule.Normal, 0.0
		if i%4 >= 2 {
			label, shift = nodule.Anomaly, 1
		}
		x := shift + rng.NormFloat64()
		scale := math.Pow(10, float64(fold)) // of this fold's score
		out = append(out, Scored{Fold: fold, Seed: 1, Patient: fmt.Sprint(i / 2), Nodule: fmt.Sprint(i), Label: label, DiameterMM: 5 + float64(i%9),
			Predictions: []Prediction{{Detector: "vae-ad", Digest: fmt.Sprint("fold ", fold), Calibration: "natural-prevalence", Probability: 1 / (1 + math.Exp(-x)), Percentile: 50 + 10*math.Tanh(x), Threshold: 0.5 * scale, Sensitive: -1 * scale}},
			Values:      []detector.Term{{Name: "vae-ad", Value: x * scale}, {Name: "vae-ad: KL", Value: -x * scale}, {Name: RowDiameter, Value: 5 + float64(i%9)}}})
	}
	return out
}

// TestPoolFolds: within a fold nothing changes but the scale; over all folds
// the scales agree; labels are not looked at.
func TestPoolFolds(t *testing.T) {
	ctx := context.Background()
	s := folded()
	raw, err := Tabulate(ctx, s, TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before, err := ByFold(ctx, s, TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []Pooling{PoolProbability, PoolPercentile} {
		pooled, err := PoolFolds(s, how)
		if err != nil {
			t.Fatal(err)
		}
		after, err := ByFold(ctx, pooled, TableOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for k := range before.Single {
			for _, row := range []string{"vae-ad", "vae-ad: KL", RowDiameter} {
				detectortest.Near(t, row, after.Single[k].Row(row).Overall.Value, before.Single[k].Row(row).Overall.Value, 1e-12)
			}
			a, b := after.Single[k].Detectors[0].Points, before.Single[k].Detectors[0].Points
			if len(a) != 2 || a[0].Sensitivity != b[0].Sensitivity || a[1].Specificity != b[1].Specificity {
				t.Errorf("fold %d: operating points %+v, before %+v", k+1, a, b)
			}
		}
		e, err := Tabulate(ctx, pooled, TableOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got, old := e.Row("vae-ad").Overall.Value, raw.Row("vae-ad").Overall.Value; !(got > old+0.03) || math.Abs(got-0.76) > 0.05 {
			t.Errorf("%s: area %v over all folds, unpooled %v, drawn from 0.76", how, got, old)
		}
		detectortest.Near(t, "an inverted term", e.Row("vae-ad: KL").Overall.Value, 1-e.Row("vae-ad").Overall.Value, 0.02)
		if e.Row(RowDiameter).Overall != raw.Row(RowDiameter).Overall || len(e.Detectors[0].Digests) != 5 {
			t.Errorf("%s: %+v", how, e.Detectors[0].Digests)
		}
		flipped := folded()
		for i := range flipped {
			flipped[i].Label = nodule.Normal + nodule.Anomaly - flipped[i].Label
		}
		other, err := PoolFolds(flipped, how)
		if err != nil {
			t.Fatal(err)
		}
		for i := range other {
			if other[i].Value("vae-ad: KL") != pooled[i].Value("vae-ad: KL") || other[i].Value("vae-ad") != pooled[i].Value("vae-ad") {
				t.Fatalf("%s: the label changed a pooled score", how)
			}
		}
	}
	if s[0].Value("vae-ad") != folded()[0].Value("vae-ad") || s[0].Predictions[0].Threshold != folded()[0].Predictions[0].Threshold {
		t.Error("pooling changed what it was given")
	}
	s[3].Predictions[0].Probability = math.NaN()
	if _, err := PoolFolds(s, PoolProbability); !errors.Is(err, ErrScores) {
		t.Errorf("a fold without probabilities: %v", err)
	}
	if _, err := PoolFolds(s, "median"); !errors.Is(err, ErrScores) {
		t.Errorf("unknown pooling: %v", err)
	}
	if _, err := PoolFolds(nil, PoolPercentile); !errors.Is(err, ErrScores) {
		t.Errorf("nothing: %v", err)
	}
}

func TestByFold(t *testing.T) {
	s := folded()
	r, err := ByFold(context.Background(), s, TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(r.Keys) != "[1 2 3 4 5]" || r.By != "fold" || len(r.Rows) != 3 {
		t.Errorf("%+v", r)
	}
	var mean float64
	for _, e := range r.Single {
		mean += e.Row("vae-ad").Overall.Value / 5
	}
	detectortest.Near(t, "mean of the folds", r.Rows[0].Overall.Mean, mean, 1e-12)
	s[0].Fold = 2 // its patient's other nodule is in fold 1
	if _, err := ByFold(context.Background(), s, TableOptions{}); !errors.Is(err, ErrScores) {
		t.Errorf("a patient in two folds: %v", err)
	}
}

func TestBySeed(t *testing.T) {
	var all []Scored
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 8))
		s := someScored()
		for i := range s {
			s[i].Seed = 3 - seed
			s[i].Values[0].Value += rng.NormFloat64()
		}
		rng.Shuffle(len(s), func(a, b int) { s[a], s[b] = s[b], s[a] }) // lines may come in any order
		all = append(all, s...)
	}
	r, err := BySeed(context.Background(), all, TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	row := r.Rows[0]
	if fmt.Sprint(r.Keys) != "[1 2 3]" || row.Name != "vae-ad" || len(row.Overall.Values) != 3 || !(row.Overall.Low < row.Overall.Mean && row.Overall.Mean < row.Overall.High) || row.Overall.SD <= 0 {
		t.Errorf("%+v", row)
	}
	if d := r.Rows[2]; d.Overall.SD > 1e-12 && d.Name == RowDiameter {
		t.Errorf("the diameter depends on the seed: %+v", d)
	}
	if _, err := BySeed(context.Background(), all[1:], TableOptions{}); !errors.Is(err, ErrScores) {
		t.Errorf("a seed with other nodules: %v", err)
	}
	if _, err := BySeed(context.Background(), nil, TableOptions{}); !errors.Is(err, ErrScores) {
		t.Errorf("nothing: %v", err)
	}
}

func TestSpread(t *testing.T) {
	s := spreadOf([]float64{1, 2, 6})
	if s.Mean != 3 || s.Low != 1 || s.High != 6 || math.Abs(s.SD-math.Sqrt(7)) > 1e-12 {
		t.Errorf("%+v", s)
	}
	if one := spreadOf([]float64{4}); one.SD != 0 || one.Mean != 4 {
		t.Errorf("%+v", one)
	}
}
