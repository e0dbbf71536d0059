package web_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/retrain"
	"github.com/nodulescope/nodulescope/plugin/retrain/dataset"
	"github.com/nodulescope/nodulescope/plugin/retrain/drift"
	"github.com/nodulescope/nodulescope/plugin/retrain/gate"
	"github.com/nodulescope/nodulescope/plugin/retrain/shadow"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

// siteModels fills a data folder as a site's is that has retrained: a version that the
// gates allow and one that they refuse, one that was in the shadow, and a kernel that
// has changed. It returns the two versions.
func siteModels(t *testing.T, data string) (allowed, refused store.Manifest) {
	t.Helper()
	s := store.Open(data)
	shipped, err := s.Find(store.Shipped)
	plugintest.Must(t, err)
	take := func(seed uint64) store.Manifest {
		folder := plugintest.Candidate(t, seed, func(c map[string]any) {
			c["parent_version"], c["parent"] = store.Shipped, shipped.Set
			c["data"] = retrain.DataFacts{Digest: digest.Of([]byte("data")), HeldBack: "test", Sides: []retrain.Side{{Name: "training", Patients: 120, Normals: 90, Anomalies: 60, Unlabelled: 20}}}
			c["parts"] = []retrain.Made{{Name: "vae-ad", Did: "trained on, from the weights in use", Normals: 40, Anomalies: 30}}
		})
		card, err := json.Marshal(dataset.Card{
			Counts:     dataset.Counts{Nodules: 310, Patients: 240, Series: 250, Normals: 170, Anomalies: 120, Unlabelled: 20},
			Sides:      []dataset.Side{{Name: "train", Patients: 120, Normals: 90, Anomalies: 60, Others: 10}, {Name: "test", Patients: 60, Normals: 40, Anomalies: 30, Others: 5}},
			Exclusions: []dataset.Exclusion{{Code: "not_a_nodule", Reason: "a reader calls it no nodule", Nodules: 14, Decided: 14}},
			Noise:      dataset.Noise{Several: 25, Disagree: 3}, Enough: []dataset.Enough{{For: "a headline that learns of decisions", Needs: "100 decided", Has: "290", OK: true}},
			Warnings: []string{"3 nodules have readers who disagree: look at them first"},
		})
		plugintest.Must(t, err)
		plugintest.AddFile(t, folder, "data-card.json", retrain.RoleCard, card)
		m, _, err := s.Import(folder)
		plugintest.Must(t, err)
		return m
	}
	allowed, refused = take(1), take(2)
	compare := func(m store.Manifest, change stats.Change, reasons ...string) {
		side := func(name string, fixed bool) gate.Side {
			return gate.Side{Name: name, Fixed: fixed, Patients: 60, Normals: 40, Anomalies: 30, Enough: true, Rows: []gate.Row{{Name: "vae-ad", AUROC: change, Matched: change, Moved: change, Flags: change}, {Name: "headline", Same: true}}}
		}
		text, err := json.Marshal(gate.Report{
			Schema: 1, Created: time.Now().UTC(), Candidate: gate.Compared{Version: m.Version, Set: m.Set}, Incumbent: gate.Compared{Version: store.Shipped, Set: shipped.Set},
			Margin: gate.Margin, Sides: []gate.Side{side("test side", false), side("phantoms", true)}, Allowed: len(reasons) == 0, Reasons: append([]string{}, reasons...), Notes: []string{},
		})
		plugintest.Must(t, err)
		plugintest.Must(t, s.KeepComparison(text))
	}
	compare(allowed, stats.Change{Before: 0.81, After: 0.86, Difference: 0.05, Low: 0.01, High: 0.09, Known: true})
	compare(refused, stats.Change{Before: 0.81, After: 0.74, Difference: -0.07, Low: -0.12, High: -0.02, Known: true}, "test side: the AUROC of vae-ad may be lower by 0.120")

	log, err := shadow.Start(data, shadow.Run{Candidate: shadow.Named{Version: allowed.Version, Set: allowed.Set}, Beside: shadow.Named{Version: store.Shipped, Set: shipped.Set}, By: "ada", Nodules: 100, Days: 30})
	plugintest.Must(t, err)
	rng := rand.New(rand.NewPCG(1, 2))
	var records []shadow.Record
	var scans [][]float32
	for i := range 14 {
		before, after := rng.Float64(), rng.Float64()
		pair := shadow.Pair{Name: "vae-ad", Before: shadow.Value{Probability: &before, Percentile: 100 * before, Flagged: before > 0.5}, After: shadow.Value{Probability: &after, Percentile: 100 * after, Flagged: after > 0.5}}
		records = append(records, shadow.Record{Time: time.Now(), Result: digest.Of([]byte{byte(i)}), Finding: 1 + i%3, Pairs: []shadow.Pair{pair}})
		scan := make([]float32, nodule.PatchVoxels)
		for v := range scan {
			z, y, x := v/784-14, v/28%28-14, v%28-14
			scan[v] = 0.2 + 0.1*rng.Float32()
			if z*z+y*y+x*x < 16+4*i {
				scan[v] = 0.8
			}
		}
		scans = append(scans, scan)
	}
	_, err = log.Add(records, scans, shadow.Counts{Series: 6, Dropped: 1})
	plugintest.Must(t, err)
	plugintest.Must(t, log.End("a test"))

	for i := range drift.Baseline + 60 {
		r := drift.Record{Day: time.Now().UTC().AddDate(0, 0, -90).Format(time.DateOnly), Version: store.Shipped, Names: map[string]string{drift.Scanner: "SIEMENS", drift.Kernel: "B31f"}, Numbers: map[string]float64{drift.NoiseHU: 20 + 5*rng.Float64(), drift.Thickness: 1}}
		if i >= drift.Baseline {
			r.Day, r.Names[drift.Kernel] = time.Now().UTC().Format(time.DateOnly), "B70f"
		}
		plugintest.Must(t, drift.Append(data, r))
	}
	return allowed, refused
}

// An administrator sees what a version was made of and what it would change, asks for
// its promotion, and another one approves it; others have no such page.
func TestRetrainingPage(t *testing.T) {
	browser, data := newBrowser(t), t.TempDir()
	allowed, refused := siteModels(t, data)
	s := serveFrom(t, data, append([]string{"--outline", "off", "--promote-consent", "2"}, quick...)...)
	library, missing := os.ReadFile("node_modules/axe-core/axe.min.js")

	open := func(name string) *tab {
		t.Helper()
		b := newTab(browser, t, name)
		b.size(1280, 800)
		b.signIn(s.url, name)
		b.click("[data-test=retraining]")
		b.text("[data-test=current]", store.Shipped)
		return b
	}
	ann := newTab(browser, t, "ann")
	ann.signIn(s.url, "ann")
	ann.until("no link for a reader", `!document.querySelector("[data-test=retraining]") && document.querySelector(".who")`)
	ann.do("go there all the same", chromedp.Navigate(s.url+"/#/retraining"))
	ann.until("the work list", `document.querySelector("main.worklist")`)

	ada := open("ada")
	row := func(v store.Manifest) string { return fmt.Sprintf(`tr[data-version=%q]`, v.Version) }
	ada.text(row(allowed), "may score")
	ada.text(row(refused), "refused")
	show := func(v store.Manifest) {
		t.Helper()
		ada.click(row(v) + " button.quiet")
		ada.text("[data-test=comparison] h2", v.Version)
	}
	show(refused)
	ada.text("[data-test=comparison]", "may be lower by 0.120")
	ada.text("[data-test=comparison]", "0.810 → 0.740 (−0.070, −0.120 to −0.020)")
	ada.shot("refused")
	show(allowed)
	ada.text("[data-test=allowed]", "It may score in place of shipped")
	ada.text("[data-test=data]", "310 nodules of 240 patients")
	ada.text("[data-test=data]", "not_a_nodule")
	ada.text("[data-test=data]", "look at them first")
	ada.text("[data-test=run]", "trained on, from the weights in use")
	ada.text("[data-test=shadow]", "14 nodules of 6 series")
	ada.until("ten pictures", `(() => { const i = [...document.querySelectorAll("[data-test=shadow] img")]; return i.length === 10 && i.every((p) => p.complete && p.naturalWidth > 0); })()`)
	ada.text("[data-test=drift]", "has moved away")
	ada.until("the kernel", `[...document.querySelectorAll("[data-test=drift] tbody tr")].some((r) => r.textContent.includes("kernel") && r.textContent.includes("moved"))`)
	for _, size := range [][2]int64{{1280, 800}, {1920, 1080}} {
		ada.size(size[0], size[1])
		for _, light := range []bool{true, false} {
			ada.light(light)
			at := fmt.Sprintf("%dx%d-%t", size[0], size[1], light)
			eval[bool](ada, `(document.querySelector("main").scrollTo(0, 0), true)`)
			ada.check(at, ".top .home", "[data-test=current]", "tr[data-version] button", "[data-test=allowed]")
			if cut := eval[[]string](ada, `[...document.querySelectorAll(".card")].filter((c) => c.scrollHeight > c.clientHeight + 1 || c.scrollWidth > c.clientWidth + 1).map((c) => c.ariaLabel)`); len(cut) > 0 {
				t.Errorf("%s: %q are cut off", at, cut)
			}
			if missing == nil {
				ada.accessible(at+"-axe", string(library))
			}
			for _, part := range []string{"data", "shadow", "drift"} {
				eval[bool](ada, fmt.Sprintf(`(document.querySelector("[data-test=%s]").scrollIntoView(), true)`, part))
				ada.shot(at + "-" + part)
			}
		}
	}
	ada.size(1280, 800)
	ada.click("[data-test=shadow] li:first-child .picture")
	ada.until("the picture", `document.querySelector("dialog[open] img")?.naturalWidth > 0`)
	ada.shot("picture")
	ada.click("dialog[open] header button")

	// Only with a reason, and not before the box is checked.
	ada.click(row(refused) + " td:last-child button")
	ada.until("the question", `document.querySelector("dialog[open] button[type=submit]")?.disabled`)
	ada.text("dialog[open]", "The gates do not allow it")
	ada.click("dialog[open] input[type=checkbox]")
	ada.until("a reason is needed", `document.querySelector("dialog[open] textarea").required && document.querySelector("dialog[open] button[type=submit]").disabled`)
	ada.shot("forced")
	ada.click("dialog[open] header button")

	ada.click(row(allowed) + " td:last-child button")
	ada.text("dialog[open]", "It takes two persons")
	ada.do("say why", chromedp.SendKeys(chromedp.CSS("dialog[open] textarea"), "the new scanner"))
	if missing == nil {
		ada.accessible("promote", string(library))
	}
	ada.click("dialog[open] button[type=submit]")
	ada.text("[data-test=said]", "Nothing has changed yet")
	ada.text("[data-test=request]", "You asked for this")
	ada.until("she cannot approve it", `document.querySelector("[data-test=request] button.primary").disabled`)
	ada.shot("asked")

	alan := open("alan")
	alan.text("[data-test=request]", "ada asked")
	alan.text("[data-test=request]", "the new scanner")
	alan.text("[data-test=comparison]", allowed.Version) // what is asked for comes first
	if missing == nil {
		alan.accessible("request", string(library))
	}
	alan.click("[data-test=request] button.primary")
	alan.click("dialog[open] button[type=submit]")
	alan.text("[data-test=said]", allowed.Version+" scores in place of shipped")
	alan.text("[data-test=current]", "promoted by ada, approved by alan")
	alan.shot("approved")
	out := run(t, "", "models", "list", "--data-dir", data)
	if !strings.Contains(out, "*  "+allowed.Version) {
		t.Errorf("it does not score:\n%s", out)
	}
	alan.click("section[aria-label='What scores'] > .save button")
	alan.text("dialog[open]", "Have shipped score again")
	alan.click("dialog[open] button[type=submit]")
	alan.text("[data-test=said]", "Nothing has changed yet")
	alan.click("[data-test=request] button:not(.primary)")
	alan.click("dialog[open] button[type=submit]")
	alan.text("[data-test=said]", "The request is withdrawn")
	alan.until("no request", `!document.querySelector("[data-test=request]")`)
	trail, err := os.ReadFile(filepath.Join(data, "audit.jsonl")) //nolint:gosec // of this test
	plugintest.Must(t, err)
	for _, kind := range []string{`"kind":"consent"`, `"kind":"requested"`, `"kind":"promoted"`, `"approved":"alan"`, `"kind":"withdrawn"`, `"detail":"retraining"`} {
		if !strings.Contains(string(trail), kind) {
			t.Errorf("the audit trail lacks %s", kind)
		}
	}
	run(t, "", "audit", "verify", "--data-dir", data)
}
