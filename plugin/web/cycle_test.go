package web_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/retrain/shadow"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

var cycleScans = flag.Int("retraining", 0, "`SCANS` of the phantom site whose decisions are learned from, 24 or more; 0: none is")

// From scans to a promoted model and back, with nothing made up but the scans and the
// reader: a service scores, a browser decides, a data set is built, two candidates are
// made of it, compared, shadowed, promoted by two persons and rolled back, while jobs keep
// coming. In the end every job has one result, made by the models in use, and no patient
// is named in what was made.
func TestFromDecisionsToRollback(t *testing.T) {
	if *cycleScans == 0 {
		t.Skip("takes ten minutes: make test-retraining")
	}
	begin := time.Now()
	told := func(what string) { t.Logf("%4.0f s: %s", time.Since(begin).Seconds(), what) }
	s := newSite(t, *cycleScans)
	told(fmt.Sprintf("%d series are scored", len(s.series)))
	decided := 0
	part(t, "review", func(t *testing.T) { decided = s.review(t) })
	told(fmt.Sprintf("%d nodules are decided on", decided))
	path := func(name string) string { return filepath.Join(s.out, name) }
	if n := strings.Count(run(t, "", "reviews", "--json", "--nats-url", s.bus), "\n"); n != decided {
		t.Errorf("%d decisions are on the bus", n)
	}

	// The key says who is on which side, so it is the same each time.
	checktest.Must(t, os.WriteFile(path("site.key"), []byte(strings.Repeat("5a", 32)), 0o600))
	from := []string{"--key", path("site.key"), "--nats-url", s.bus}
	for _, folder := range s.folders {
		from = append(from, "--series", folder)
	}
	run(t, "", append([]string{"dataset", "build", path("site.npz")}, from...)...)
	s.again = s.scan(t, t.TempDir(), 900)
	jobs := s.flow(t)
	told("the data set is built; jobs keep coming")

	shipped := s.answer(t, store.Shipped)
	a := s.candidate(t, "recalibrated", "--recalibrate")
	if !a.allowed {
		t.Errorf("the gates refuse a recalibration:\n%s", a.said)
	}
	told("recalibrated: " + a.version)
	s.shadow(t, a.version)
	told("shadowed")
	part(t, "promote the recalibrated", func(t *testing.T) { s.promoted(t, jobs, a) })
	told("promoted, and rolled back")

	b := s.candidate(t, "retrained", "--epochs", "1", "--gan-steps", "4")
	told(fmt.Sprintf("retrained: %s, allowed: %t", b.version, b.allowed))
	if !b.allowed {
		out, code := try(t, "models", "promote", b.version, "--data-dir", s.data)
		if code != 3 || !strings.Contains(out, "model_not_better") {
			t.Errorf("what the gates refuse is promoted with exit code %d:\n%s", code, out)
		}
	}
	part(t, "promote the retrained", func(t *testing.T) { s.promoted(t, jobs, b) })
	told("promoted, and rolled back")
	jobs.end()
	s.shares(t, b.version)
	told(fmt.Sprintf("shared; %d jobs came meanwhile", len(jobs.jobs)))

	if out := run(t, "", "dead", "--json", "--nats-url", s.bus); strings.TrimSpace(out) != "" {
		t.Errorf("dead letters:\n%s", out)
	}
	results := s.results(t)
	run(t, "", "models", "drift", "--html", path("drift.html"), "--data-dir", s.data)
	s.stop()
	checktest.Must(t, os.WriteFile(path("service.log"), []byte(s.log.String()), 0o600))
	files, err := audit.Files(filepath.Join(s.data, "audit.jsonl"))
	checktest.Must(t, err)
	var trail []audit.Record
	_, _, err = audit.VerifyFiles(files, func(r audit.Record) error { trail = append(trail, r); return nil })
	checktest.Must(t, err)
	for _, wrong := range checkStamps(jobs.jobs, results, trail, []made{shipped, a.made, shipped, b.made, shipped}) {
		t.Error(wrong)
	}
	if want := len(s.series) - 1 + len(jobs.jobs); len(results) != want { // the last series is that of the jobs
		t.Errorf("%d results of %d jobs", len(results), want)
	}
	s.namesNobody(t)
}

// part is a part of a test whose browser is closed at its end, and without which nothing
// makes sense that follows.
func part(t *testing.T, name string, do func(t *testing.T)) {
	t.Helper()
	if !t.Run(name, do) {
		t.FailNow()
	}
}

// answer is what a version says of the nodule that the jobs ask for.
func (s *site) answer(t *testing.T, version string) made {
	t.Helper()
	file, err := s.candidates(t.TempDir(), "again")
	checktest.Must(t, err)
	var r bus.Result
	checktest.Must(t, json.Unmarshal([]byte(run(t, "", "score", s.again, "--nodules", file, "--models", version, "--data-dir", s.data, "--json")), &r))
	return madeBy(version, r)
}

type candidate struct {
	made
	allowed bool
	said    string // by the gates
}

// candidate makes one, and has the gates judge it.
func (s *site) candidate(t *testing.T, name string, settings ...string) (c candidate) {
	t.Helper()
	at := func(name string) string { return filepath.Join(s.out, name) }
	run(t, "", append([]string{"retrain", at("site.npz"), "--data-dir", s.data, "--dir", at("runs/" + name), "--out", at(name), "--priority", "normal"}, settings...)...)
	var m store.Manifest
	checktest.Must(t, json.Unmarshal([]byte(run(t, "", "models", "import", at(name), "--data-dir", s.data, "--json")), &m))
	out, code := try(t, "models", "compare", m.Version, "--data", at("site.npz"), "--phantoms", "20", "--data-dir", s.data)
	if code != 0 && code != 3 {
		t.Fatalf("models compare: exit code %d\n%s", code, out)
	}
	checktest.Must(t, os.WriteFile(at(name+".compared"), []byte(out), 0o600))
	c.said, c.allowed = out, code == 0
	c.made = s.answer(t, m.Version)
	return c
}

// shadow has a version score unseen, until the run ends by itself.
func (s *site) shadow(t *testing.T, version string) {
	t.Helper()
	run(t, "", "models", "shadow", version, "--shadow-nodules", "8", "--data-dir", s.data)
	var r shadow.Report
	for end := time.Now().Add(scoringPatience); r.Nodules == 0 || r.Run.Runs(); time.Sleep(500 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the shadow run does not end: %+v", r.Run)
		}
		checktest.Must(t, json.Unmarshal([]byte(run(t, "", "models", "shadow", "--report", "--json", "--data-dir", s.data)), &r))
	}
	if r.Nodules != 8 || len(r.Scores) == 0 {
		t.Errorf("%d nodules in the shadow, %d scores", r.Nodules, len(r.Scores))
	}
	run(t, "", "models", "shadow", "--report", "--html", filepath.Join(s.out, "shadow.html"), "--data-dir", s.data)
}

// promoted has a version score by the word of two persons, and takes it back in the same way.
func (s *site) promoted(t *testing.T, jobs *flow, c candidate) {
	t.Helper()
	browser := newBrowser(t)
	open := func(name string) *tab {
		b := newTab(browser, t, name)
		b.size(1280, 800)
		b.signIn(s.url, name)
		b.click("[data-test=retraining]")
		b.text("[data-test=current]", store.Shipped)
		return b
	}
	jobs.more(t, 4)
	ada := open("ada")
	ada.click(fmt.Sprintf(`tr[data-version=%q] td:last-child button`, c.version))
	if !c.allowed {
		ada.text("dialog[open]", "The gates do not allow it")
		ada.click("dialog[open] input[type=checkbox]")
	}
	ada.do("say why", chromedp.SendKeys(chromedp.CSS("dialog[open] textarea"), "the scanners of the site"))
	ada.shot(c.version + "-asked")
	ada.click("dialog[open] button[type=submit]")
	ada.text("[data-test=said]", "Nothing has changed yet")
	approve := func(b *tab, who, scores string) {
		b.text("[data-test=request]", who+" asked")
		b.click("[data-test=request] button.primary")
		b.click("dialog[open] button[type=submit]")
		b.text("[data-test=said]", scores+" scores in place of")
	}
	alan := open("alan")
	approve(alan, "ada", c.version)
	jobs.more(t, 7)
	alan.click("section[aria-label='What scores'] > .save button")
	alan.text("dialog[open]", "Have shipped score again")
	alan.click("dialog[open] button[type=submit]")
	alan.text("[data-test=said]", "Nothing has changed yet")
	ada.do("load again", chromedp.Reload())
	approve(ada, "alan", store.Shipped)
	ada.shot(c.version + "-rolled-back")
	jobs.more(t, 7)
}

// shares has another workstation take a version from the bus.
func (s *site) shares(t *testing.T, version string) {
	t.Helper()
	out := run(t, "", "models", "push", version, "--data-dir", s.data, "--nats-url", s.bus)
	key := regexp.MustCompile(`ed25519:\S+`).FindString(out)
	elsewhere := filepath.Join(s.out, "elsewhere")
	run(t, "", "models", "pull", version, "--trust", key, "--data-dir", elsewhere, "--nats-url", s.bus)
	run(t, "", "models", "show", version, "--data-dir", elsewhere)
}

// namesNobody looks for patients in all that was made, and for UIDs where none belong.
func (s *site) namesNobody(t *testing.T) {
	t.Helper()
	for _, folder := range []string{s.out, s.data} {
		for mark, files := range found(t, folder, s.marks) {
			t.Errorf("%s is in %q", mark, files)
		}
	}
	objects, err := filepath.Glob(filepath.Join(s.data, "bus", "jetstream", "*", "streams", "OBJ_*"))
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d buckets, %v", len(objects), err)
	}
	checktest.Must(t, os.Remove(filepath.Join(s.out, "service.log"))) // names the series of its jobs
	for _, folder := range []string{s.out, filepath.Join(s.data, "models"), objects[0]} {
		for mark, files := range found(t, folder, s.series) {
			t.Errorf("series %s is in %q", mark, files)
		}
	}
	// It would be found: results name their series, and the bucket holds what was shared.
	if in := found(t, filepath.Join(s.data, "bus"), s.series[:1]); len(in) == 0 {
		t.Error("the bus names no series: nothing can be found in it")
	}
	if in := found(t, objects[0], []string{"candidate.json"}); len(in) == 0 {
		t.Error("nothing can be found in the bucket")
	}
}
