package web_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// multiFrame writes the series of a folder as an Enhanced CT in two files, its frames
// in no order, with the same candidates.
func multiFrame(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.dcm"))
	checktest.Must(t, err)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var images [][]byte
	for _, name := range names {
		b, err := os.ReadFile(name)
		checktest.Must(t, err)
		images = append(images, b)
	}
	files, err := dicomtest.MakeEnhanced(images, dicomtest.Enhanced{Parts: 2})
	checktest.Must(t, err)
	out := t.TempDir()
	for i, b := range files {
		checktest.Must(t, os.WriteFile(filepath.Join(out, fmt.Sprintf("%d.dcm", i)), b, 0o600))
	}
	return out
}

// pictures are the three planes as they are drawn: a sum of the greys of each, in
// their places.
const pictures = `[...document.querySelectorAll(".view")].map((view) => {
	let sum = 0;
	for (const v of ` + seen + `(view, "canvas.slice")) sum = (Math.imul(sum, 31) + v) | 0;
	return view.dataset.plane + " " + view.dataset.slice + ": " + view.clientWidth + " x " + view.clientHeight + " " + sum;
}).join("; ")`

// A multi-frame CT is seen as the series of single images that it was made of: the
// same planes, slice by slice, called by their frames.
func TestMultiFrame(t *testing.T) {
	browser := newBrowser(t)
	dir := phantom(t, "--seed", "11", "--slices", "60", "--size", "128", "--nodule", "solid:16")
	seen, lines := map[string]string{}, map[string]bool{}
	for name, folder := range map[string]string{"image": dir, "frame": multiFrame(t, dir)} {
		s := serve(t, append([]string{"--outline", "off"}, quick...)...)
		run(t, "", "submit", folder, "--nodules", filepath.Join(dir, "truth.json"), "--nats-url", s.bus)
		ann := annSees(browser, t, s)
		ann.press("o")
		ann.opened()
		ann.text(".why h2", name+" ")
		ann.shot(name)
		// What stands above the planes has other lines, and leaves them another height.
		eval[bool](ann, `(() => { document.querySelector(".planes").style.cssText += ";position:fixed;inset:0;width:1200px;height:700px"; return true; })()`)
		ann.until("planes of one size", `document.querySelector(".planes").clientHeight === 700`)
		at := eval[int](ann, `Number(document.querySelector(".view.axial").dataset.slice)`)
		for slice := at; slice < at+4; slice++ {
			if slice > at {
				ann.press(kb.ArrowUp)
			}
			ann.until("the next slice", fmt.Sprintf(`document.querySelector(".view.axial").dataset.slice === "%d"`, slice))
			evalAwait[bool](ann, settled)
			number := eval[int](ann, fmt.Sprintf(`Number(document.querySelector(".view.axial .corner.tl").textContent.match(/%s (\d+)/)?.[1])`, name))
			if number < 1 || number > 60 || name == "image" && number != 61-slice {
				t.Errorf("slice %d is called %s %d", slice, name, number)
			}
			line := eval[string](ann, pictures)
			seen[name], lines[line] = seen[name]+line+"\n", true
		}
		ann.press("s", kb.Enter)
		ann.until("the decision", `document.querySelector("[data-test=decision]")?.dataset.version === "1"`)
	}
	if seen["image"] != seen["frame"] || len(lines) != 4 {
		t.Errorf("single images:\n%sframes:\n%s", seen["image"], seen["frame"])
	}
}
