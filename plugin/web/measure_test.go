package web_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
)

var measure = flag.Bool("measure", false, "measure the page with 300 slices and 30 findings; prints, judges nothing")
var rounds = flag.Int("rounds", 3, "how often -measure opens a series in each window")
var measured = flag.String("measured", "", "`FOLDER` with a series and its nodules.json for -measure; empty: a phantom")

// scrolling turns the wheel once a frame, there and back, and tells how many
// frames were drawn in how many milliseconds.
const scrolling = `(async () => {
	const view = document.querySelector(".view.%[1]s"), picture = view.querySelector(".picture");
	const frame = () => new Promise((done) => requestAnimationFrame(done));
	let drawn = 0;
	view.querySelector(".picture").addEventListener("CORNERSTONE_IMAGE_RENDERED", () => drawn++);
	const start = performance.now();
	for (let i = 0; i < %[2]d; i++) {
		picture.dispatchEvent(new WheelEvent("wheel", {deltaY: i < %[2]d / 2 ? -120 : 120, bubbles: true, cancelable: true}));
		await frame();
	}
	return [drawn, performance.now() - start];
})()`

// nextFindings presses N so many times, and tells for each in how many milliseconds
// the planes, and then the pictures of "why", were those of the next finding.
const nextFindings = `(async () => {
	const frame = () => new Promise((done) => requestAnimationFrame(done));
	const drawn = new Map();
	for (const p of document.querySelectorAll(".view .picture")) p.addEventListener("CORNERSTONE_IMAGE_RENDERED", () => drawn.set(p, performance.now()));
	const current = () => document.querySelector(".findings [aria-current]").dataset.finding;
	const out = [];
	for (let i = 0; i < %d; i++) {
		await new Promise((done) => setTimeout(done, 700)); // a radiologist looks longer
		const before = current(), start = performance.now();
		let shown = 0, why = 0;
		window.dispatchEvent(new KeyboardEvent("keydown", {key: "n", bubbles: true}));
		while (!(shown && why) && performance.now() - start < 20000) {
			await frame();
			if (current() === before || !document.querySelector(".why h2").textContent.includes("Finding " + current() + " ")) continue;
			const planes = [...drawn.values()].filter((at) => at > start).length;
			if (!shown && planes === 3) shown = performance.now() - start;
			if (!why && document.querySelector("[data-test=strip]")?.dataset.ready === "yes") {
				await frame(); // with its canvases
				why = performance.now() - start;
			}
		}
		out.push([shown, why]);
	}
	return out;
})()`

// TestMeasure prints what docs/review.md states. It is no benchmark: a page
// has one way to be looked at, and the figures are those of a browser.
func TestMeasure(t *testing.T) {
	if !*measure {
		t.Skip("run with -args -measure")
	}
	browser := newBrowser(t)
	s := serve(t, append([]string{"--outline", "off"}, quick...)...)
	s.submit(t, phantom(t, "--slices", "300", "--count", "30", "--slice-spacing", "1"))
	for _, c := range []struct {
		way           string
		width, height int64
	}{{"cpu", 1280, 800}, {"cpu", 1920, 1080}, {"cpu", 2160, 3840}, {"gpu", 1280, 800}} {
		if c.way == "gpu" && *rounds == 1 {
			continue
		}
		for range *rounds {
			measureOpening(browser, t, s, c.way, c.width, c.height)
		}
	}
}

// measureOpening opens a series in a tab of its own.
func measureOpening(browser context.Context, t *testing.T, s *service, draw string, width, height int64) {
	t.Helper()
	way := fmt.Sprintf("%s %dx%d", draw, width, height)
	b := newTab(browser, t, "ann")
	// What watches the network keeps every answer, in the memory that is measured.
	if _, err := chromedp.Call(b.ctx, network.Disable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	b.size(width, height)
	b.signIn(s.url, "ann")
	b.within(scoringPatience, "a scored series", `document.querySelector("tbody tr[data-id] .state:not(.waiting)")`)
	id := eval[string](b, `document.querySelector("tbody tr[data-id]").dataset.id`)
	b.do("choose how to draw", chromedp.Navigate(s.url+"/?render="+draw))
	b.until("the work list", `document.querySelector("tbody tr[data-id]")`)
	evalAwait[bool](b, `new Promise((done) => setTimeout(() => done(true), 3000))`) // the viewer is fetched meanwhile
	eval[bool](b, `(location.hash = "#/series/`+id+`", true)`)
	b.opened()
	t.Logf("%s: first view of the finding after %s ms", way, eval[string](b, `document.querySelector(".planes").dataset.firstView`))
	b.until("why", `document.querySelector("[data-test=strip]")?.dataset.ready === "yes"`)
	var shown, why []float64
	for _, ms := range evalAwait[[][]float64](b, fmt.Sprintf(nextFindings, 9)) {
		shown, why = append(shown, ms[0]), append(why, ms[1])
	}
	slices.Sort(shown)
	slices.Sort(why)
	t.Logf("%s: next finding after %.0f ms (median of 9; slowest %.0f), its why after %.0f (%.0f)", way, shown[4], shown[8], why[4], why[8])
	for _, plane := range []string{"axial", "coronal", "sagittal"} {
		measureScroll(b, way, plane)
	}
	for _, p := range processTimes(b.ctx, t) {
		if size := pss(t, p.pid) >> 20; (p.kind == "renderer" && size > 100) || p.kind == "GPU" { // the others are of tabs that were left
			t.Logf("%s: %s has %d MiB (PSS)", way, p.kind, size)
		}
	}
	b.shot(strings.ReplaceAll(way, " ", "-"))
	b.do("leave", chromedp.Navigate("about:blank"))
}

// measureScroll scrolls a plane there and back, and tells the frames a second and what a
// frame takes of the processor: of the page's own thread, which must have 16.7 ms for 60 a
// second, and of all that the browser does for it.
func measureScroll(b *tab, way, plane string) {
	b.t.Helper()
	own, all := browserTimes(b.ctx, b.t)
	got := evalAwait[[]float64](b, fmt.Sprintf(scrolling, plane, 60))
	ownThen, allThen := browserTimes(b.ctx, b.t)
	b.t.Logf("%s: %s: %.1f frames drawn a second, each with %.1f ms of the page's thread and %.1f ms of all processes", way, plane,
		1000*got[0]/got[1], 1000*(ownThen-own)/got[0], 1000*(allThen-all)/got[0])
}

// browserTimes are the seconds of processor time that the main threads of all pages, and all
// processes of the browser, have taken.
func browserTimes(ctx context.Context, t testing.TB) (own, all float64) {
	t.Helper()
	for _, p := range processTimes(ctx, t) {
		all += p.cpu
		if p.kind != "renderer" {
			continue
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/schedstat", p.pid))
		if err != nil {
			t.Logf("time of process %d: %v", p.pid, err)
			continue
		}
		ns, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
		if err != nil {
			t.Fatal(err)
		}
		own += ns / 1e9
	}
	return own, all
}

type process struct {
	kind string
	pid  int
	cpu  float64 // seconds
}

// processTimes are those of the browser's processes, by their number.
func processTimes(ctx context.Context, t testing.TB) map[int]process {
	t.Helper()
	got, err := chromedp.CallBrowser(ctx, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[int]process{}
	for _, p := range got.ProcessInfo {
		all[int(p.ID)] = process{kind: p.Type, pid: int(p.ID), cpu: p.CPUTime}
	}
	return all
}

// pss is the proportional share of memory of a process, in bytes.
func pss(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Logf("memory of process %d: %v", pid, err)
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	return 0
}
