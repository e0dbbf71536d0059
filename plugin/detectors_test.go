package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// untrainedGAN is a GAN-AD with weights that were never trained. Its reference
// lies above every score, so that nothing is flagged.
func untrainedGAN(t *testing.T, steps int) *detector.GANAD {
	t.Helper()
	n := models.ReferenceGAN
	g, c := n.NewParams(rand.New(rand.NewPCG(5, 6)))
	d, err := detector.NewGANAD(&models.TrainedGAN{GAN: n, Generator: g, Critic: c, Header: models.Header{
		Kind: "gan", Dims: n.Dims, Latent: n.Latent, Loss: models.WGANGP, Prior: models.UniformPrior, Preprocessing: nodule.PreprocessingVersion,
	}}, models.SearchSettings{Steps: steps}, detector.Calibration{
		Reference: []float64{100, 200}, Threshold: 300, DiameterMM: &[2]float64{4, 10},
	})
	plugintest.Must(t, err)
	return d
}

// flagging is a VAE-AD that flags everything.
func flagging(t *testing.T) *detector.VAEAD {
	t.Helper()
	d, err := plugintest.Untrained(1)
	plugintest.Must(t, err)
	d, err = detector.NewVAEAD(d.Header(), d.Params(), detector.Calibration{Reference: []float64{1e-9, 2e-9}, Threshold: 1e-9})
	plugintest.Must(t, err)
	return d
}

// Two detectors: two scores of every nodule, in their order, each as it would
// be alone, with how far they are apart.
func TestTwoDetectors(t *testing.T) {
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	v, g := flagging(t), untrainedGAN(t, 2)
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
		times[0].Score+times[1].Score > r.TimingsMS.Score {
		t.Errorf("timings %+v", r.TimingsMS)
	}
	// The nodule has 12 mm: within the range of one, outside that of the other.
	if d := cmp.Diff([]string{ApplyDiameter}, n.Applicability); d != "" {
		t.Error(d)
	}
}

func TestDiameters(t *testing.T) {
	v, g := flagging(t), untrainedGAN(t, 1)
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

// A detector that fails leaves the scores of the others, and an error that
// names it, in the result, in the audit trail and for readers that know of one
// detector alone.
func TestOneDetectorFails(t *testing.T) {
	cfg := testConfig(t)
	good, second := flagging(t), untrainedGAN(t, 1)
	fails := plugintest.Wrapped{Detector: second, Before: func(context.Context, []nodule.Patch) error { return plugintest.ErrTest }}
	cfg.Detectors = []detector.Detector{fails, good}
	p := start(t, cfg)
	p.submit("/test", "1", plugintest.Job(plugintest.WriteCT(t, plugintest.CT())))
	p.outcome(outcomeScored, 1)
	n := p.idle(1)[0].Nodules[0]
	if len(n.Scores) != 1 || n.Scores[0].Digest != good.Digest() || n.Disagreement != nil {
		t.Errorf("scores %+v, disagreement %+v", n.Scores, n.Disagreement)
	}
	want := []bus.ModelProblem{{Model: "gan-ad", Digest: second.Digest(), Problem: bus.Problem{
		Code: string(CodeDetectorFailed), Message: "score patch: gan-ad gave no score for this nodule; its weights may be damaged (detector_failed)",
	}}}
	if d := cmp.Diff(want, n.Failed); d != "" {
		t.Error(d)
	}
	if n.Error == nil || *n.Error != want[0].Problem {
		t.Errorf("error %+v", n.Error)
	}
	plugintest.Must(t, p.stop())
	if codes := auditRecords(t, cfg)[0].Codes; !cmp.Equal(codes, []string{string(CodeDetectorFailed)}) {
		t.Errorf("codes %v", codes)
	}

	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	req.Detectors = []detector.Detector{fails, notANumber{good}}
	r, _, err := Score(t.Context(), req)
	plugintest.Must(t, err)
	n = r.Nodules[0]
	if len(n.Scores) != 0 || len(n.Failed) != 2 || n.Failed[1].Code != string(CodeScoreNotFinite) || n.Error == nil || n.Error.Code != string(CodeDetectorFailed) {
		t.Errorf("both fail: %+v", n)
	}
	if _, err := bus.EncodeResult("/test", r); err != nil {
		t.Error(err)
	}
}

func auditRecords(t *testing.T, cfg Config) (records []AuditRecord) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(cfg.DataDir, "audit.jsonl"))
	plugintest.Must(t, err)
	_, _, err = VerifyAudit(bytes.NewReader(text), func(r AuditRecord) error {
		records = append(records, r)
		return nil
	})
	plugintest.Must(t, err)
	return records
}

// Two detectors over a broker, of which the second searches for longer than the
// broker waits: the job is scored once, and the result is that of Score. (On a
// machine that is busy enough to hold up the heartbeats the job comes again, to
// the second slot, and is answered by the ledger.)
func TestTwoDetectorsOverTheBus(t *testing.T) {
	b := plugintest.NewBroker(t)
	cfg := testConfig(t)
	cfg.Bus.URL, cfg.Queue.AckWait, cfg.Slots = b.URL, 200*time.Millisecond, 2
	cfg.Detectors = []detector.Detector{flagging(t), untrainedGAN(t, 12)}
	p, dir := start(t, cfg), plugintest.WriteCT(t, plugintest.CT())
	p.submit("/test", "j", plugintest.Job(dir))
	p.outcome(outcomeScored, 1)
	got := p.idle(1)[0]
	req := request(t, dir)
	req.Detectors = cfg.Detectors
	want, _, err := Score(t.Context(), req)
	plugintest.Must(t, err)
	want.Software = got.Software
	if d := cmp.Diff(want, got.Result, withoutTimings); d != "" {
		t.Error(d)
	}
	m := gather(t, p.Plugin)
	if m["nodulescope_flags_differ_total"] != 1 || m["nodulescope_deliveries_total/scored"] != 1 || m["nodulescope_deliveries_total/retried"] != 0 {
		t.Errorf("metrics %v", m)
	}
	plugintest.Must(t, p.stop())
	records := auditRecords(t, cfg)
	if len(records) != 1 || records[0].Disagree != 1 || !cmp.Equal(records[0].Models, []string{cfg.Detectors[0].Digest(), cfg.Detectors[1].Digest()}) {
		t.Errorf("audit trail %+v", records)
	}
	// A reader of the first schema sees both scores and no error.
	var old struct {
		Nodules []struct {
			Scores []struct {
				Model string  `json:"model"`
				Raw   float64 `json:"raw"`
			} `json:"scores"`
			Error *bus.Problem `json:"error"`
		} `json:"nodules"`
	}
	text, err := json.Marshal(got.Result)
	plugintest.Must(t, err)
	plugintest.Must(t, json.Unmarshal(text, &old))
	if n := old.Nodules[0]; len(n.Scores) != 2 || n.Scores[1].Raw != got.Nodules[0].Scores[1].Raw || n.Error != nil {
		t.Errorf("%+v", n)
	}
}

// A deadline that ends while a detector works puts the job aside: nobody needs
// the answer any more.
func TestDeadlineEndsTheSearch(t *testing.T) {
	cfg := testConfig(t)
	cfg.Detectors = []detector.Detector{untrainedGAN(t, 10_000)} // minutes
	p := start(t, cfg)
	job := plugintest.Job(plugintest.WriteCT(t, plugintest.CT()))
	end := time.Now().Add(time.Second)
	job.Deadline = &end
	p.submit("/test", "1", job)
	if letter := p.letter(1); letter.Code != string(CodeDeadlinePassed) || letter.JobID != "1" {
		t.Errorf("%+v", letter)
	}
	p.idle(0)
}
