package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// A detector that fails leaves the scores of the others, and an error that
// names it, in the result, in the audit trail and for readers that know of one
// detector alone.
func TestOneDetectorFails(t *testing.T) {
	cfg := testConfig(t)
	good, second := plugintest.Flagging(t), plugintest.UntrainedGAN(t, 1)
	fails := plugintest.Wrapped{Detector: second, Before: func(context.Context, []nodule.Patch) error { return plugintest.ErrTest }}
	cfg.Detectors = []detector.Detector{fails, good}
	p := start(t, cfg)
	p.submit("/test", "1", plugintest.Job(plugintest.WriteCT(t, plugintest.CT())))
	p.outcome(jobs.Scored, 1)
	n := p.idle(1)[0].Nodules[0]
	if len(n.Scores) != 1 || n.Scores[0].Digest != good.Digest() || n.Disagreement != nil {
		t.Errorf("scores %+v, disagreement %+v", n.Scores, n.Disagreement)
	}
	want := []bus.ModelProblem{{Model: "gan-ad", Digest: second.Digest(), Problem: bus.Problem{
		Code: string(scoring.CodeDetectorFailed), Message: "score patch: gan-ad gave no score for this nodule; its weights may be damaged (detector_failed)",
	}}}
	if d := cmp.Diff(want, n.Failed); d != "" {
		t.Error(d)
	}
	if n.Error == nil || *n.Error != want[0].Problem {
		t.Errorf("error %+v", n.Error)
	}
	plugintest.Must(t, p.stop())
	if codes := auditRecords(t, cfg)[0].Codes; !cmp.Equal(codes, []string{string(scoring.CodeDetectorFailed)}) {
		t.Errorf("codes %v", codes)
	}

	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	req.Detectors = []detector.Detector{fails, plugintest.NotANumber{Detector: good}}
	r, _, err := scoring.Score(t.Context(), req)
	plugintest.Must(t, err)
	n = r.Nodules[0]
	if len(n.Scores) != 0 || len(n.Failed) != 2 || n.Failed[1].Code != string(scoring.CodeScoreNotFinite) || n.Error == nil || n.Error.Code != string(scoring.CodeDetectorFailed) {
		t.Errorf("both fail: %+v", n)
	}
	if _, err := bus.EncodeResult("/test", r); err != nil {
		t.Error(err)
	}
}

func auditRecords(t *testing.T, cfg Config) (records []audit.Record) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(cfg.DataDir, "audit.jsonl"))
	plugintest.Must(t, err)
	_, _, err = audit.Verify(bytes.NewReader(text), func(r audit.Record) error {
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
	t.Parallel()
	b := plugintest.NewBroker(t)
	cfg := testConfig(t)
	cfg.Bus.URL, cfg.Queue.AckWait, cfg.Slots = b.URL, 200*time.Millisecond, 2
	cfg.Detectors = []detector.Detector{plugintest.Flagging(t), plugintest.UntrainedGAN(t, 12)}
	p, dir := start(t, cfg), plugintest.WriteCT(t, plugintest.CT())
	p.submit("/test", "j", plugintest.Job(dir))
	p.outcome(jobs.Scored, 1)
	got := p.idle(1)[0]
	req := request(t, dir)
	req.Detectors = cfg.Detectors
	want, _, err := scoring.Score(t.Context(), req)
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
	cfg.Detectors = []detector.Detector{plugintest.UntrainedGAN(t, 10_000)} // minutes
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
