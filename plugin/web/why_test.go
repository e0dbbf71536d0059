package web_test

import (
	"fmt"
	"os"
	"testing"
)

// chosen clicks on a detector and waits until all its pictures are drawn.
const chosen = `new Promise((done) => {
	const from = performance.now();
	[...document.querySelectorAll(".scores button")].find((b) => b.textContent === %[1]q).click();
	const light = (c) => c.getContext("2d").getImageData(0, 0, 28, 28).data.reduce((a, b) => a + b, 0);
	const look = () => {
		const cells = [...document.querySelectorAll(".strip canvas")];
		if (document.querySelector(".strip .cells").getAttribute("aria-label").endsWith(%[1]q) &&
			document.querySelector("[data-test=strip]").dataset.ready === "yes" && cells.length === 9 && cells.every((c) => light(c) > 28 * 28 * 255))
			done(performance.now() - from);
		else requestAnimationFrame(look);
	};
	look();
})`

// Why a finding deviates was made when it was scored: both detectors show it with
// neither images nor a network at work.
func TestWhyIsKept(t *testing.T) {
	browser := newBrowser(t)
	s := serve(t)
	dir := phantom(t, "--seed", "16", "--slices", "60", "--size", "128", "--count", "1")
	s.submit(t, dir)
	ann := annSees(browser, t, s)
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	ann.press("o")
	const ready = `document.querySelector("[data-test=strip]")?.dataset.ready === "yes"`
	ann.until("the reconstruction", ready)
	ann.text(".parts caption", "typical")
	for _, model := range []string{"gan-ad", "vae-ad"} {
		ms := evalAwait[float64](ann, fmt.Sprintf(chosen, model))
		t.Logf("%s: its nine pictures %.0f ms after it was chosen", model, ms)
	}
	ann.shot("why")
}
