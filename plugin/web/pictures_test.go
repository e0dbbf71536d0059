package web_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var allStates = flag.Bool("pictures", false, "take every state of the page on every screen: to be looked at, with -screenshots")

var screens = [][2]int64{{1280, 800}, {1920, 1080}, {1200, 1600}, {2160, 3840}}

// camera takes a tab's pictures on all screens, and runs axe on each.
type camera struct {
	*tab
	library string
	n       int
}

// every takes what is shown, in both themes where that is wanted.
func (c *camera) every(state string, themes ...bool) {
	c.t.Helper()
	c.n++
	chooses := eval[bool](c.tab, `Boolean(document.querySelector("[data-test=theme]"))`)
	if len(themes) == 0 || !chooses {
		themes = []bool{false}
	}
	for _, size := range screens {
		c.size(size[0], size[1])
		for _, light := range themes {
			if chooses {
				c.light(light)
			}
			evalAwait[bool](c.tab, `new Promise((done) => setTimeout(() => requestAnimationFrame(() => done(true)), 400))`)
			name := fmt.Sprintf("%02d-%s-%dx%d", c.n, state, size[0], size[1])
			if light {
				name += "-light"
			}
			c.accessible(name, c.library)
		}
	}
	if chooses {
		c.light(false)
	}
	c.size(1280, 800)
}

// TestPictures brings about every state of the page. It judges what axe says; the
// rest is for eyes: make pictures.
func TestPictures(t *testing.T) {
	if !*allStates {
		t.Skip("run with -args -pictures -screenshots FOLDER")
	}
	library, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	browser := newBrowserFor(t, time.Hour)
	data := t.TempDir()
	siteModels(t, data)
	s := serveFrom(t, data, "--max-attempts", "1", "--arrival-quiet", "0")
	w := newWire(t, s.url[len("http://"):])
	url := "http://" + w.addr
	ann := &camera{tab: newTab(browser, t, "ann"), library: string(library)}
	ann.expected = append(ann.expected, "ERR_", "Failed to load", "reconnect", "404", "409", "502", "403")

	ann.do("open the page", chromedp.Navigate(url+"/"))
	ann.until("the login", `document.querySelector("input[name=password]")`)
	ann.every("sign-in")
	ann.do("a wrong password", chromedp.SendKeys(chromedp.CSS("input[name=name]"), "ann"), chromedp.SendKeys(chromedp.CSS("input[name=password]"), "not the password\r"))
	ann.until("a refusal", `document.querySelector(".error")?.textContent.length > 3`)
	ann.every("sign-in-refused")
	ann.signIn(url, "ann")
	ann.every("list-empty")

	urgent := phantom(t, "--seed", "5", "--slices", "120", "--size", "256", "--count", "6")
	run(t, "", "submit", urgent, "--nodules", withOneOutside(t, urgent), "--priority", "stat", "--nats-url", s.bus)
	gone := small(t, "8")
	s.submit(t, gone)
	whole, cut := small(t, "7"), broken(t, small(t, "7"))
	run(t, "", "submit", whole, "--nodules", filepath.Join(whole, "truth.json"), "--uri", "file://"+cut, "--nats-url", s.bus)
	ann.within(scoringPatience, "two scored series and a refused one", `document.querySelectorAll("tbody tr[data-id] .state.scored").length === 2 && document.querySelector("tbody tr[data-id] .state.refused")`)
	ann.every("list", false, true)
	ann.do("search", chromedp.SendKeys(chromedp.CSS("input[type=search]"), "phantom"))
	evalAwait[bool](ann.tab, `new Promise((done) => setTimeout(() => done(true), 600))`)
	ann.every("list-search")
	ann.do("search", chromedp.SendKeys(chromedp.CSS("input[type=search]"), " of nobody"))
	ann.text("main.worklist", "No series match")
	ann.every("list-nothing-found")
	ann.press(kb.Escape, "0")
	ann.do("the list", chromedp.Reload())
	ann.until("the list", `document.querySelector("tbody tr:has(td > .state.refused) a.open")`)
	ann.click("tbody tr:has(td > .state.refused) a.open")
	ann.text("[data-test=refused]", "no negative result")
	ann.every("refused", false, true)
	ann.press("w")
	ann.click("tbody tr:has(.badge.stat) a.open")
	ann.opened()
	ann.until("patch, reconstruction and residual", `document.querySelector("[data-test=strip]")?.dataset.ready === "yes"`)
	ann.every("finding", false, true)
	ann.findingStates()
	ann.lostStates(browser, w, gone, s)
	ann.otherPages(browser, url)
}

// findingStates are those of a finding, its tools and its decision.
func (c *camera) findingStates() {
	c.t.Helper()
	c.press("?")
	c.until("the keys", `document.querySelector("dialog[open]")`)
	c.every("shortcuts", false, true)
	c.press(kb.Escape, "h")
	c.every("heat-map")
	c.press("h", "i", "i")
	c.every("thin-slab")
	c.press("i", "i", "m")
	c.every("one-plane")
	c.press("m", "d")
	c.drag(".view.axial", 100, 150, 180, 210)
	c.until("a distance", `/\d mm/.test(document.querySelector(".view.axial svg.svg-layer")?.textContent)`)
	c.every("ruler")
	c.press(kb.Delete, "x", "k")
	for range 8 {
		eval[bool](c.tab, `(window.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", ctrlKey: true})), true)`)
	}
	c.every("mark")
	c.press(kb.Delete, "f", "a")
	c.drag(".view.axial", 310, 290, 335, 320)
	c.every("outline-drawn")
	eval[bool](c.tab, `(window.dispatchEvent(new KeyboardEvent("keydown", {key: "A", shiftKey: true, bubbles: true})), true)`)
	c.press("j")
	c.every("region")
	c.press("x", "r")
	c.until("the kinds", `document.activeElement?.name === "kind"`)
	c.every("not-a-nodule", false, true)
	c.press("3", kb.Escape, "n")
	c.until("a draft in the list", `document.querySelector(".badge.draft")`)
	c.every("draft")
	c.press("s", kb.Enter)
	c.until("a decision", `document.querySelector("[data-test=decision]")?.dataset.version === "1"`)
	c.press("b", kb.Enter)
	c.until("another one", `document.querySelector("[data-test=decision]")?.dataset.version === "2"`)
	c.every("decided", false, true)
	c.click(".decision .now button")
	c.text("dialog[open] .versions", "suspicious")
	c.every("versions")
	c.press(kb.Escape)
	for _, model := range []string{"gan-ad", "vae-ad"} {
		evalAwait[float64](c.tab, fmt.Sprintf(chosen, model))
		c.every("why-" + model)
	}
	c.press("p", "p")
	c.text(".why .banner", "Not scored")
	c.every("outside-the-scan")
	c.press("n")
}

// lostStates are those without a network, without images, and on a slow line.
func (c *camera) lostStates(browser context.Context, w *wire, gone string, s *service) {
	c.t.Helper()
	bob := newTab(browser, c.t, "bob")
	bob.signIn(s.url, "bob")
	c.press("s")
	c.until("a choice", `document.querySelector(".verdicts .suspicious").getAttribute("aria-pressed") === "true"`)
	at := eval[string](c.tab, `location.hash`)
	bob.do("the same finding", chromedp.Navigate(s.url+"/"+at))
	bob.opened()
	bob.press("u", kb.Enter)
	bob.until("bob's decision", `document.querySelector("[data-test=decision]")?.dataset.version === "1"`)
	c.text("[data-test=notice]", "bob")
	c.every("decided-by-another")
	c.press(kb.Enter)
	c.text("[data-test=conflict]", "unsure")
	c.every("overridden", false, true)
	c.press(kb.Escape)

	w.set(true)
	c.text("[data-test=link-lost]", "No connection")
	c.press(kb.Enter)
	c.text("[data-test=decision-error]", "Not saved")
	c.every("no-connection", false, true)
	w.set(false)
	c.until("the connection", `!document.querySelector("[data-test=link-lost]")`)
	c.press("w")
	c.until("the list", `document.querySelector("tbody tr[data-id]")`)
	w.set(true)
	c.text("[data-test=link-lost]", "No connection")
	c.every("list-no-connection")
	w.set(false)
	c.until("the connection", `!document.querySelector("[data-test=link-lost]")`)

	c.slowLine(3e5)
	url := "http://" + w.addr
	id := eval[string](c.tab, `document.querySelector("tbody tr:has(.badge.stat)").dataset.id`)
	c.do("choose the line", chromedp.Navigate(url+"/?line=slow#/series/"+id))
	c.until("the first slices", `document.querySelector(".planes")?.dataset.firstView`)
	c.every("slow-line", false, true)
	c.slowLine(0)
	c.opened()

	if err := os.Rename(gone, gone+"-gone"); err != nil {
		c.t.Fatal(err)
	}
	c.do("the list", chromedp.Navigate(url+"/?#/"))
	c.until("the list", `document.querySelector("tbody tr:not(:has(.badge.stat)):has(.state.scored) a.open")`)
	c.click("tbody tr:not(:has(.badge.stat)):has(.state.scored) a.open")
	c.until("what is not there", `document.querySelector("main.viewer .banner, main.viewer .identity.unknown")`)
	c.every("no-images")
	c.do("no such series", chromedp.Navigate(url+"/?x#/series/"+fmt.Sprintf("%064d", 0)))
	c.until("an error", `document.querySelector("main.viewer .error")`)
	c.every("not-found")
	c.do("the list", chromedp.Navigate(url+"/?y#/"))
	c.until("the list", `document.querySelector("tbody tr[data-id]")`)
	c.do("end the session", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.ClearBrowserCookies, cdp.Empty{})
		return err
	}))
	c.press("r")
	c.until("the login", `document.querySelector("input[name=password]")`)
	c.every("session-over")
}

// otherPages are those of who may not decide, and of administrators.
func (c *camera) otherPages(browser context.Context, url string) {
	c.t.Helper()
	vera := &camera{tab: newTab(browser, c.t, "vera"), library: c.library, n: c.n}
	vera.signIn(url, "vera")
	vera.click("tbody tr:has(.badge.stat) a.open")
	vera.opened()
	vera.every("view-only")

	ada := &camera{tab: newTab(browser, c.t, "ada"), library: c.library, n: vera.n}
	ada.signIn(url, "ada")
	ada.click("[data-test=retraining]")
	ada.until("the versions", `document.querySelector("tr[data-version] button")`)
	ada.every("retraining", false, true)
	ada.click("tr[data-version] button.quiet")
	ada.until("a comparison", `document.querySelector("[data-test=comparison] h2")`)
	for _, part := range []string{"comparison", "data", "shadow", "drift"} {
		eval[bool](ada.tab, fmt.Sprintf(`(document.querySelector("[data-test=%s]")?.scrollIntoView(), true)`, part))
		ada.every("retraining-" + part)
	}
	ada.click("[data-test=shadow] li:first-child .picture")
	ada.until("the picture", `document.querySelector("dialog[open] img")?.naturalWidth > 0`)
	ada.every("retraining-picture")
	ada.click("dialog[open] header button")
	ada.click("tr[data-version] td:last-child button")
	ada.until("the question", `document.querySelector("dialog[open] button[type=submit]")`)
	ada.every("promotion", false, true)
	ada.click("dialog[open] header button")
}
