package web_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// slowLine has a tab's requests share a line of so many bits a second; 0 lifts
// that.
func (b *tab) slowLine(bits float64) {
	b.t.Helper()
	c := &network.Conditions{DownloadThroughput: bits / 8, UploadThroughput: bits / 8, Latency: 20}
	if bits == 0 {
		c = &network.Conditions{DownloadThroughput: -1, UploadThroughput: -1}
	}
	b.expected = append(b.expected, "net::ERR")
	if _, err := chromedp.Call(b.ctx, network.Enable, network.EnableParams{}); err != nil {
		b.t.Fatal(err)
	}
	if _, err := chromedp.Call(b.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{c}}); err != nil {
		b.t.Fatal(err)
	}
}

// frames are the slices that were asked for, in the order of the requests: the
// end of each address.
const frames = `performance.getEntriesByType("resource").filter((e) => e.name.includes("/frames/")).map((e) => e.name.split("/instances/")[1])`

// On a slow line what surrounds the finding comes first and without loss, then its slice, then all others in
// reduced quality, then their rest. What is of reduced quality says so, where it is
// looked at, measured and decided on; what has not come is hatched; and in the end the
// planes are what they are on a fast line.
func TestSlowLine(t *testing.T) {
	browser := newBrowser(t)
	s := serve(t, append([]string{"--outline", "off"}, quick...)...)
	s.submit(t, phantom(t, "--seed", "21", "--slices", "90", "--size", "256", "--count", "1", "--slice-spacing", "2.5"))
	ann := annSees(browser, t, s)
	id := eval[string](ann, `document.querySelector("tbody tr[data-id]").dataset.id`)
	open := func(line string) {
		ann.do("choose the line", chromedp.Navigate(s.url+"/?line="+line+"#/series/"+id))
	}
	open("fast")
	ann.opened()
	if left := eval[[]string](ann, frames+`.filter((name) => name.includes("packed"))`); len(left) > 1 {
		t.Errorf("a fast line has slices packed: %q", left)
	}
	same := func() string {
		eval[bool](ann, `(() => { document.querySelector(".planes").style.cssText += ";position:fixed;inset:0;width:1200px;height:700px"; return true; })()`)
		ann.until("planes of one size", `document.querySelector(".planes").clientHeight === 700`)
		evalAwait[bool](ann, settled)
		return eval[string](ann, pictures)
	}
	fast := same()

	ann.slowLine(1.5e6)
	open("slow")
	ann.until("the finding", `document.querySelector(".planes")?.dataset.firstView`)
	ann.until("what has not come, hatched", `(() => {
		const box = document.querySelector(".view.coronal [data-part=hatch] > path")?.getBBox();
		return box && box.width * box.height > 5000;
	})()`)
	ann.text(".view.coronal .corner.tl", "not all has arrived")
	ann.shot("hatched")
	ann.until("reduced slices", `Number(document.querySelector(".planes").dataset.reduced) > 3`)
	ann.until("no word about the decision any more", `!document.querySelector("[data-test=lossy-decision]")`)
	ann.text("[data-test=quality]", "of reduced quality")
	ann.press("j")
	eval[bool](ann, `(() => {
		const from = document.querySelector(".drawing input");
		from.value = -1100;
		return from.dispatchEvent(new Event("change", {bubbles: true}));
	})()`)
	size := eval[[]float64](ann, `(() => { const r = document.querySelector(".view.axial").getBoundingClientRect(); return [r.width / 2, r.height / 2]; })()`)
	ann.drag(".view.axial", size[0], size[1], size[0], size[1])
	ann.text(".drawing [role=status]", "not come without loss")
	ann.press("A", "x")
	eval[bool](ann, `(document.querySelector(".drawing").style.display = "none") === "none"`) // planes of one size below
	ann.press(kb.PageUp)
	ann.until("a slice of reduced quality", `document.querySelector(".view.axial .lossy")?.textContent === "reduced quality"`)
	ann.text(".view.axial .corner.bl", "reduced quality")
	ann.press("k", kb.PageUp)
	ann.text("[data-test=lossy-distance]", "reduced quality")
	ann.shot("reduced")
	ann.press(kb.Delete, "f")
	ann.slowLine(0)
	ann.opened()
	ann.until("nothing of reduced quality", `!document.querySelector(".lossy, [data-test=quality], [data-test=lossy-distance]")`)

	asked := eval[[]string](ann, `performance.getEntriesByType("resource").map((e) => e.name).filter((n) => /\/frames\/|\/region\?/.test(n)).map((n) => n.includes("/region?") ? "region" : n.split("part=")[1])`)
	first := slices.Index(asked, "reduced")
	if want := []string{"region", "whole"}; first < 2 || first > 4 || !slices.Equal(asked[:2], want) || len(asked) < 2*90-20 {
		t.Errorf("%d requests, the first of reduced quality is %d; they begin with %q", len(asked), first, asked[:min(6, len(asked))])
	}
	if slow := same(); slow != fast {
		t.Errorf("planes differ:\n%s\n%s", fast, slow)
	}
}

// A decision before all around the finding has come says so.
func TestDecisionOnASlowLine(t *testing.T) {
	browser := newBrowser(t)
	s := serve(t, append([]string{"--outline", "off"}, quick...)...)
	s.submit(t, phantom(t, "--seed", "22", "--slices", "60", "--size", "512", "--count", "1"))
	ann := annSees(browser, t, s)
	id := eval[string](ann, `document.querySelector("tbody tr[data-id]").dataset.id`)
	ann.slowLine(1e6)
	ann.do("choose the line", chromedp.Navigate(s.url+"/?line=slow#/series/"+id))
	ann.text("[data-test=lossy-decision]", "not all here without loss")
	ann.shot("decision")
	ann.slowLine(0)
	ann.opened()
	ann.until("nothing of that", `!document.querySelector("[data-test=lossy-decision]")`)
}

// TestMeasureSlowLine prints what docs/review.md states of a line of 6 Mbit/s.
func TestMeasureSlowLine(t *testing.T) {
	if !*measure {
		t.Skip("run with -args -measure")
	}
	browser := newBrowser(t)
	s := serve(t, quick...)
	dir := *measured
	if dir == "" {
		dir = phantom(t, "--slices", "300", "--count", "30", "--slice-spacing", "1")
		s.submit(t, dir)
	} else {
		run(t, "", "submit", dir, "--nodules", filepath.Join(dir, "nodules.json"), "--nats-url", s.bus)
	}
	ann := newTab(browser, t, "ann")
	ann.size(1920, 1080)
	ann.signIn(s.url, "ann")
	ann.within(scoringPatience, "a scored series", `document.querySelector("tbody tr[data-id] .state:not(.waiting)")`)
	id := eval[string](ann, `document.querySelector("tbody tr[data-id]").dataset.id`)
	for range 3 {
		ann.do("the list", chromedp.Navigate("about:blank"), chromedp.Navigate(s.url+"/"))
		ann.until("the list", `document.querySelector("tbody tr[data-id]")`)
		evalAwait[bool](ann, `new Promise((done) => setTimeout(() => done(true), 3000))`) // the viewer is fetched meanwhile
		ann.slowLine(6e6)
		start := time.Now()
		eval[bool](ann, `(location.hash = "#/series/`+id+`", true)`)
		since := func(what, condition string) {
			ann.until(what, condition)
			t.Logf("%s after %.1f s", what, time.Since(start).Seconds())
		}
		since("first view", `document.querySelector(".planes")?.dataset.firstView`)
		t.Logf("first view by the page's own clock: %s ms", eval[string](ann, `document.querySelector(".planes").dataset.firstView`))
		since("lossless around the finding", `!document.querySelector("[data-test=lossy-decision]")`)
		since("all in reduced quality or better", `(() => { const d = document.querySelector(".planes").dataset; return d.loaded === "all" || Number(d.loaded) + Number(d.reduced) >= 300; })()`)
		since("all lossless", `document.querySelector(".planes").dataset.loaded === "all"`)
		ann.slowLine(0)
	}
}
