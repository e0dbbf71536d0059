package web_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// brighter compares the slab that is seen of a plane with the slice below it: a
// maximum is nowhere darker, and somewhere brighter. It gives the shares of
// pixels that are darker and brighter, in percent.
const brighter = `(() => {
	const view = document.querySelector(".view.axial"), seen = ` + seen + `;
	const slice = seen(view, "canvas.slice"), slab = seen(view, "canvas.slab");
	let darker = 0, brighter = 0, of = 0;
	for (let i = 0; i < slice.length; i += 4) {
		of++;
		if (slab[i] < slice[i] - 16) darker++;
		if (slab[i] > slice[i] + 16) brighter++;
	}
	return [100 * darker / of, 100 * brighter / of];
})()`

// From many series and findings to one: search, filters, and a list that takes an
// order; then slabs and cine.
func TestSearchArrangeAndSlabs(t *testing.T) {
	browser := newBrowser(t)
	s := serve(t, append([]string{"--outline", "off"}, quick...)...)
	s.submit(t, phantom(t, "--seed", "14", "--slices", "60", "--size", "128", "--nodule", "solid:14"))
	s.submit(t, phantom(t, "--seed", "16", "--slices", "60", "--size", "128", "--count", "8"))
	ann := newTab(browser, t, "ann")
	ann.size(1280, 800)
	ann.signIn(s.url, "ann")
	ann.within(scoringPatience, "two scored series", `document.querySelectorAll("tbody tr[data-id] .state.scored").length === 2`)
	const rows = `document.querySelectorAll("tbody tr[data-id]").length === %d`
	many := eval[string](ann, `[...document.querySelectorAll("tbody tr[data-id]")].find((r) => r.textContent.includes("0 / 8")).textContent.match(/PHANTOM-\w+/)[0]`)

	ann.press("/")
	ann.until("the search", `document.activeElement?.type === "search"`)
	ann.do("search", chromedp.KeyEvent("nobody"))
	ann.until("nobody", fmt.Sprintf(rows, 0))
	ann.text(".empty", "No series match")
	ann.press(kb.Escape, "0")
	ann.until("all again", fmt.Sprintf(rows, 2)+` && document.querySelector(".search").value === ""`)
	eval[bool](ann, `(document.querySelector(".search").focus(), true)`)
	ann.do("search by ID", chromedp.KeyEvent(many+" nodulescope"))
	ann.until("the one with this ID", fmt.Sprintf(rows, 1)+` && document.querySelector("tbody").textContent.includes("0 / 8")`)
	ann.check("search", ".search", "tbody tr[data-id]", ".filters select", ".filters input")
	ann.press(kb.Enter) // out of the search
	ann.opened()

	ann.until("the list can be arranged", `document.querySelectorAll(".findings li").length === 8 && document.querySelector("[data-test=arrange]")`)
	choose := func(place int, value string) {
		eval[bool](ann, fmt.Sprintf(`(() => { const s = document.querySelectorAll("[data-test=arrange] select")[%d]; s.value = %q; s.dispatchEvent(new Event("change", {bubbles: true})); return true; })()`, place, value))
	}
	sizes := `[...document.querySelectorAll(".findings li")].map((l) => parseFloat(l.textContent.match(/([\d.]+) mm/)[1]))`
	choose(0, "size")
	ann.until("the largest first", sizes+`.every((mm, i, all) => i === 0 || mm <= all[i - 1])`)
	ann.press("b", kb.Enter)
	ann.until("the decision", `document.querySelector("[data-test=decision]")?.dataset.version === "1"`)
	ann.press("n")
	choose(1, "open")
	ann.text("[data-test=arranged]", "7 of 8 shown")
	ann.check("arranged", "[data-test=arrange] select", "[data-test=arranged]")

	ann.press("f", "e")
	for _, mm := range []string{"5", "10", "15"} {
		ann.press("i")
		ann.text(".view.axial [data-test=slab]", "MIP "+mm+" mm")
		evalAwait[bool](ann, settled)
		if got := eval[[]float64](ann, brighter); got[0] > 0.5 || got[1] < 0.2 {
			t.Errorf("slab of %s mm: %.2f %% of pixels are darker than the slice, %.2f %% brighter", mm, got[0], got[1])
		}
		ann.shot("slab-" + mm)
	}
	eval[bool](ann, `document.querySelector(".view.axial .picture").dispatchEvent(new WheelEvent("wheel", {deltaY: 120, shiftKey: true, bubbles: true, cancelable: true}))`)
	ann.text(".view.axial [data-test=slab]", "MIP 15 mm") // 14 mm are six slices of 2.5 mm, too
	for range 3 {
		eval[bool](ann, `document.querySelector(".view.axial .picture").dispatchEvent(new WheelEvent("wheel", {deltaY: 120, shiftKey: true, bubbles: true, cancelable: true}))`)
	}
	ann.text(".view.axial [data-test=slab]", "MIP 10 mm") // 11
	ann.press("i", "i")
	ann.until("slices again", `!document.querySelector("[data-test=slab]") && document.querySelector("canvas.slab").hidden`)

	slice := func() int { return eval[int](ann, `Number(document.querySelector(".view.axial").dataset.slice)`) }
	from := slice()
	ann.press("v")
	ann.until("the film", fmt.Sprintf(`document.querySelector(".toolbar button[title^=play]").getAttribute("aria-pressed") === "true" && Math.abs(Number(document.querySelector(".view.axial").dataset.slice) - %d) > 3`, from))
	ann.press(kb.ArrowUp)
	ann.until("it stopped", `document.querySelector(".toolbar button[title^=play]").getAttribute("aria-pressed") === "false"`)
	evalAwait[bool](ann, settled)
	if at := slice(); at != slice() {
		t.Error("it runs on")
	}
}
