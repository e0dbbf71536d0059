package scoring

import (
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// Two detectors: two scores of every nodule, in their order, each as it would
// be alone, with how far they are apart.
func TestTwoDetectors(t *testing.T) {
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	v, g := plugintest.Flagging(t), plugintest.UntrainedGAN(t, 2)
	var alone []bus.NoduleScore
	var identities []string
	for _, d := range []detector.Detector{v, g} {
		req.Detectors = []detector.Detector{d}
		r, _, err := Score(t.Context(), req)
		plugintest.Must(t, err)
		if r.Nodules[0].Disagreement != nil {
			t.Errorf("one detector disagrees with itself: %+v", r.Nodules[0].Disagreement)
		}
		alone, identities = append(alone, r.Nodules[0].Scores...), append(identities, r.Identity)
	}
	req.Detectors = []detector.Detector{v, g}
	r, details, err := Score(t.Context(), req)
	plugintest.Must(t, err)
	n := r.Nodules[0]
	if d := cmp.Diff(alone, n.Scores); d != "" || n.Error != nil || n.Failed != nil {
		t.Errorf("scores differ from those alone, or an error came: %+v\n%s", n.Error, d)
	}
	if d := cmp.Diff(&bus.Disagreement{PercentileGap: 100, FlagsDiffer: true}, n.Disagreement); d != "" {
		t.Error(d)
	}
	if terms := n.Scores[1].Terms; len(terms) < 4 || terms[0].Value != n.Scores[1].Raw {
		t.Errorf("terms %+v", terms)
	}
	if len(details[0].Scores) != 2 || len(details[0].Scores[1].Reconstruction) != nodule.PatchVoxels || len(details[0].Scores[1].Curve) != 3 {
		t.Error("the detail of the search is not complete")
	}
	if r.Identity == identities[0] || r.Identity == identities[1] {
		t.Error("the identity does not cover both detectors")
	}
	if m := r.Models; len(m) != 2 || m[0].Digest != v.Digest() || m[1].Digest != g.Digest() || m[0].DiameterMM != nil || *m[1].DiameterMM != [2]float64{4, 10} {
		t.Errorf("models %+v", m)
	}
	times := r.TimingsMS.Models
	if len(times) != 2 || times[0].Model != "vae-ad" || times[1].Digest != g.Digest() || times[1].Score <= 0 ||
		max(times[0].Score, times[1].Score) > r.TimingsMS.Score {
		t.Errorf("timings %+v", r.TimingsMS)
	}
	// The nodule has 12 mm: within the range of one, outside that of the other.
	if d := cmp.Diff([]string{ApplyDiameter}, n.Applicability); d != "" {
		t.Error(d)
	}
}

func TestDiameters(t *testing.T) {
	v, g := plugintest.Flagging(t), plugintest.UntrainedGAN(t, 1)
	for name, c := range map[string]struct {
		detectors []detector.Detector
		low, high float64
	}{
		"a file that does not say":     {[]detector.Detector{v}, 3, 13},
		"a file that says":             {[]detector.Detector{g}, 4, 10},
		"both":                         {[]detector.Detector{v, g}, 4, 10},
		"a detector that does not say": {[]detector.Detector{plugintest.Wrapped{Detector: g, Before: nil}}, 3, 13},
	} {
		if low, high := diameters(c.detectors); low != c.low || high != c.high {
			t.Errorf("%s: %g to %g mm, want %g to %g", name, low, high, c.low, c.high)
		}
	}
}

func TestDisagreement(t *testing.T) {
	score := func(percentile float64, flag bool) bus.NoduleScore {
		return bus.NoduleScore{Percentile: percentile, Anomalous: flag}
	}
	for name, c := range map[string]struct {
		scores []bus.NoduleScore
		want   *bus.Disagreement
	}{
		"none":        {nil, nil},
		"one":         {[]bus.NoduleScore{score(99, true)}, nil},
		"agree":       {[]bus.NoduleScore{score(90, true), score(95, true)}, &bus.Disagreement{PercentileGap: 5}},
		"both normal": {[]bus.NoduleScore{score(60, false), score(20, false)}, &bus.Disagreement{PercentileGap: 40}},
		"flags":       {[]bus.NoduleScore{score(50, false), score(50, true)}, &bus.Disagreement{FlagsDiffer: true}},
		"three":       {[]bus.NoduleScore{score(30, false), score(99, true), score(10, false)}, &bus.Disagreement{PercentileGap: 89, FlagsDiffer: true}},
	} {
		if d := cmp.Diff(c.want, disagreement(c.scores)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// waiting is a detector that scores once all of its kind have been asked.
type waiting struct {
	detector.Detector
	asked *sync.WaitGroup
}

func (w waiting) Score(ctx context.Context, patches []nodule.Patch) ([]detector.Score, error) {
	w.asked.Done()
	w.asked.Wait()
	return w.Detector.Score(ctx, patches)
}

// TestDetectorsSideBySide: all are at work at the same time. One after the other
// this would never end.
func TestDetectorsSideBySide(t *testing.T) {
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	var asked sync.WaitGroup
	asked.Add(2)
	req.Detectors = []detector.Detector{waiting{plugintest.Flagging(t), &asked}, waiting{plugintest.UntrainedGAN(t, 1), &asked}}
	r, _, err := Score(t.Context(), req)
	if err != nil || len(r.Nodules[0].Scores) != 2 {
		t.Errorf("%+v, %v", r.Nodules, err)
	}
}

// panicking is a detector with a fault.
type panicking struct{ detector.Detector }

func (panicking) Name() string   { return "faulty" }
func (panicking) Digest() string { return "sha256:f" }

func (panicking) Score(context.Context, []nodule.Patch) ([]detector.Score, error) { panic("fault") }

// TestDetectorThatPanics: whoever asked for the scores gets its panic, and can
// recover.
func TestDetectorThatPanics(t *testing.T) {
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	d := plugintest.Flagging(t)
	req.Detectors = []detector.Detector{d, panicking{d}}
	defer func() {
		if v := recover(); v != "fault" {
			t.Errorf("recovered %v", v)
		}
	}()
	_, _, err := Score(t.Context(), req)
	t.Errorf("no panic: %v", err)
}
