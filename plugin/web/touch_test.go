package web_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// light has a tab show the page light, or dark again.
func (b *tab) light(on bool) {
	b.t.Helper()
	want := map[bool]string{true: "light", false: "dark"}[on]
	b.until("the switch of the theme", `document.querySelector("[data-test=theme]")`)
	if eval[string](b, `document.documentElement.dataset.theme`) != want {
		eval[bool](b, `(document.querySelector("[data-test=theme]").click(), true)`)
	}
	b.until("the theme "+want, fmt.Sprintf(`document.documentElement.dataset.theme === %q`, want))
}

// The page follows the system until somebody chooses; a choice outlives a reload, and
// images stay on black.
func TestTheme(t *testing.T) {
	browser := newBrowser(t)
	s := serve(t, append([]string{"--outline", "off"}, quick...)...)
	s.submit(t, small(t, "31"))
	ann := newTab(browser, t, "ann")
	ann.size(1280, 800)
	system := func(scheme string) {
		t.Helper()
		if _, err := chromedp.Call(ann.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
			t.Fatal(err)
		}
	}
	theme := func(want string) {
		t.Helper()
		ann.until(want, fmt.Sprintf(`document.documentElement.dataset.theme === %q`, want))
	}
	system("light")
	ann.signIn(s.url, "ann")
	theme("light")
	ann.within(scoringPatience, "a scored series", `document.querySelector("tbody tr[data-id] .state.scored")`)
	system("dark")
	theme("dark")
	ann.light(true)
	ann.do("load again", chromedp.Reload())
	theme("light")
	ann.until("the list", `document.querySelector("tbody tr[data-id]")`)
	ann.press("o")
	ann.opened()
	if ground := eval[string](ann, `getComputedStyle(document.querySelector(".view")).backgroundColor`); ground != "rgb(0, 0, 0)" {
		t.Errorf("images stand on %s", ground)
	}
	if letter := eval[string](ann, `getComputedStyle(document.querySelector(".view .letter")).color`); letter != "rgb(255, 210, 74)" {
		t.Errorf("letters over the images are %s", letter)
	}
	ann.shot("light")
}

// touch sends the touches that there are now, as CSS pixels.
func (b *tab) touch(kind input.DispatchTouchEventType, points ...[2]float64) {
	b.t.Helper()
	p := input.DispatchTouchEventParams{Type: kind, TouchPoints: []*input.TouchPoint{}}
	for i, at := range points {
		id := float64(i)
		p.TouchPoints = append(p.TouchPoints, &input.TouchPoint{X: at[0], Y: at[1], ID: &id})
	}
	if _, err := chromedp.Call(b.ctx, input.DispatchTouchEvent, p); err != nil {
		b.t.Fatal(err)
	}
}

// One finger scrolls and, held, sets the crosshair; two fingers zoom and pan.
func TestTouch(t *testing.T) {
	browser := newBrowser(t)
	s := serve(t, append([]string{"--outline", "off"}, quick...)...)
	s.submit(t, small(t, "32"))
	ann := annSees(browser, t, s)
	ann.press("o")
	ann.opened()
	const start, move, end = input.DispatchTouchEventTypeTouchStart, input.DispatchTouchEventTypeTouchMove, input.DispatchTouchEventTypeTouchEnd
	box := eval[[]float64](ann, `(() => { const r = document.querySelector(".view.axial").getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]; })()`)
	at := func(dx, dy float64) [2]float64 { return [2]float64{box[0] + dx, box[1] + dy} }
	slice := func() int { return eval[int](ann, `Number(document.querySelector(".view.axial").dataset.slice)`) }
	corner := func() string {
		return eval[string](ann, `[...document.querySelectorAll(".view:not(.axial) .corner.tl")].map((e) => e.textContent).join()`)
	}
	scale := func() float64 {
		return eval[float64](ann, `parseFloat(document.querySelector(".view.axial .corner.tr").innerText.match(/([\d.]+) px/)[1])`)
	}
	ann.until("the scale", `/px/.test(document.querySelector(".view.axial .corner.tr")?.innerText)`)
	before, others := slice(), corner()

	ann.touch(start, at(0, 0))
	for y := 10.0; y <= 60; y += 10 {
		ann.touch(move, at(0, -y))
	}
	ann.touch(end)
	ann.until("other slices", fmt.Sprintf(`Number(document.querySelector(".view.axial").dataset.slice) >= %d`, before+4))
	if got := corner(); got != others {
		t.Errorf("a finger that scrolls moved the crosshair: %s, then %s", others, got)
	}

	ann.touch(start, at(60, 40))
	time.Sleep(900 * time.Millisecond) // held
	ann.touch(end)
	ann.until("the crosshair elsewhere", fmt.Sprintf(`[...document.querySelectorAll(".view:not(.axial) .corner.tl")].map((e) => e.textContent).join() !== %q`, others))

	held, wide := slice(), scale()
	ann.touch(start, at(-30, 0), at(30, 0))
	for by := 40.0; by <= 60; by += 10 {
		ann.touch(move, at(-by, 0), at(by, 0))
	}
	ann.touch(end)
	ann.until("a larger picture", fmt.Sprintf(`parseFloat(document.querySelector(".view.axial .corner.tr").innerText.match(/([\d.]+) px/)[1]) > %f`, wide*1.4))
	if got := scale() / wide; math.Abs(got-2) > 0.4 {
		t.Errorf("fingers twice as far apart enlarge %.2f times", got)
	}
	if got := slice(); got != held {
		t.Errorf("two fingers scrolled from %d to %d", held, got)
	}
	ann.press(kb.Tab)
}

// The Tab key stops once in each group of tools, at the one that is chosen.
func TestOneStopInAGroupOfTools(t *testing.T) {
	browser := newBrowser(t)
	s := serve(t, append([]string{"--outline", "off"}, quick...)...)
	s.submit(t, small(t, "33"))
	ann := annSees(browser, t, s)
	ann.press("o")
	ann.opened()
	const stops = `[...document.querySelectorAll(".toolbar .group")].map((g) => [...g.querySelectorAll("button")].filter((b) => b.tabIndex === 0).map((b) => b.textContent).join("+")).join()`
	ann.until("one stop in each group", stops+` === "Crosshair,Lung,Heat map,Close-up" || `+stops+` === "Crosshair,Lung,Marks,Close-up"`)
	ann.press("z")
	ann.until("the chosen tool", stops+`.startsWith("Zoom,")`)
	eval[bool](ann, `(document.querySelector(".toolbar [aria-label=Size] button").focus(), true)`)
	ann.press(kb.ArrowRight, kb.ArrowRight)
	ann.until("the third of the group", stops+`.endsWith(",MIP")`)
}
