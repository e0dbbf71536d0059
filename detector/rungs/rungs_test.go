package rungs

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/detector/features"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
)

// nodules are cases whose ratings follow size and density, two of a patient.
func nodules(n int, seed uint64) []Case {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]Case, n)
	for i := range out {
		c := &out[i]
		c.Patient, c.Readers = fmt.Sprintf("patient %d", i/2), 1+rng.IntN(4)
		size := rng.NormFloat64()
		for k := range c.Features {
			c.Features[k] = rng.NormFloat64()
			if features.All()[k].Group == features.Size {
				c.Features[k] = 5 + size + 0.2*rng.NormFloat64()
			}
		}
		c.DiameterMM = math.Exp(2 + size/3)
		c.Rating = min(max(3+size-c.Features[12]/2+0.5*rng.NormFloat64(), 1), 5)
		c.Label = nodule.LabelOf(int(math.Round(c.Rating)))
	}
	return out
}

func train(t *testing.T, cases []Case) *Rungs {
	t.Helper()
	r, err := Train(context.Background(), cases, TrainOptions{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func weightsOf(r *Rungs, n Name) string {
	var all []any
	for i := range r.Rungs {
		if g := &r.Rungs[i]; g.Name == n {
			all = append(all, g.Choice, g.Model, g.Held)
		}
	}
	b, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestNormalsOnly: nothing of the others reaches its weights.
func TestNormalsOnly(t *testing.T) {
	cases := nodules(240, 1)
	want := weightsOf(train(t, cases), NormalsOnly)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range cases {
		c := &cases[i]
		if c.Label == nodule.Normal {
			continue
		}
		c.Label, c.Rating = nodule.Anomaly, 4+rng.Float64()
		if rng.IntN(2) == 0 {
			c.Label, c.Rating = nodule.Indeterminate, 3
		}
		for k := range c.Features {
			c.Features[k] += 3 * rng.NormFloat64()
		}
		c.DiameterMM *= 1 + rng.Float64()
	}
	if weightsOf(train(t, cases), NormalsOnly) != want {
		t.Error("labels and pixels of the others change the weights")
	}
	cases[slices.IndexFunc(cases, func(c Case) bool { return c.Label == nodule.Normal })].Features[3]++
	if weightsOf(train(t, cases), NormalsOnly) == want {
		t.Error("a normal does not change the weights")
	}
}

// TestUnlabelled: the ratings of the others do not reach its weights.
func TestUnlabelled(t *testing.T) {
	cases := nodules(240, 2)
	r := train(t, cases)
	want, rated := weightsOf(r, Unlabelled), weightsOf(r, Rated)
	var others []int
	for i := range cases {
		if cases[i].Label != nodule.Normal {
			others = append(others, i)
		}
	}
	rng := rand.New(rand.NewPCG(5, 6))
	rng.Shuffle(len(others), func(a, b int) {
		x, y := &cases[others[a]], &cases[others[b]]
		x.Label, y.Label, x.Rating, y.Rating = y.Label, x.Label, y.Rating, x.Rating
	})
	r = train(t, cases)
	if weightsOf(r, Unlabelled) != want {
		t.Error("ratings of the others change the weights")
	}
	if weightsOf(r, Rated) == rated {
		t.Error("ratings do not change what is learned of ratings")
	}
}

// A nodule that nobody has rated is one more for normals-unlabelled, and teaches
// no rating.
func TestUnrated(t *testing.T) {
	cases := nodules(120, 1)
	more := func(rating float64) *Rungs {
		all := slices.Clone(cases)
		for i := range 20 {
			c := cases[i]
			c.Patient, c.Label, c.Readers, c.Rating, c.Unrated = "new", nodule.Indeterminate, 0, rating, true
			all = append(all, c)
		}
		return train(t, all)
	}
	without, three, five := train(t, cases), more(3), more(5)
	last := func(r *Rungs) string {
		b, err := json.Marshal(r.Rungs[2].Model)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if without.Rungs[2].Name != Rated || without.Rungs[2].Choice == three.Rungs[2].Choice && last(without) != last(three) || last(three) != last(five) {
		t.Error("readers-ratings has learned from nodules without a rating")
	}
	if weightsOf(without, Unlabelled) == weightsOf(three, Unlabelled) {
		t.Error("normals-unlabelled has not")
	}
}

// TestSame: trained again, and with the rungs read back, all is the same to the bit.
func TestSame(t *testing.T) {
	cases := nodules(240, 3)
	r := train(t, cases)
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := train(t, cases).Encode()
	if err != nil || string(again) != string(b) {
		t.Fatalf("another file: %v", err)
	}
	read, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		want, err := r.Score(cases[i].Features, cases[i].DiameterMM)
		if err != nil {
			t.Fatal(err)
		}
		got, err := read.Score(cases[i].Features, cases[i].DiameterMM)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	}
}

// TestRanks: every rung tells the classes apart, and every answer is possible.
func TestRanks(t *testing.T) {
	r, fresh := train(t, nodules(400, 4)), nodules(200, 5)
	high := map[string][2][]float64{}
	for i := range fresh {
		answer, err := r.Score(fresh[i].Features, fresh[i].DiameterMM)
		if err != nil {
			t.Fatal(err)
		}
		if len(answer.All) != 6 || answer.Headline.Rung != Rated || !answer.Headline.Diameter {
			t.Fatalf("%d scores, the headline of %s", len(answer.All), answer.Headline.Rung)
		}
		for _, s := range answer.All {
			if !(s.Low <= s.Probability && s.Probability <= s.High && s.Low >= 0 && s.High <= 1 && s.Percentile >= 0 && s.Percentile <= 100) {
				t.Fatalf("%+v", s)
			}
			if n := features.Count; len(s.Parts) < n || math.Abs(s.Parts[0].Adds) < math.Abs(s.Parts[n-1].Adds) {
				t.Fatalf("parts: %+v", s.Parts)
			}
			if fresh[i].Label != nodule.Indeterminate {
				name := s.Rung.row(s.Diameter)
				v := high[name]
				v[fresh[i].Label-nodule.Normal] = append(v[fresh[i].Label-nodule.Normal], s.Raw)
				high[name] = v
			}
		}
		without, err := r.Score(fresh[i].Features, 0)
		if err != nil || len(without.All) != 3 || without.Headline.Diameter {
			t.Fatalf("without a diameter: %d scores, %v", len(without.All), err)
		}
	}
	for name, v := range high {
		won := 0.0
		for _, a := range v[1] {
			for _, b := range v[0] {
				if a > b {
					won++
				}
			}
		}
		if area := won / float64(len(v[0])*len(v[1])); area < 0.8 {
			t.Errorf("%s: %.2f", name, area)
		}
	}
}

// TestMass: larger than all of the training is never below the normals, whatever
// else it looks like, the more so the larger, and is named.
func TestMass(t *testing.T) {
	cases := nodules(300, 6)
	r := train(t, cases)
	v := cases[slices.IndexFunc(cases, func(c Case) bool { return c.Label == nodule.Normal })].Features
	for i := range r.Rungs {
		if high := r.Rungs[i].Model.Scale.High[0]; r.Rungs[i].Larger(features.Vector{high}) || !r.Rungs[i].Larger(features.Vector{high + 0.01}) {
			t.Errorf("rung %d does not know what is larger than %g", i, high)
		}
	}
	before := map[Name]float64{}
	for _, more := range []float64{12, 14, 16} {
		v[0] = more
		answer, err := r.Score(v, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range answer.All {
			if s.Percentile <= 95 || !s.Flagged || s.Code != OutsideRange || !slices.Contains(s.Outside, "log_volume") {
				t.Errorf("%s: percentile %.0f, flagged %v, code %q, outside %v", s.Rung, s.Percentile, s.Flagged, s.Code, s.Outside)
			}
			if old, ok := before[s.Rung]; ok && s.Raw <= old {
				t.Errorf("%s: %g is not above %g of the smaller one", s.Rung, s.Raw, old)
			}
			before[s.Rung] = s.Raw
		}
	}
}

func TestRefusedCases(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(cases []Case) []Case
		code   coded.Code
	}{
		"one class": {func(c []Case) []Case {
			return slices.DeleteFunc(c, func(c Case) bool { return c.Label == nodule.Anomaly })
		}, CodeOneClass},
		"no normal": {func(c []Case) []Case {
			return slices.DeleteFunc(c, func(c Case) bool { return c.Label == nodule.Normal })
		}, CodeTooFew},
		"19 normals": {func(c []Case) []Case {
			n := 0
			return slices.DeleteFunc(c, func(c Case) bool {
				if c.Label == nodule.Normal {
					n++
				}
				return c.Label == nodule.Normal && n > 19
			})
		}, CodeTooFew},
		"constant": {func(c []Case) []Case {
			for i := range c {
				c[i].Features[7] = 3
			}
			return c
		}, CodeConstant},
		"NaN": {func(c []Case) []Case {
			c[5].Features[2] = math.NaN()
			return c
		}, features.CodeNotFinite},
		"infinite": {func(c []Case) []Case {
			c[5].Features[2] = math.Inf(1)
			return c
		}, features.CodeNotFinite},
		"rating": {func(c []Case) []Case {
			c[5].Rating = math.NaN()
			return c
		}, CodeRating},
		"nothing":   {func([]Case) []Case { return nil }, CodeTooFew},
		"one group": {func(c []Case) []Case { return c[:1] }, CodeTooFew},
		"one person": {func(c []Case) []Case {
			for i := range c {
				c[i].Patient = "one"
			}
			return c
		}, CodeTooFew},
	} {
		_, err := Train(context.Background(), tt.change(nodules(240, 7)), TrainOptions{})
		if coded.CodeOf(err) != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
}

func TestRefusedNodule(t *testing.T) {
	cases := nodules(240, 8)
	r := train(t, cases)
	v := cases[0].Features
	if _, err := r.Score(v, math.NaN()); coded.CodeOf(err) != CodeRating {
		t.Errorf("diameter: %v", err)
	}
	v[4] = math.NaN()
	if _, err := r.Score(v, 0); coded.CodeOf(err) != features.CodeNotFinite {
		t.Errorf("NaN: %v", err)
	}
}

// TestHeldOut: patients who are held out of everything are not trained on.
func TestHeldOut(t *testing.T) {
	cases := nodules(240, 9)
	want := weightsOf(train(t, cases), Rated)
	more := nodules(2, 10)
	for i := range more {
		more[i].Patient = nodule.HeldOutPatients()[i]
	}
	if weightsOf(train(t, append(cases, more...)), Rated) != want {
		t.Error("they are")
	}
}
