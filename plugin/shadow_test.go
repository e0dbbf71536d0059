package plugin

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/retrain/shadow"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

func wholeSet(set store.Set) (scoring.Models, error) {
	return scoring.Models{Detectors: set.Detectors}, nil
}

// another is the job of another series, which has its own noise.
func another(t *testing.T, n int) (job string, uid string) {
	t.Helper()
	spec := plugintest.CT()
	spec.SeriesUID = fmt.Sprintf("%s.%d", plugintest.SeriesUID, n)
	return plugintest.WriteCT(t, spec), spec.SeriesUID
}

func (r *running) submitAnother(t *testing.T, n int) {
	t.Helper()
	dir, uid := another(t, n)
	job := plugintest.Job(dir)
	job.SeriesUID = uid
	r.submit("/test", fmt.Sprint("job", n), job)
}

// ended waits for a run to end.
func ended(t *testing.T, dataDir string) (run shadow.Run, records []shadow.Record) {
	t.Helper()
	plugintest.WaitFor(t, func() bool {
		var err error
		run, records, err = shadow.Read(dataDir)
		plugintest.Must(t, err)
		return run.Schema != 0 && !run.Runs()
	})
	return run, records
}

// A candidate scores what was published and nobody sees it: results name the models in
// use alone, and the run ends at its number of nodules.
func TestShadow(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.UseModels, cfg.ModelVersion = wholeSet, store.Shipped
	m := importModels(t, cfg.DataDir, 31)[0]
	p := start(t, cfg)
	ctx := plugintest.Context(t)
	_, err := ChangeShadow(ctx, cfg.DataDir, ShadowChange{Version: store.Shipped, By: "ann", Nodules: 3, Days: 1})
	if CodeOf(err) != shadow.CodeInvalid {
		t.Errorf("the shadow of itself: %v", err)
	}
	run, err := ChangeShadow(ctx, cfg.DataDir, ShadowChange{Version: m.Version, By: "ann", Nodules: 3, Days: 1})
	if err != nil || !run.Runs() || run.Beside.Version != store.Shipped {
		t.Fatalf("%+v, %v", run, err)
	}
	if _, err := ChangeShadow(ctx, cfg.DataDir, ShadowChange{Version: m.Version, By: "ann", Nodules: 3, Days: 1}); CodeOf(err) != shadow.CodeInvalid {
		t.Errorf("a second run: %v", err)
	}
	for n := range 4 {
		p.submitAnother(t, n)
	}
	run, records := ended(t, cfg.DataDir)
	if run.Why != "3 nodules were scored" || len(records) != 3 || run.Counts != (shadow.Counts{Series: 3, Nodules: 3}) {
		t.Fatalf("%+v of %d records", run, len(records))
	}
	live := cfg.Detectors[0]
	raw := map[string]float64{}
	for _, r := range p.idle(4) {
		if len(r.Models) != 1 || r.Models[0].Digest != live.Digest() {
			t.Errorf("a result by %+v", r.Models)
		}
		raw[r.Identity] = r.Nodules[0].Scores[0].Raw
	}
	set, err := store.Open(cfg.DataDir).Load(m.Version)
	plugintest.Must(t, err)
	dir, uid := another(t, 0)
	req := request(t, dir)
	req.Job.SeriesUID, req.Detectors = uid, set.Detectors
	want, _, err := scoring.Score(ctx, req)
	plugintest.Must(t, err)
	for i, r := range records {
		pair := r.Pairs[0]
		if pair.Name != live.Name() || pair.Before.Raw != raw[r.Result] || pair.After.Raw == pair.Before.Raw || r.Finding != 1 || len(r.Scan) != nodule.PatchVoxels {
			t.Errorf("record %d: %+v", i, pair)
		}
		if i == 0 && pair.After.Raw != want.Nodules[0].Scores[0].Raw {
			t.Errorf("the candidate scored %g, alone %g", pair.After.Raw, want.Nodules[0].Scores[0].Raw)
		}
	}
	report := shadow.NewReport(run, records)
	var page bytes.Buffer
	plugintest.Must(t, report.WriteHTML(&page))
	if n := strings.Count(page.String(), "data:image/png"); n != 3 || report.Scores[0].Nodules != 3 {
		t.Errorf("%d pictures, %+v", n, report.Scores)
	}
}

// A live job stops what a candidate computes and is answered first; where candidates
// cannot follow, series are dropped and counted; a promotion ends the run.
func TestShadowGivesWay(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	began, stopped := make(chan struct{}, 100), make(chan struct{}, 100)
	var free atomic.Bool
	cfg.ModelVersion, cfg.UseModels = store.Shipped, func(set store.Set) (scoring.Models, error) {
		return scoring.Models{Detectors: []detector.Detector{plugintest.Wrapped{Detector: set.Detectors[0], Before: func(ctx context.Context, _ []nodule.Patch) error {
			if free.Load() {
				return nil
			}
			began <- struct{}{}
			<-ctx.Done()
			stopped <- struct{}{}
			return ctx.Err()
		}}}}, nil
	}
	m := importModels(t, cfg.DataDir, 32)[0]
	p := start(t, cfg)
	ctx := plugintest.Context(t)
	_, err := ChangeShadow(ctx, cfg.DataDir, ShadowChange{Version: m.Version, By: "ann", Nodules: 100, Days: 1})
	plugintest.Must(t, err)
	p.submitAnother(t, 0)
	<-began // the candidate computes, and would for ever
	p.submitAnother(t, 1)
	p.results(2)
	<-stopped
	r := p.results(2)[0]
	for range shadowBacklog + 7 {
		p.shadow.offer(published{result: r.Result})
	}
	run, _, err := shadow.Read(cfg.DataDir)
	if err != nil || run.Counts.Dropped < 7 || run.Counts.Nodules != 0 {
		t.Errorf("%+v, %v", run.Counts, err)
	}
	free.Store(true)
	_, err = ChangeModels(ctx, cfg.DataDir, store.Change{Version: m.Version, By: "ann", Forced: true, Reason: "test"})
	plugintest.Must(t, err)
	if run, _ = ended(t, cfg.DataDir); run.Why != "other models were promoted" {
		t.Errorf("ended because %s", run.Why)
	}
}
