package scoring

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// TestHeadline: an outlined nodule has one answer with what it is made of; its
// other scores stay; prevalence moves the probability alone.
func TestHeadline(t *testing.T) {
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	req.Job.Nodules = append(req.Job.Nodules, bus.JobNodule{ID: "lung", PositionLPS: [3]float64{-12, 0, 0}, DiameterMM: 6})
	req.Outliner = plugintest.Outliner(t)
	plain, _, err := Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if req.Rungs, err = rungs.Pretrained(); err != nil {
		t.Fatal(err)
	}
	r, _ := scoreInStages(t, req, "read", "cut", "outline", "score")
	if r.Identity == plain.Identity || plain.Rungs != nil || plain.Nodules[0].Headline != nil {
		t.Error("a result with headlines is another one")
	}
	if d := cmp.Diff(plain.Nodules[0].Scores, r.Nodules[0].Scores); d != "" {
		t.Errorf("a headline changes scores:\n%s", d)
	}
	n := r.Nodules[0]
	h := n.Headline
	if h == nil || n.HeadlineError != nil || h.Rung != string(rungs.Rated) || h.Diameter != (n.DiameterMM > 0) ||
		!(0 <= h.Low && h.Low < h.Probability && h.Probability < h.High && h.High <= 1) || len(h.Parts) != shownParts || len(h.Others) != 2 {
		t.Fatalf("%+v, %+v", h, n.HeadlineError)
	}
	if slices.Contains(n.Applicability, ApplyOutsideTraining) != (len(h.Outside) > 0) {
		t.Errorf("outside %v, limits of use %v", h.Outside, n.Applicability)
	}
	size := slices.IndexFunc(h.Parts, func(p bus.Part) bool { return p.Feature == "log_short_axis" })
	if size < 0 || h.Parts[size].Unit != "mm" || math.Abs(h.Parts[size].Value-12) > 1 {
		t.Errorf("a part in millimetres is told without its logarithm: %+v", h.Parts)
	}
	g := r.RungOf(&h.RungScore)
	if g == nil || g.Sensitivity.Of == 0 || g.Specificity.Of == 0 || h.Flagged != (h.Raw > g.Threshold) {
		t.Errorf("%+v of %+v", g, h.RungScore)
	}
	if lung := r.Nodules[1]; lung.Headline != nil || lung.HeadlineError != nil {
		t.Errorf("where there is no nodule: %+v, %+v", lung.Headline, lung.HeadlineError)
	}

	if req.Rungs, err = req.Rungs.AtPrevalence(0.05); err != nil {
		t.Fatal(err)
	}
	rare, _, err := Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	logit := func(p float64) float64 { return math.Log(p / (1 - p)) }
	low := rare.Nodules[0].Headline
	if moved := logit(h.Probability) - logit(low.Probability); math.Abs(moved-(logit(g.Prevalence)-logit(0.05))) > 1e-9 ||
		low.Percentile != h.Percentile || low.Flagged != h.Flagged || rare.Identity == r.Identity || rare.RungOf(&low.RungScore).Prevalence != 0.05 {
		t.Errorf("%+v instead of %+v", low, h)
	}
	b, err := bus.EncodeResult("/test", r)
	if err != nil {
		t.Fatal(err)
	}
	if _, back, err := bus.DecodeResult(b); err != nil || cmp.Diff(r, back) != "" {
		t.Errorf("%v\n%s", err, cmp.Diff(r, back))
	}
}

// TestHeadlineFails: what cannot be scored says so, and costs no other score.
func TestHeadlineFails(t *testing.T) {
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	req.Outliner = plugintest.Outliner(t)
	req.Rungs = &rungs.Rungs{Rungs: []rungs.Rung{{Name: rungs.Rated}}} // without a model
	r, _, err := Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	n := r.Nodules[0]
	if n.Headline != nil || n.HeadlineError == nil || n.HeadlineError.Code != string(CodeHeadlineFailed) || len(n.Scores) == 0 || n.Error != nil {
		t.Errorf("%+v, %+v", n.Headline, n.HeadlineError)
	}
	if _, err := req.Rungs.AtPrevalence(1); err == nil {
		t.Error("a prevalence of 1 is taken")
	}
}
