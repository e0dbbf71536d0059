package web_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// rolling scrolls an element there and back, and tells how many frames came in how
// many milliseconds.
const rolling = `(async () => {
	const e = %s, frame = () => new Promise((done) => requestAnimationFrame(done));
	await frame();
	const start = performance.now();
	for (let i = 0; i < 120; i++) {
		e.scrollTop += i < 60 ? 60 : -60;
		await frame();
	}
	return 120000 / (performance.now() - start);
})()`

// untilShown does something, and tells after how many milliseconds a condition holds
// and has been painted.
const untilShown = `(async () => {
	const frame = () => new Promise((done) => requestAnimationFrame(done));
	await frame();
	const start = performance.now();
	%s;
	while (!(%s) && performance.now() - start < 20000) await frame();
	await frame();
	return performance.now() - start;
})()`

// TestMeasureMany prints what docs/review.md states of 500 findings and 1,000 series.
func TestMeasureMany(t *testing.T) {
	if !*measure {
		t.Skip("run with -args -measure")
	}
	browser := newBrowser(t)
	data := t.TempDir()
	manySeries(t, data, 999)
	s := serveFrom(t, data, append([]string{"--outline", "off"}, quick...)...)
	dir := phantom(t, "--slices", "160", "--size", "256", "--count", "30")
	run(t, "", "submit", dir, "--nodules", manyCandidates(t, dir, 500), "--nats-url", s.bus)
	b := newTab(browser, t, "ann")
	b.size(1920, 1080)
	b.signIn(s.url, "ann")
	const widest = `[...document.querySelectorAll("tbody tr[data-id]")].find((r) => r.querySelector(".state.scored") && r.textContent.includes("/ 500"))?.dataset.id`
	eval[bool](b, `(sessionStorage.setItem("nodulescope.filters", '{"sort":"findings","order":"desc"}'), true)`)
	b.do("those with many findings first", chromedp.Reload())
	b.within(scoringPatience, "the series of 500 findings", widest)
	id := eval[string](b, widest)
	eval[bool](b, `(sessionStorage.removeItem("nodulescope.filters"), true)`)
	b.do("load again", chromedp.Reload())
	b.until("a thousand series", `document.querySelector(".pages")?.textContent.includes("1000")`)

	key := func(k string) string {
		return fmt.Sprintf(`window.dispatchEvent(new KeyboardEvent("keydown", {key: %q, bubbles: true}))`, k)
	}
	head := func(at int) string { return fmt.Sprintf(`document.querySelectorAll("thead button")[%d].click()`, at) }
	first := `document.querySelector("tbody tr[data-id]")?.dataset.id`
	for range *rounds {
		row := eval[string](b, first)
		t.Logf("1,000 series: ordered anew after %.0f ms", evalAwait[float64](b, fmt.Sprintf(untilShown, head(3), first+` !== "`+row+`"`)))
		row = eval[string](b, first)
		t.Logf("1,000 series: next page after %.0f ms", evalAwait[float64](b, fmt.Sprintf(untilShown, key("ArrowRight"), first+` !== "`+row+`"`)))
		t.Logf("1,000 series: the list scrolls at %.0f frames a second", evalAwait[float64](b, fmt.Sprintf(rolling, `[...document.querySelectorAll("*")].find((e) => e.scrollHeight > e.clientHeight + 20 && ["auto", "scroll"].includes(getComputedStyle(e).overflowY)) ?? document.scrollingElement`)))
		eval[bool](b, `(sessionStorage.removeItem("nodulescope.filters"), true)`)
		b.do("load again", chromedp.Reload())
		b.until("the list", first)
	}

	b.do("the series", chromedp.Navigate(s.url+"/?render=cpu#/series/"+id))
	b.opened()
	for range *rounds {
		var shown []float64
		for _, ms := range evalAwait[[][]float64](b, fmt.Sprintf(nextFindings, 9)) {
			shown = append(shown, ms[0])
		}
		slices.Sort(shown)
		t.Logf("500 findings: next finding after %.0f ms (median of 9; slowest %.0f)", shown[4], shown[8])
		t.Logf("500 findings: their list scrolls at %.0f frames a second", evalAwait[float64](b, fmt.Sprintf(rolling, `document.querySelector("nav.findings")`)))
		measureScroll(b, "500 findings", "axial")
		t.Logf("500 findings: back in the list of series after %.0f ms", evalAwait[float64](b, fmt.Sprintf(untilShown, key("w"), first)))
		eval[bool](b, `(history.back(), true)`)
		b.opened()
	}
}

// manyCandidates is a file of so many places of a phantom's body.
func manyCandidates(t *testing.T, dir string, n int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "truth.json")) //nolint:gosec // just written
	if err != nil {
		t.Fatal(err)
	}
	var truth struct {
		Nodules []map[string]any `json:"nodules"`
	}
	var all map[string]any
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // places, no secret
	list := truth.Nodules
	for i := len(list); i < n; i++ { // beside those that are there
		from, ok := truth.Nodules[i%len(truth.Nodules)]["position_lps_mm"].([]any)
		if !ok {
			t.Fatalf("no positions in %s", text)
		}
		at := make([]float64, len(from))
		for a, v := range from {
			at[a] = v.(float64) + 10*(rng.Float64()-0.5)
		}
		list = append(list, map[string]any{"id": fmt.Sprintf("more-%d", i), "position_lps_mm": at, "diameter_mm": 4 + 10*rng.Float64()})
	}
	all["nodules"] = list
	if text, err = json.Marshal(all); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "candidates.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// manySeries puts series that are nowhere into the ledger of a service that has not started.
func manySeries(t *testing.T, data string, n int) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(data, "ledger.db"), 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	kept, err := store.Open(db)
	if err != nil {
		t.Fatal(err)
	}
	model := bus.Model{Name: "vae-ad", Digest: digest.Of([]byte("a model")), Calibration: "natural-prevalence", Prevalence: 0.1, Threshold: 1}
	if err := db.Update(func(tx *bbolt.Tx) error {
		for i := range n {
			uid := fmt.Sprintf("2.25.%d", 1_000_000+i)
			r := &bus.Result{
				Identity: digest.Of([]byte(uid)), JobID: "job-" + uid, JobSource: "measure", StudyUID: uid + ".1", SeriesUID: uid + ".2",
				Software: "measure", Preprocessing: "1", IntendedUse: "measuring", Models: []bus.Model{model},
				Geometry: bus.Geometry{SpacingMM: [3]float64{1, 1, 1}, Slices: 100},
			}
			for k := range 1 + i%5 {
				p := float64((7*i+13*k)%100) / 100
				r.Nodules = append(r.Nodules, bus.ResultNodule{
					JobNodule: bus.JobNodule{ID: fmt.Sprint(k), DiameterMM: 6},
					Scores:    []bus.NoduleScore{{Model: model.Name, Digest: model.Digest, Raw: 2 * p, Probability: &p, Calibration: model.Calibration, Percentile: 100 * p, Anomalous: p > 0.5}},
				})
			}
			if err := kept.Add(tx, store.Record{
				ID: store.IDOf(r.Identity), Site: "local", Source: "/measure", StudyUID: r.StudyUID, SeriesUID: r.SeriesUID, URI: "file://" + data + "/nowhere",
				Priority: bus.PriorityRoutine, Time: time.Now().UTC().Add(-time.Duration(i) * time.Minute), Result: r, Nodules: len(r.Nodules),
			}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
