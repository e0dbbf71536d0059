package web_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// outOfSight lists what of the selectors a person cannot see whole: left out,
// empty, outside the window, or with text that is cut off. Then texts whose
// contrast with their ground is too low, and controls without a name.
const outOfSight = `((selectors) => {
	const bad = [];
	const name = (e) => e.tagName.toLowerCase() + (e.className && e.className.baseVal === undefined ? "." + String(e.className).trim().replace(/\s+/g, ".") : "") + " " + JSON.stringify((e.textContent || "").trim().slice(0, 30));
	for (const s of selectors) {
		const found = [...document.querySelectorAll(s)];
		if (found.length === 0) bad.push(s + " is not there");
		for (const e of found) {
			const r = e.getBoundingClientRect();
			if (r.width < 1 || r.height < 1) {
				bad.push(name(e) + " is empty");
				continue;
			}
			const within = [{left: 0, top: 0, right: innerWidth, bottom: innerHeight}];
			for (let at = e.parentElement; at; at = at.parentElement) if (getComputedStyle(at).overflow !== "visible") within.push(at.getBoundingClientRect());
			for (const w of within)
				if (r.left < w.left - 1 || r.top < w.top - 1 || r.right > w.right + 1 || r.bottom > w.bottom + 1) {
					bad.push(name(e) + " is not whole in sight: " + [r.left, r.top, r.right, r.bottom].map(Math.round) + " of " + [w.left, w.top, w.right, w.bottom].map(Math.round));
					break;
				}
		}
	}
	for (const e of document.querySelectorAll(".side :is(td, th, p, li, button, canvas, svg, textarea)")) {
		const side = e.closest(".side").getBoundingClientRect(), r = e.getBoundingClientRect();
		if (r.right > side.right - 4 && r.width < side.width - 8 && r.width > 0) bad.push(name(e) + " touches the rim of the panel");
	}
	if (document.documentElement.scrollWidth > innerWidth) bad.push("the page is wider than the window");
	for (const e of document.querySelectorAll("button, .badge, .state, h2, th, .identity, .top, .toolbar, .filters, .corner, dt, dd, legend"))
		if (e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1) bad.push(name(e) + " is cut off");
	for (const e of document.querySelectorAll("button, a[href], input, select, textarea, [role=img], [role=group], [tabindex='0']")) {
		const label = e.getAttribute("aria-label") || e.getAttribute("title") || e.textContent.trim() || [...(e.labels || [])].map((l) => l.textContent.trim()).join("");
		if (!label) bad.push(name(e) + " has no name");
	}
	const paint = Object.assign(document.createElement("canvas"), {width: 1, height: 1}).getContext("2d", {willReadFrequently: true});
	const over = (layers) => {
		paint.fillStyle = "#000";
		paint.fillRect(0, 0, 1, 1);
		for (const c of layers) {
			paint.fillStyle = c;
			paint.fillRect(0, 0, 1, 1);
		}
		return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
	};
	const light = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
	for (const e of document.querySelectorAll("body *")) {
		const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
		if (!own || e.closest("svg, .texts, .visually-hidden, :disabled, noscript") || !e.checkVisibility()) continue;
		const layers = [];
		let opacity = 1;
		for (let at = e; at; at = at.parentElement) {
			const style = getComputedStyle(at);
			layers.unshift(style.backgroundColor);
			opacity *= Number(style.opacity);
		}
		const ground = light(over(layers));
		const text = light(over([...layers, getComputedStyle(e).color]));
		const seen = ground + (text - ground) * opacity;
		const contrast = (Math.max(ground, seen) + 0.05) / (Math.min(ground, seen) + 0.05);
		if (contrast < 4.5) bad.push(name(e) + " has a contrast of " + contrast.toFixed(1));
	}
	return bad;
})(%s)`

// check fails for everything that cannot be seen or named.
func (b *tab) check(where string, selectors ...string) {
	b.t.Helper()
	list, err := json.Marshal(selectors)
	if err != nil {
		b.t.Fatal(err)
	}
	b.shot(where)
	for _, bad := range eval[[]string](b, fmt.Sprintf(outOfSight, list)) {
		b.t.Errorf("%s: %s", where, bad)
	}
}

// Everything that counts is in sight at once on the screens that the page is
// made for, and can be read; with both detectors, an urgent series, one that is
// tilted, one that was refused, and a nodule outside the scan.
func TestLooks(t *testing.T) {
	browser := newBrowser(t)
	s := serve(t, "--max-attempts", "1", "--arrival-quiet", "0")
	urgent := phantom(t, "--seed", "5", "--slices", "90", "--size", "256", "--count", "2")
	run(t, "", "submit", urgent, "--nodules", withOneOutside(t, urgent), "--priority", "stat", "--nats-url", s.bus)
	s.submit(t, phantom(t, "--seed", "6", "--slices", "60", "--size", "128", "--count", "1", "--tilt", "12"))
	whole, cut := small(t, "7"), broken(t, small(t, "7")) // the service sees the second
	run(t, "", "submit", whole, "--nodules", filepath.Join(whole, "truth.json"), "--uri", "file://"+cut, "--nats-url", s.bus)

	ann := newTab(browser, t, "ann")
	ann.do("open the page", chromedp.Navigate(s.url+"/"))
	ann.until("the login", `document.querySelector("input[name=password]") && document.querySelector(".use")`)
	ann.check("login", "input[name=name]", "input[name=password]", "button.primary", ".use")
	ann.signIn(s.url, "ann")
	ann.within(scoringPatience, "two scored series and a refused one", `document.querySelectorAll("tbody tr[data-id] .state.scored").length === 2 && document.querySelector("tbody tr[data-id] .state.refused")`)
	for i, size := range [][2]int64{{1280, 800}, {1920, 1080}, {1200, 1600}, {2160, 3840}} {
		ann.size(size[0], size[1])
		at := func(place string) string { return fmt.Sprintf("%dx%d-%s", size[0], size[1], place) }
		ann.light(true)
		ann.check(at("worklist-light"), "[data-test=intended-use]", "tbody tr[data-id]", ".filters button", ".filters select")
		ann.light(false)
		ann.check(at("worklist"), "[data-test=intended-use]", "tbody tr[data-id]", ".filters button", ".filters select")
		ann.click("tbody tr:has(.badge.stat) a.open") // the list is in the order of the probability
		ann.opened()
		ann.until("patch, reconstruction and residual", `document.querySelector("[data-test=strip]")?.dataset.ready === "yes"`)
		ann.until("the small pictures", `[...document.querySelectorAll(".findings img")].filter((i) => i.complete && i.naturalWidth > 0).length === 2`)
		always := []string{
			"[data-test=intended-use]", ".identity strong", ".identity dd", ".toolbar button", ".view", ".findings [aria-current]",
			"[data-test=decision]", ".decision .verdicts button", ".decision textarea", ".decision .save button", ".why h2", ".headline", ".parts", ".measured", ".limits", ".scores",
		}
		ann.check(at("viewer"), always...)
		ann.light(true)
		ann.check(at("viewer-light"), always...)
		ann.light(false)
		ann.press("h", "e")
		ann.until("the heat map", `document.querySelector(".toolbar button[title^=heat]").getAttribute("aria-pressed") === "true"`)
		ann.check(at("close-up"), always...)
		ann.press("r")
		ann.until("the kinds", `document.activeElement?.name === "kind"`)
		ann.check(at("not-a-nodule"), "[data-test=intended-use]", ".identity strong", ".view", ".kinds label", ".decision .save button")
		ann.press(kb.Escape, kb.Escape, "?")
		ann.until("the keys", `document.querySelector("dialog[open]")`)
		ann.check(at("keys"), "dialog[open]", "dialog[open] h2", "dialog[open] dt")
		ann.press(kb.Escape)
		ann.until("the help is gone", `!document.querySelector("dialog[open]")`)
		if i == 0 { // the nodule outside the scan comes last
			ann.press("p")
			ann.text(".why .banner", "Not scored")
			ann.check(at("not-scored"), "[data-test=outside]", "[data-test=intended-use]", ".identity strong", ".decision .verdicts button")
			ann.press("n")
		}
		ann.press("h", "w")
		ann.until("the work list", `document.querySelector("tbody tr[data-id]")`)
	}
}

// withOneOutside is the truth of a phantom with one more candidate, far from
// the scan.
func withOneOutside(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "truth.json")) //nolint:gosec // just written
	if err != nil {
		t.Fatal(err)
	}
	var truth map[string]any
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	nodules, ok := truth["nodules"].([]any)
	if !ok {
		t.Fatalf("no nodules in %s", strings.TrimSpace(string(text)))
	}
	truth["nodules"] = append(nodules, map[string]any{"id": "outside", "position_lps_mm": []float64{0, 0, 5000}, "diameter_mm": 8})
	if text, err = json.Marshal(truth); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "candidates.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// broken cuts every slice of a phantom in half.
func broken(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.dcm"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no slices in %s (%v)", dir, err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(f, info.Size()/2); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
