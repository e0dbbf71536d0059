package web_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
)

var measure = flag.Bool("measure", false, "measure the page with 260 slices and 30 findings; prints, judges nothing")
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

// TestMeasure prints what docs/review.md states. It is no benchmark: a page
// has one way to be looked at, and the figures are those of a browser.
func TestMeasure(t *testing.T) {
	if !*measure {
		t.Skip("run with -args -measure")
	}
	browser := newBrowser(t)
	s := serve(t, quick...)
	s.submit(t, phantom(t, "--slices", "260", "--count", "30", "--slice-spacing", "1.25"))
	for _, c := range []struct {
		way           string
		width, height int64
	}{{"cpu", 1280, 800}, {"cpu", 1920, 1080}, {"cpu", 2160, 3840}, {"gpu", 1280, 800}} {
		way := fmt.Sprintf("%s %dx%d", c.way, c.width, c.height)
		b := newTab(browser, t, "ann")
		b.size(c.width, c.height)
		b.signIn(s.url, "ann")
		b.within(scoringPatience, "a scored series", `document.querySelector("tbody tr[data-id] .state:not(.waiting)")`)
		id := eval[string](b, `document.querySelector("tbody tr[data-id]").dataset.id`)
		b.do("choose how to draw", chromedp.Navigate(s.url+"/?render="+c.way))
		b.until("the work list", `document.querySelector("tbody tr[data-id]")`)
		eval[bool](b, `(location.hash = "#/series/`+id+`", true)`)
		b.opened()
		t.Logf("%s: first view of the finding after %s ms", way, eval[string](b, `document.querySelector(".planes").dataset.firstView`))
		before := processTimes(b.ctx, t)
		const turns = 60
		for _, plane := range []string{"axial", "coronal", "sagittal"} {
			got := evalAwait[[]float64](b, fmt.Sprintf(scrolling, plane, turns))
			t.Logf("%s: %s: %.0f frames drawn in %.0f ms, %.1f a second", way, plane, got[0], got[1], 1000*got[0]/got[1])
		}
		after := processTimes(b.ctx, t)
		for id, p := range after {
			if spent := p.cpu - before[id].cpu; spent > 0.2 {
				t.Logf("%s: %s spent %.1f ms of processor time for a turn of the wheel", way, p.kind, 1000*spent/(3*turns))
			}
		}
		for _, p := range after {
			if size := pss(t, p.pid) >> 20; (p.kind == "renderer" && size > 100) || p.kind == "GPU" { // the others are of tabs that were left
				t.Logf("%s: %s has %d MiB (PSS)", way, p.kind, size)
			}
		}
		b.shot(strings.ReplaceAll(way, " ", "-"))
		b.do("leave", chromedp.Navigate("about:blank"))
	}
}

type process struct {
	kind string
	pid  int
	cpu  float64 // seconds
}

// processTimes are those of the browser's processes, by their number.
func processTimes(ctx context.Context, t *testing.T) map[int]process {
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
