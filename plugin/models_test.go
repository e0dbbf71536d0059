package plugin

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// stamped is a detector whose score says which one it is.
type stamped struct{ detector.Detector }

func stamp(digest string) float64 {
	h := fnv.New32a()
	h.Write([]byte(digest))
	return float64(h.Sum32() % 1000)
}

func (s stamped) Score(_ context.Context, patches []nodule.Patch) ([]detector.Score, error) {
	scores := make([]detector.Score, len(patches))
	for i := range scores {
		scores[i].Raw = stamp(s.Digest())
	}
	return scores, nil
}

func stampedModels(set store.Set) (scoring.Models, error) {
	var m scoring.Models
	for _, d := range set.Detectors {
		m.Detectors = append(m.Detectors, stamped{d})
	}
	return m, nil
}

// importModels puts versions of untrained detectors into the store of a data folder.
func importModels(t *testing.T, dataDir string, seeds ...uint64) (versions []store.Manifest) {
	t.Helper()
	for _, seed := range seeds {
		m, _, err := store.Open(dataDir).Import(plugintest.Candidate(t, seed, nil))
		plugintest.Must(t, err)
		versions = append(versions, m)
	}
	return versions
}

// TestModelsSwitch promotes and rolls back while jobs come and are in work: each is
// answered once, a job in work ends with the models that it began with, and every
// score is by the model that the result names.
func TestModelsSwitch(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Slots, cfg.UseModels, cfg.ModelVersion = 2, stampedModels, store.Shipped
	versions := importModels(t, cfg.DataDir, 21, 22)
	digestOf := func(m store.Manifest) string { return m.Scoring()[0].SHA256 }
	began, finish := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	was := stamped{cfg.Detectors[0]}
	cfg.Detectors = []detector.Detector{plugintest.Wrapped{Detector: was, Before: func(context.Context, []nodule.Patch) error {
		if first.CompareAndSwap(false, true) {
			close(began)
			<-finish
		}
		return nil
	}}}
	p := start(t, cfg)
	submit := func(id string, n int) {
		spec := plugintest.CT()
		spec.SeriesUID = fmt.Sprintf("%s.%d", plugintest.SeriesUID, n)
		job := plugintest.Job(plugintest.WriteCT(t, spec))
		job.SeriesUID = spec.SeriesUID
		p.submit("/test", id, job)
	}
	change := func(c store.Change, from, to, digest string) {
		t.Helper()
		c.By, c.Forced = "ann", !c.Rollback
		changed, err := ChangeModels(plugintest.Context(t), cfg.DataDir, c)
		plugintest.Must(t, err)
		if changed.From.Version != from || changed.To.Version != to || changed.Service != store.ServiceSwitched {
			t.Errorf("%+v", changed)
		}
		if v := p.Version(); v.ModelVersion != to || v.Models[0].Digest != digest || gather(t, p.Plugin)["nodulescope_jobs_in_work"] > 2 {
			t.Errorf("/version has %s %s", v.ModelVersion, v.Models[0].Digest)
		}
	}
	a, b := versions[0], versions[1]
	submit("in work", 0)
	<-began
	change(store.Change{Version: a.Version, Reason: "test"}, store.Shipped, a.Version, digestOf(a))
	submit("after", 1)
	p.results(1) // the other slot answers it
	close(finish)
	p.results(2)
	jobs := 2
	for round := range 3 {
		for range 4 {
			submit(fmt.Sprint("many", jobs), jobs)
			jobs++
		}
		if round%2 == 0 {
			change(store.Change{Version: b.Version}, a.Version, b.Version, digestOf(b))
		} else {
			change(store.Change{Rollback: true}, b.Version, a.Version, digestOf(a))
		}
	}
	known := []string{was.Digest(), digestOf(a), digestOf(b)}
	by := map[string]string{}
	for _, r := range p.idle(jobs) {
		if len(r.Models) != 1 || !slices.Contains(known, r.Models[0].Digest) {
			t.Fatalf("%s was scored by %+v", r.JobID, r.Models)
		}
		digest := r.Models[0].Digest
		by[r.JobID] = digest
		for _, s := range r.Nodules[0].Scores {
			if s.Digest != digest || s.Raw != stamp(digest) {
				t.Errorf("%s: a score %g by %s in a result of %s", r.JobID, s.Raw, s.Digest, digest)
			}
		}
	}
	if len(by) != jobs || by["in work"] != was.Digest() || by["after"] != digestOf(a) {
		t.Errorf("%d of %d jobs, in work by %s, after by %s", len(by), jobs, by["in work"], by["after"])
	}
	plugintest.Must(t, p.stop())
	var kinds []string
	for _, r := range auditRecords(t, cfg) {
		if r.Kind == audit.KindPromoted || r.Kind == audit.KindRolledBack {
			kinds = append(kinds, r.Kind+" "+r.User+" "+r.Detail+" "+r.Reason)
		}
	}
	if want := "promoted ann shipped to " + a.Version + " test"; len(kinds) != 4 || kinds[0] != want || kinds[2] != "rolled_back ann "+b.Version+" to "+a.Version+" " {
		t.Errorf("the trail has %q", kinds)
	}
}

// TestModelsAtStart: what was promoted while no service ran, or just before it had
// the data folder, scores from its start on; one that cannot be loaded keeps it from
// starting.
func TestModelsAtStart(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	version := importModels(t, cfg.DataDir, 23)[0]
	_, err := ChangeModels(plugintest.Context(t), cfg.DataDir, store.Change{Version: version.Version, By: "ann", Forced: true})
	plugintest.WantCode(t, err, CodeLedger) // no service has run here
	p := start(t, cfg)
	changed, err := ChangeModels(plugintest.Context(t), cfg.DataDir, store.Change{Version: version.Version, By: "ann", Forced: true})
	if err != nil || changed.Service != store.ServiceFixed || p.Version().Models[0].Digest != cfg.Detectors[0].Digest() {
		t.Errorf("%+v, %v", changed, err)
	}
	_, err = ChangeModels(plugintest.Context(t), cfg.DataDir, store.Change{Version: version.Version, By: "ann", Forced: true})
	plugintest.WantCode(t, err, store.CodePromotion) // a refusal of the service has its code
	plugintest.Must(t, p.stop())
	changed, err = ChangeModels(plugintest.Context(t), cfg.DataDir, store.Change{Rollback: true, By: "bob"})
	if err != nil || changed.Service != "" {
		t.Errorf("%+v, %v", changed, err)
	}
	_, err = ChangeModels(plugintest.Context(t), cfg.DataDir, store.Change{Version: version.Version, By: "bob", Forced: true})
	plugintest.Must(t, err)

	cfg.UseModels, cfg.ModelVersion = stampedModels, store.Shipped
	p = start(t, cfg)
	if v := p.Version(); v.ModelVersion != version.Version || v.Models[0].Digest != version.Scoring()[0].SHA256 {
		t.Errorf("%+v", v)
	}
	plugintest.Must(t, p.stop())
	if records := auditRecords(t, cfg); len(records) != 3 {
		t.Errorf("%d records", len(records))
	}
}

// TestFormerModels: pictures and outlines of a result that was made before a
// promotion are made with its models.
func TestFormerModels(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Outliner = plugintest.Outliner(t)
	p, err := New(cfg)
	plugintest.Must(t, err)
	old := &bus.Result{Models: scoring.Describe(cfg.Detectors), Outliner: scoring.DescribeOutliner(cfg.Outliner)}
	d, err := plugintest.Untrained(24)
	plugintest.Must(t, err)
	next := scoring.Models{Detectors: []detector.Detector{d}}
	plugintest.Must(t, p.SetModels("next", next))
	made := &bus.Result{Models: scoring.Describe(next.Detectors)}
	if by := p.scoring(old); by.Detectors[0].Digest() != cfg.Detectors[0].Digest() || by.Outliner != cfg.Outliner {
		t.Error("a result of before is not told by its models")
	}
	if by := p.scoring(made); by.Detectors[0].Digest() != d.Digest() || by.Outliner != nil {
		t.Error("a new result is told by other models")
	}
	if by := p.scoring(&bus.Result{}); by.Detectors[0].Digest() != d.Digest() {
		t.Error("a result of models that are not loaded is told by old ones")
	}
	if err := p.SetModels("none", scoring.Models{}); CodeOf(err) != CodeSettings {
		t.Errorf("%v", err)
	}
	for i := range FormerModels + 3 {
		plugintest.Must(t, p.SetModels(fmt.Sprint(i), next))
	}
	if n := len(p.models.all()); n != FormerModels+1 {
		t.Errorf("%d sets are loaded", n)
	}
}

// TestModelsPort: the control port answers who has the token, and no damaged body.
func TestModelsPort(t *testing.T) {
	t.Parallel()
	p, err := New(testConfig(t))
	plugintest.Must(t, err)
	handler := p.controlHandler(&kept{}, nil, "secret")
	for token, want := range map[string]int{"": http.StatusUnauthorized, "Bearer wrong": http.StatusUnauthorized, "Bearer secret": http.StatusBadRequest} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/models", nil)
		r.Header.Set("Authorization", token)
		handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", token, w.Code, want)
		}
	}
}

// TestConsentOfService: what one person asks of a service another one approves; both are
// in the audit trail. The setting holds for the commands while no service runs.
func TestConsentOfService(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.UseModels, cfg.ModelVersion, cfg.Consent = stampedModels, store.Shipped, 2
	m := importModels(t, cfg.DataDir, 31)[0]
	p := start(t, cfg)
	change := func(c store.Change, code Code) store.Changed {
		t.Helper()
		changed, err := ChangeModels(plugintest.Context(t), cfg.DataDir, c)
		if CodeOf(err) != code {
			t.Fatalf("%+v: %v, want %s", c, err, code)
		}
		return changed
	}
	asked := change(store.Change{Version: m.Version, By: "ann", Forced: true, Reason: "a trial"}, "")
	if v := p.Version().ModelVersion; !asked.Waits() || v != store.Shipped {
		t.Fatalf("%+v, %s scores", asked, v)
	}
	change(store.Change{Approve: asked.Request.ID, By: "ann"}, store.CodeConsentSame)
	done := change(store.Change{Approve: asked.Request.ID, By: "bob"}, "")
	if v := p.Version().ModelVersion; done.Service != store.ServiceSwitched || v != m.Version {
		t.Errorf("%+v, %s scores", done, v)
	}
	plugintest.Must(t, p.stop())
	back := change(store.Change{Rollback: true, By: "bob"}, "")
	if !back.Waits() {
		t.Errorf("%+v", back)
	}
	change(store.Change{Withdraw: back.Request.ID, By: "ann"}, "")
	var kinds []string
	for _, r := range auditRecords(t, cfg) {
		if r.Kind == audit.KindConsent || len(r.Models) == 2 {
			kinds = append(kinds, fmt.Sprint(r.Kind, " ", r.User, " ", r.Approved, " ", r.Forced))
		}
	}
	want := []string{"consent   false", "requested ann  true", "promoted ann bob true", "requested bob  false", "withdrawn ann  false"}
	if !slices.Equal(kinds, want) {
		t.Errorf("the audit trail has %q", kinds)
	}
}
