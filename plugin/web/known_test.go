package web_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The numbers that are shown are those of other viewers; what nobody can have
// seen cannot be decided on; and a refused series does not look like one without
// findings.
func TestNumbersRefusalsAndWhatIsNotSeen(t *testing.T) {
	browser := newBrowser(t)
	s := serve(t, append([]string{"--max-attempts", "1", "--arrival-quiet", "0", "--outline", "off"}, quick...)...)
	dir := phantom(t, "--seed", "12", "--slices", "60", "--size", "128", "--count", "2", "--kernel", "sharp")
	s.submit(t, dir)
	whole, cut := small(t, "7"), broken(t, small(t, "7")) // the service sees the second
	run(t, "", "submit", whole, "--nodules", filepath.Join(whole, "truth.json"), "--uri", "file://"+cut, "--nats-url", s.bus)
	ann := annSees(browser, t, s)
	ann.within(scoringPatience, "the refused series", `document.querySelector("tbody tr[data-id] .state.refused")`)
	ann.text("tbody tr:has(td > .state.refused)", "3 candidates")
	ann.text("tbody tr:has(td > .state.refused)", "not scored")
	ann.shot("worklist")

	ann.click("tbody tr:has(.state.scored) a.open")
	ann.opened()
	// The phantom's images count from the head, the page's slices from the feet.
	image := eval[int](ann, `Number(document.querySelector(".view.axial .corner.tl").textContent.match(/image (\d+)/)?.[1])`)
	slice := eval[int](ann, `Number(document.querySelector(".view.axial").dataset.slice)`)
	if image != 61-slice || image == slice {
		t.Errorf("slice %d is called image %d", slice, image)
	}
	ann.text(".why h2", fmt.Sprintf("image %d", image))
	ann.text(".why h2", "ID phantom-")
	ann.text(".identity", "Series")
	ann.text(".identity", "mm slices")
	ann.check("numbers", ".identity dd", ".why h2", ".decision .save button")

	if err := os.Rename(dir, dir+"-gone"); err != nil {
		t.Fatal(err)
	}
	ann.press("b")
	ann.until("the verdict", `document.querySelector(".verdicts .benign").getAttribute("aria-pressed") === "true"`)
	ann.expected = append(ann.expected, "409", "502")
	ann.press(kb.Enter)
	ann.text("[data-test=decision-error]", "cannot be saved")
	ann.shot("refused-decision")
	ann.do("load again", chromedp.Reload())
	ann.text("[data-test=unseen]", "No decision can be saved")
	ann.until("nothing to decide with", `!document.querySelector(".decision form")`)
	ann.shot("unseen")

	ann.press("w")
	ann.click("tbody tr:has(td > .state.refused) a.open")
	ann.text("[data-test=refused]", "no negative result")
	ann.text("[data-test=refused]", "3 candidates")
	ann.text("[data-test=refused]", "Why")
	ann.text(".findings", "not scored")
	ann.until("no word of a negative result", `!/all decided|no findings/.test(document.body.textContent)`)
	ann.check("refused", "[data-test=refused]", "[data-test=intended-use]")
}
