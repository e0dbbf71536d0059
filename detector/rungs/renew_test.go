package rungs

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
)

// elsewhere are the cases of a site whose scanner measures density in another way,
// so that what raises a rating there is another mix of features.
func elsewhere(n int, seed uint64) []Case {
	out := nodules(n, seed)
	for i := range out {
		c := &out[i]
		c.Patient = "site " + c.Patient
		c.Features[12], c.Features[13] = c.Features[13]+1, c.Features[12]
	}
	return out
}

var trained = sync.OnceValues(func() (*Rungs, error) {
	return Train(context.Background(), nodules(300, 1), TrainOptions{Seed: 1})
})

// incumbent are rungs of another place, made once.
func incumbent(t *testing.T) *Rungs {
	t.Helper()
	r, err := trained()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// area is the AUROC of a rung without a diameter on new cases.
func area(t *testing.T, r *Rungs, n Name, cases []Case) float64 {
	t.Helper()
	var scores []float64
	var anomalous []bool
	for i := range cases {
		if cases[i].Label == nodule.Indeterminate {
			continue
		}
		a, err := r.Score(cases[i].Features, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range a.All {
			if s.Rung == n {
				scores, anomalous = append(scores, s.Raw), append(anomalous, cases[i].Label == nodule.Anomaly)
			}
		}
	}
	v, err := stats.DeLong(scores, anomalous)
	if err != nil {
		t.Fatal(err)
	}
	return v.Value
}

func renew(t *testing.T, from *Rungs, cases []Case, o RenewOptions) (*Rungs, []Change) {
	t.Helper()
	r, changes, err := Renew(context.Background(), from, cases, o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := Decode(b)
	if err != nil || read.Digest() != r.Digest() {
		t.Fatalf("what was renewed cannot be read: %v", err)
	}
	return read, changes
}

// Continued on a site's cases, the headline ranks its new nodules better than
// before; one label of ten wrong takes little of that away.
func TestRenewGains(t *testing.T) {
	old := incumbent(t)
	site, fresh := elsewhere(300, 2), elsewhere(500, 3)
	before := area(t, old, Rated, fresh)
	r, changes := renew(t, old, site, RenewOptions{Learn: Names(), Data: "sha256:site", Attribution: "the site's"})
	after := area(t, r, Rated, fresh)
	if after < before+0.02 {
		t.Errorf("%.3f before, %.3f after: %+v", before, after, changes[2])
	}
	if r.Data != "sha256:site" || r.Attribution != "the site's" {
		t.Errorf("%q, %q", r.Data, r.Attribution)
	}
	rng := rand.New(rand.NewPCG(4, 4))
	for i := range site {
		if rng.IntN(10) == 0 {
			c := &site[i]
			c.Rating = 6 - c.Rating
			switch c.Label {
			case nodule.Normal:
				c.Label = nodule.Anomaly
			case nodule.Anomaly:
				c.Label = nodule.Normal
			}
		}
	}
	r, _ = renew(t, old, site, RenewOptions{Learn: Names()})
	if noisy := area(t, r, Rated, fresh); noisy < before || noisy < after-0.02 {
		t.Errorf("%.3f before, %.3f after, %.3f with wrong labels", before, after, noisy)
	}
}

// Where a site is as the training was, continuing loses nothing that can be seen.
func TestRenewLosesNothing(t *testing.T) {
	old, fresh := incumbent(t), nodules(500, 3)
	site := nodules(80, 2)
	for i := range site {
		site[i].Patient = "site " + site[i].Patient
	}
	r, changes := renew(t, old, site, RenewOptions{Learn: Names()})
	for _, n := range Names() {
		if before, after := area(t, old, n, fresh), area(t, r, n, fresh); after < before-0.01 {
			t.Errorf("%s: %.3f before, %.3f after; %+v", n, before, after, changes)
		}
	}
}

// Recalibrated, models are as they were, and the site's share is flagged.
func TestRenewRecalibrates(t *testing.T) {
	old, site := incumbent(t), elsewhere(300, 2)
	r, changes := renew(t, old, site, RenewOptions{})
	for i := range r.Rungs {
		if diff := cmp.Diff(old.Rungs[i].Model.Weight, r.Rungs[i].Model.Weight); diff != "" || changes[i].Did != DidRecalibrate {
			t.Errorf("%s: %s%s", r.Rungs[i].Name, changes[i].Did, diff)
		}
		c := &r.Rungs[i].Calibration
		if s := c.AtThreshold.Sensitivity.Value; s < 0.88 || s > 0.92 {
			t.Errorf("%s: sensitivity %.2f", r.Rungs[i].Name, s)
		}
	}
	again, _ := renew(t, old, site, RenewOptions{})
	if again.Digest() != r.Digest() {
		t.Error("the same cases give another file")
	}
	normals := slices.DeleteFunc(slices.Clone(site), func(c Case) bool { return c.Label == nodule.Anomaly })
	r, changes = renew(t, old, normals, RenewOptions{})
	for i := range r.Rungs {
		is, was := &r.Rungs[i].Calibration, &old.Rungs[i].Calibration
		if changes[i].Did != DidReference || is.Logistic != was.Logistic || is.Threshold != was.Threshold || len(is.Reference) == len(was.Reference) {
			t.Errorf("%s: %s", r.Rungs[i].Name, changes[i].Did)
		}
	}
}

// From scratch the rungs are those that Train makes of the cases.
func TestRenewFromScratch(t *testing.T) {
	old, site := incumbent(t), elsewhere(300, 2)
	r, _ := renew(t, old, site, RenewOptions{Learn: Names(), Scratch: true, Seed: 1})
	if got, want := weightsOf(r, Rated), weightsOf(train(t, site), Rated); got != want {
		t.Error("the weights differ")
	}
	part, changes := renew(t, old, site, RenewOptions{Learn: []Name{NormalsOnly}, Scratch: true, Seed: 1})
	if weightsOf(part, Rated) != weightsOf(old, Rated) || weightsOf(part, NormalsOnly) == weightsOf(old, NormalsOnly) || changes[0].Did != DidScratch {
		t.Errorf("%+v", changes)
	}
}

func TestRenewRefuses(t *testing.T) {
	old, site := incumbent(t), elsewhere(300, 2)
	var few []Case
	for _, c := range site {
		if c.Label != nodule.Normal || len(few) < 10 {
			few = append(few, c)
		}
	}
	wantRefused(t, old, slices.DeleteFunc(few, func(c Case) bool { return c.Label == nodule.Normal }), RenewOptions{}, CodeTooFew)
	wantRefused(t, old, slices.DeleteFunc(slices.Clone(site), func(c Case) bool { return c.Label == nodule.Anomaly }), RenewOptions{Learn: Names()}, CodeTooFew)
	wrong := slices.Clone(site)
	wrong[3].Rating = 9
	wantRefused(t, old, wrong, RenewOptions{}, CodeRating)
	moved, err := old.AtPrevalence(0.05)
	if err != nil {
		t.Fatal(err)
	}
	wantRefused(t, moved, site, RenewOptions{}, CodeInvalid)
}

func wantRefused(t *testing.T, from *Rungs, cases []Case, o RenewOptions, code coded.Code) {
	t.Helper()
	if _, _, err := Renew(context.Background(), from, cases, o); coded.CodeOf(err) != code {
		t.Errorf("%v, want %s", err, code)
	}
}
