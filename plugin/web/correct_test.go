package web_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// A reader corrects the outline with brush, eraser and growing region, by mouse
// and by finger, takes changes back, and measures a distance: all of it lives
// through a reload, is measured by the service, and is kept with the decision.
func TestOutlineIsCorrected(t *testing.T) {
	browser := newBrowser(t)
	network := filepath.Join(t.TempDir(), "network.safetensors")
	if err := plugintest.Network().Save(network); err != nil {
		t.Fatal(err)
	}
	s := serve(t, append([]string{"--outline", network}, quick...)...)
	s.submit(t, phantom(t, "--seed", "8", "--slices", "60", "--size", "256", "--count", "2"))
	ann := annSees(browser, t, s)
	ann.press("o")
	ann.opened()
	ann.press("e")
	state := func(want string) {
		t.Helper()
		ann.until("an outline that is drawn: "+want, fmt.Sprintf(`document.querySelector("[data-test=outline]")?.dataset.drawn === %q`, want))
	}
	told := func() string {
		return eval[string](ann, `document.querySelector("[data-test=outline] table").innerText`)
	}
	chord := func(key string) {
		eval[bool](ann, fmt.Sprintf(`(window.dispatchEvent(new KeyboardEvent("keydown", {key: %q, ctrlKey: true, bubbles: true, cancelable: true})), true)`, key))
	}
	// The length of the reader's line on every plane, by its colour.
	const own = `[...document.querySelectorAll(".view svg.overlay")].map((e) => e.querySelector('path[stroke="#ff9d4d"]')?.getTotalLength() ?? 0)`
	middle := func(plane string) (x, y float64) {
		size := eval[[]float64](ann, fmt.Sprintf(`(() => { const r = document.querySelector(".view.%s").getBoundingClientRect(); return [r.width, r.height]; })()`, plane))
		return size[0] / 2, size[1] / 2
	}
	state("no")
	before := told()

	ann.press("a", ".")
	ann.text("[data-test=radius]", "8 mm")
	x, y := middle("axial")
	ann.drag(".view.axial", x, y, x+40, y)
	state("measured")
	brushed := told()
	if brushed == before {
		t.Errorf("the measurements are the same: %s", before)
	}
	ann.until("the line on the planes", own+`.filter((n) => n > 40).length === 3`)
	ann.shot("brush")
	ann.check("body", ".drawing", "[data-test=radius]")
	chord("z")
	state("no")
	chord("y")
	state("measured")
	ann.until("the same measurements", fmt.Sprintf(`document.querySelector("[data-test=outline] table").innerText === %q`, brushed))

	ann.press("d")
	for i, plane := range []string{"axial", "coronal", "sagittal"} {
		x, y = middle(plane)
		down := 20.0 // along x or y, it lies in two planes
		if plane == "axial" {
			down = 50
		}
		ann.drag(".view."+plane, x-30, y+20, x+40, y+down)
		ann.until("a distance in the "+plane+" plane", fmt.Sprintf(`document.querySelector("[data-test=distances]")?.textContent.split("mm").length === %d`, i+2))
	}
	const lengths = `[...document.querySelectorAll(".view")].filter((v) => /\d mm/.test(v.querySelector("svg.svg-layer")?.textContent)).map((v) => v.dataset.plane).join(" ")`
	distances := eval[string](ann, `document.querySelector("[data-test=distances]").textContent`)
	there := func(after string) {
		t.Helper()
		ann.until("outline and distance after "+after, fmt.Sprintf(`document.querySelector("[data-test=outline] table")?.innerText === %q && document.querySelector("[data-test=distances]")?.textContent === %q &&
			%s === "axial coronal sagittal"`, brushed, distances, lengths))
	}
	ann.text("[data-test=drawn-open]", "verdict")
	ann.do("load again", chromedp.Reload())
	ann.opened()
	there("loading again")
	// Each is on its slice, and on no other.
	for _, c := range []struct{ plane, others string }{{"axial", "coronal sagittal"}, {"coronal", "axial sagittal"}, {"sagittal", "axial coronal"}} {
		eval[bool](ann, fmt.Sprintf(`(document.querySelector(".view.%s").focus(), true)`, c.plane))
		ann.press(kb.ArrowUp)
		ann.until("no distance beside its slice in the "+c.plane+" plane", lengths+fmt.Sprintf(` === %q`, c.others))
		ann.press(kb.ArrowDown)
		there("coming back to the slice in the " + c.plane + " plane")
	}
	ann.press("n")
	ann.until("none of another finding", `document.querySelector("[data-test=outline]")?.dataset.drawn !== "measured" && !document.querySelector("[data-test=distances]") && document.querySelector(".badge.draft")`)
	ann.press("p")
	there("another finding")

	ann.press("s", "\r")
	ann.until("the decision", `document.querySelector("[data-test=decision]")?.dataset.version === "1"`)
	ann.until("no draft", `!document.querySelector(".badge.draft")`)
	there("saving")
	ann.do("load again", chromedp.Reload())
	ann.opened()
	there("loading what was saved")
	ann.shot("saved")

	// The network's again, and a region from there: both are drafts once more.
	ann.press("A")
	state("no")
	ann.press("j")
	x, y = middle("axial")
	ann.drag(".view.axial", x, y, x, y)
	state("measured")
	ann.shot("region")
	// By finger, in another plane. The viewer library takes no mouse for two seconds after it.
	grown := told()
	ann.press("q")
	x, y = middle("coronal")
	ann.finger(".view.coronal", x, y, x+10, y)
	ann.until("an erased part", fmt.Sprintf(`document.querySelector("[data-test=outline] table") && document.querySelector("[data-test=outline] table").innerText !== %q`, grown))
	ann.press("u", "\r")
	ann.until("the second version", `document.querySelector("[data-test=decision]")?.dataset.version === "2"`)
	state("measured")
}

// finger moves one finger from one point of an element to another.
func (b *tab) finger(selector string, x0, y0, x1, y1 float64) {
	b.t.Helper()
	box := eval[[]float64](b, fmt.Sprintf(`(() => { const r = document.querySelector(%q).getBoundingClientRect(); return [r.left, r.top]; })()`, selector))
	b.touch(input.DispatchTouchEventTypeTouchStart, [2]float64{box[0] + x0, box[1] + y0})
	b.touch(input.DispatchTouchEventTypeTouchMove, [2]float64{box[0] + x1, box[1] + y1})
	b.touch(input.DispatchTouchEventTypeTouchEnd)
}
