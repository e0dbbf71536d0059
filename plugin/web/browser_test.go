package web_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/nodulescope/nodulescope/internal/checktest"
)

var quick = []string{"--detectors", "vae-ad"}

func small(t testing.TB, seed string) string {
	t.Helper()
	return phantom(t, "--seed", seed, "--slices", "60", "--size", "128", "--count", "3")
}

// One radiologist: open the first series by keyboard, look, decide, load the
// page again.
func TestReview(t *testing.T) {
	browser := newBrowser(t)
	s := serve(t, quick...)
	s.submit(t, small(t, "1"))
	ann := annSees(browser, t, s)
	ann.text("tbody tr[data-id] a.open", "Phantom")
	ann.text("[data-test=intended-use]", "never for triage or diagnosis")
	ann.shot("worklist")
	ann.press(kb.ArrowDown, kb.Enter)
	ann.opened()
	ann.text("[data-test=patient-name]", "Phantom")
	ann.until("patch, reconstruction and residual", `document.querySelector("[data-test=strip]")?.dataset.ready === "yes"`)
	ann.shot("viewer")

	// Slices, by key and by wheel.
	at := func() int { return eval[int](ann, `Number(document.querySelector(".view.axial").dataset.slice)`) }
	wants := func(slice int) string {
		return fmt.Sprintf(`document.querySelector(".view.axial").dataset.slice === "%d"`, slice)
	}
	home := at()
	ann.press(kb.ArrowUp)
	ann.until("the next slice", wants(home+1))
	ann.press(kb.PageDown)
	ann.until("nine slices down", wants(max(1, home-9)))
	ann.press("f")
	ann.until("the finding again", wants(home))
	eval[bool](ann, `document.querySelector(".view.axial .picture").dispatchEvent(new WheelEvent("wheel", {deltaY: -120, bubbles: true, cancelable: true}))`)
	ann.until("one slice up by the wheel", wants(home+1))
	ann.press("f", "2")
	ann.text(".view.axial .corner.tr", "W 400 L 40")
	ann.press("h")
	ann.until("the heat map", `document.querySelector(".toolbar button[title^=heat]").getAttribute("aria-pressed") === "true"`)
	ann.press("e")
	ann.shot("close-up")
	for i, want := range []string{"H", "L", "F", "R"} {
		got := eval[string](ann, fmt.Sprintf(`document.querySelectorAll(".view.coronal .letter")[%d].textContent`, i))
		if got != want {
			t.Errorf("side %d of the coronal plane is marked %s, not %s", i, got, want)
		}
	}
	slice := eval[string](ann, `document.querySelector(".view.coronal").dataset.slice`)
	ann.drag(".view.axial", 100, 200, 180, 260)
	ann.until("the crosshair somewhere else", fmt.Sprintf(`document.querySelector(".view.coronal").dataset.slice !== %q`, slice))
	ann.press("f", "d")
	ann.until("the crosshair on the finding", fmt.Sprintf(`document.querySelector(".view.coronal").dataset.slice === %q`, slice))
	ann.drag(".view.axial", 100, 200, 180, 260)
	ann.until("a distance", `/\d mm/.test(document.querySelector(".view.axial svg.svg-layer")?.textContent)`)
	perMM := eval[float64](ann, `parseFloat(document.querySelector(".view.axial .corner.tr").innerText.match(/([\d.]+) px/)[1])`) // innerText: one line a line
	want := 100 / perMM                                                                                                           // 80 and 60 pixels; the scale is rounded
	ann.until("the distance of the drag", fmt.Sprintf(`Math.abs(parseFloat(document.querySelector(".view.axial svg.svg-layer").textContent) - %f) < %f`, want, 0.03*want))
	ann.shot("distance")
	ann.press(kb.ArrowUp)
	ann.until("no distance on the slice above", `!/\d mm/.test(document.querySelector(".view.axial svg.svg-layer")?.textContent)`)
	ann.press(kb.ArrowDown)
	ann.until("the distance on its slice", `/\d mm/.test(document.querySelector(".view.axial svg.svg-layer")?.textContent)`)
	ann.press(kb.Delete)
	ann.until("no distance", `!/\d mm/.test(document.querySelector(".view.axial svg.svg-layer")?.textContent)`)
	// The same by keys: a mark, and the crosshair by voxels of the phantom's
	// 2.5 mm. Pages draw when they can: what is shown at last is what counts.
	steps := func(n int, arrow string) {
		eval[bool](ann, fmt.Sprintf(`(() => { for (let i = 0; i < %d; i++) window.dispatchEvent(new KeyboardEvent("keydown", {key: %q, ctrlKey: true})); return true; })()`, n, arrow))
	}
	away := func(what, mm string) {
		ann.until(what, fmt.Sprintf(`document.querySelector(".view.axial .corner.tl").innerText.includes("\n%s mm from the mark")`, mm))
	}
	ann.press("k")
	away("the mark where the crosshair is", "0.0")
	steps(8, "ArrowRight")
	away("eight voxels to the right", "20.0")
	ann.shot("mark")
	steps(6, "ArrowDown")
	away("ten voxels by way of six down", "25.0")
	ann.press(kb.Delete)
	ann.until("no mark", `!/from the mark/.test(document.querySelector(".view.axial .corner.tl").innerText)`)
	ann.press("f", "x", "?")
	ann.text("dialog[open]", "next finding")
	ann.shot("keys")
	ann.press(kb.Escape)
	ann.until("the help is gone", `!document.querySelector("dialog[open]")`)

	// Decide by keyboard: not a nodule, of the first kind.
	ann.press("r")
	ann.until("the kinds", `document.activeElement?.name === "kind"`)
	ann.press("1")
	ann.shot("not-a-nodule")
	ann.press(kb.Enter)
	ann.until("the decision", `document.querySelector("[data-test=decision]")?.dataset.version === "1"`)
	ann.text("[data-test=decision]", "not a nodule: Vessel")
	ann.copiesReportLine("not a nodule: vessel or vessel branching.")
	first := eval[string](ann, `document.querySelector(".findings [aria-current]").dataset.finding`)
	ann.press("N")
	ann.until("the next finding", fmt.Sprintf(`document.querySelector(".findings [aria-current]").dataset.finding !== %q`, first))
	ann.press("p")
	ann.until("the decided finding", fmt.Sprintf(`document.querySelector(".findings [aria-current]").dataset.finding === %q`, first))

	// A second version, then everything is still there after loading again.
	ann.press("u", "c")
	ann.do("write a comment", chromedp.KeyEvent("near the fissure"))
	ann.do("save while writing", chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	ann.until("the second version", `document.querySelector("[data-test=decision]")?.dataset.version === "2"`)
	ann.do("load again", chromedp.Reload())
	ann.opened()
	ann.until("the decision after loading again", `document.querySelector("[data-test=decision]")?.dataset.version === "2"`)
	ann.text("[data-test=decision]", "near the fissure")
	ann.press("w")
	ann.text("tbody tr[data-id] .state", "in review")
}

// copiesReportLine takes the line for the report and looks at what is on the
// clipboard: place, size and verdict, and no patient.
func (b *tab) copiesReportLine(verdict string) {
	b.t.Helper()
	b.press("y")
	b.text("[data-test=notice]", "Copied: Finding")
	eval[bool](b, `(document.querySelector(".comment textarea").focus(), true)`)
	b.do("paste", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeRawKeyDown, Commands: []string{"paste"}})
		return err
	}))
	b.until("what was copied", `document.querySelector(".comment textarea").value.length > 10`)
	got := eval[string](b, `document.querySelector(".comment textarea").value`)
	b.press(kb.Escape, kb.Escape)
	if !regexp.MustCompile(`^Finding \d: (series \d+, )?image \d+ \(slice \d+ of 60\), lobe unknown, \d+\.\d mm.*: .*$`).MatchString(got) || !strings.HasSuffix(got, verdict) || strings.Contains(got, "Phantom") {
		b.t.Errorf("copied: %s", got)
	}
}

// Two reviewers: the second one is told, nothing is lost.
func TestTwoReviewers(t *testing.T) {
	browser := newBrowser(t)
	s := serve(t, quick...)
	s.submit(t, small(t, "2"))
	ann, bob := newTab(browser, t, "ann"), newTab(browser, t, "bob")
	bob.expected = append(bob.expected, "409") // the refusal that is tested
	for _, b := range []*tab{ann, bob} {
		b.signIn(s.url, b.name)
		b.within(scoringPatience, "a scored series", `document.querySelector("tbody tr[data-id] .state.scored")`)
		b.press("o")
		b.opened()
	}
	bob.press("s") // chosen on what he sees now
	bob.until("bob's choice", `document.querySelector(".verdicts .suspicious").getAttribute("aria-pressed") === "true"`)
	ann.press("u", kb.Enter)
	ann.until("ann's decision", `document.querySelector("[data-test=decision]")?.dataset.version === "1"`)
	bob.text("[data-test=notice]", "ann") // it arrives by itself
	bob.press(kb.Enter)
	bob.text("[data-test=conflict]", "unsure")
	bob.text("[data-test=conflict]", "suspicious")
	bob.shot("conflict")
	bob.click("dialog .save button:not(.primary)")
	bob.until("the second version", `document.querySelector("[data-test=decision]")?.dataset.version === "2"`)
	bob.text("[data-test=decision]", "suspicious")
	ann.text("[data-test=decision]", "bob")
	bob.click(".decision .now button")
	bob.text("dialog[open] .versions", "unsure")
	bob.shot("history")

	vera := newTab(browser, t, "vera")
	vera.signIn(s.url, "vera")
	vera.until("the series", `document.querySelector("tbody tr[data-id]")`)
	vera.press("o")
	vera.opened()
	vera.text(".decision", "View-only account")
	if eval[bool](vera, `Boolean(document.querySelector(".verdicts"))`) {
		t.Error("a viewer is offered to decide")
	}
}

// A result appears by itself, also after the network was gone; a decision that
// could not leave is kept until it can.
func TestLiveAndLost(t *testing.T) {
	browser := newBrowser(t)
	s := serve(t, quick...)
	w := newWire(t, s.url[len("http://"):])
	url := "http://" + w.addr
	ann := newTab(browser, t, "ann")
	ann.expected = append(ann.expected, "ERR_", "Failed to load", "reconnect") // of the cut network
	ann.signIn(url, "ann")
	ann.text("main.worklist", "No series yet")
	s.submit(t, small(t, "3"))
	ann.within(scoringPatience, "the new result", `document.querySelector("tbody tr[data-id] .state.scored")`)
	ann.shot("arrived")
	ann.press("o")
	ann.opened()

	w.set(true)
	ann.text("[data-test=link-lost]", "No connection")
	ann.press("s", kb.Enter)
	ann.text("[data-test=decision-error]", "Not saved")
	ann.shot("lost")
	w.set(false)
	ann.until("the connection", `!document.querySelector("[data-test=link-lost]")`)
	ann.press(kb.Enter)
	ann.until("the decision", `document.querySelector("[data-test=decision]")?.dataset.version === "1"`)
	ann.text("[data-test=decision]", "suspicious")

	ann.press("w")
	ann.until("the work list", `document.querySelector("tbody tr[data-id]")`)
	w.set(true)
	ann.text("[data-test=link-lost]", "No connection")
	s.submit(t, small(t, "4"))
	w.set(false)
	ann.within(scoringPatience, "what came meanwhile", `document.querySelectorAll("tbody tr[data-id] .state.scored, tbody tr[data-id] .state.in_review").length === 2`)
}

// A real scan with the readers' marks as candidates.
func TestRealSeries(t *testing.T) {
	data := checktest.Data(t)
	marks, err := filepath.Glob(filepath.Join(data, "ct", "LIDC-IDRI-0003", "*", "*", "*.xml"))
	if err != nil || len(marks) == 0 {
		t.Skipf("no readers' marks of LIDC-IDRI-0003 there (%v)", err)
	}
	browser := newBrowser(t)
	s := serve(t, quick...)
	run(t, "", "submit", filepath.Dir(marks[0]), "--nodules", marks[0], "--nats-url", s.bus)
	ann := annSees(browser, t, s)
	ann.press("o")
	ann.opened()
	for _, plane := range []string{"axial", "coronal", "sagittal"} {
		// Something was drawn: lung and tissue are not of one grey.
		levels := eval[int](ann, fmt.Sprintf(`new Set(%s(document.querySelector(".view.%s"), "canvas.slice")).size`, seen, plane))
		if levels < 16 {
			t.Errorf("the %s plane has %d levels of grey", plane, levels)
		}
	}
	if n := eval[int](ann, `document.querySelectorAll(".findings li").length`); n < 3 {
		t.Errorf("%d findings", n)
	}
	ann.press("n", kb.PageUp, kb.PageDown, "s", kb.Enter)
	ann.until("the decision", `document.querySelector("[data-test=decision]")?.dataset.version === "1"`)
}
