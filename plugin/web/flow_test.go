package web_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// From the list to the last decision with one key to decide and one to go on:
// urgent series first, each opened close to its nodule, then the next one; the
// list keeps its place and takes an order from its heads.
func TestFromSeriesToSeries(t *testing.T) {
	browser := newBrowser(t)
	s := serve(t, append([]string{"--outline", "off"}, quick...)...)
	s.submit(t, phantom(t, "--seed", "14", "--slices", "60", "--size", "128", "--nodule", "solid:14", "--nodule", "solid:9"))
	urgent := phantom(t, "--seed", "15", "--slices", "60", "--size", "128", "--nodule", "solid:12")
	run(t, "", "submit", urgent, "--nodules", filepath.Join(urgent, "truth.json"), "--priority", "stat", "--nats-url", s.bus)
	ann := newTab(browser, t, "ann")
	ann.size(1280, 800)
	ann.signIn(s.url, "ann")
	ann.within(scoringPatience, "two scored series", `document.querySelectorAll("tbody tr[data-id] .state.scored").length === 2`)
	ann.until("the urgent one first", `document.querySelector("tbody tr[data-id] .badge.stat")`)
	const row = `document.querySelectorAll("tbody tr[data-id]")[%d].dataset.id`
	first, second := eval[string](ann, fmt.Sprintf(row, 0)), eval[string](ann, fmt.Sprintf(row, 1))

	ann.press("o")
	ann.opened()
	ann.until("its place", fmt.Sprintf(`location.hash.includes(%q)`, first))
	ann.until("a close-up", `parseFloat(document.querySelector(".view.axial .corner.tr").innerText.match(/([\d.]+) px/)[1]) > 4`)
	if n := ann.geometry("opening"); n != 3 {
		t.Errorf("the nodule is in sight on %d planes", n)
	}
	ann.shot("opened")
	ann.press("s", "\r") // saved, and it stays
	ann.until("the decision", `document.querySelector("[data-test=decision]")?.dataset.version === "1"`)
	ann.press("N")
	ann.until("the next series", fmt.Sprintf(`location.hash.includes(%q)`, second))
	ann.opened()
	if n := ann.geometry("the next series"); n != 3 {
		t.Errorf("the nodule of the next series is in sight on %d planes", n)
	}
	next := `window.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", shiftKey: true, bubbles: true, cancelable: true}))`
	for range 2 {
		ann.press("u")
		eval[bool](ann, next)
	}
	ann.text("[data-test=notice]", "no other series of the list is open")
	ann.shot("all-decided")

	ann.press("w")
	ann.until("the row that was opened last", fmt.Sprintf(`document.activeElement?.closest("tr")?.dataset.id === %q`, second))
	ann.click("th:last-child button")
	ann.until("the newest first", `document.querySelector("th:last-child").getAttribute("aria-sort") === "descending"`)
	ann.press(kb.ArrowDown)
	ann.check("list", "tbody tr[data-id]", ".worklist th")
}
