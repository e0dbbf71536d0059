package web_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"testing"

	"github.com/chromedp/chromedp"
)

// The planes are drawn in two ways, in software and by the graphics processor
// (here one in software, too). Both show the same, at the same place: a shift
// of half a voxel, some pixels in a close-up, would put every mark beside what
// it marks.
func TestBothWaysOfDrawingAgree(t *testing.T) {
	browser := newBrowser(t)
	s := serve(t, quick...)
	s.submit(t, phantom(t, "--seed", "8", "--slices", "60", "--size", "256", "--count", "2"))
	ann := newTab(browser, t, "ann")
	ann.size(1280, 800)
	ann.signIn(s.url, "ann")
	ann.within(scoringPatience, "a scored series", `document.querySelector("tbody tr[data-id] .state:not(.waiting)")`)
	id := eval[string](ann, `document.querySelector("tbody tr[data-id]").dataset.id`)
	drawn := map[string][]*image.Gray{}
	for _, way := range []string{"cpu", "gpu"} {
		ann.do("choose how to draw", chromedp.Navigate(s.url+"/?render="+way+"#/series/"+id))
		ann.opened()
		ann.press("o", "e") // no marks, close up
		ann.until("the close-up", `parseFloat(document.querySelector(".view.axial .corner.tr").innerText.match(/([\d.]+) px/)[1]) > 4`)
		evalAwait[bool](ann, `new Promise((done) => setTimeout(() => requestAnimationFrame(() => done(true)), 500))`) // drawn well after a moment
		ann.shot(way)
		for _, plane := range []string{"axial", "coronal", "sagittal"} {
			drawn[way] = append(drawn[way], ann.picture(".view."+plane))
		}
	}
	for i, plane := range []string{"axial", "coronal", "sagittal"} {
		a, b := drawn["cpu"][i], drawn["gpu"][i]
		if a.Bounds() != b.Bounds() {
			t.Fatalf("%s: %v and %v", plane, a.Bounds(), b.Bounds())
		}
		const most = 4
		best, least := image.Point{}, difference(a, b, image.Point{})
		for dy := -most; dy <= most; dy++ {
			for dx := -most; dx <= most; dx++ {
				if d := difference(a, b, image.Pt(dx, dy)); d < least {
					best, least = image.Pt(dx, dy), d
				}
			}
		}
		t.Logf("%s: best shift %v, mean difference %.2f of 255", plane, best, least)
		if max(best.X, -best.X, best.Y, -best.Y) > 1 || least > 4 {
			t.Errorf("%s: in software it is shifted by %v pixels, mean difference %.1f of 255", plane, best, least)
		}
	}
}

// picture is what is seen of an element, without the texts at its rim.
func (b *tab) picture(selector string) *image.Gray {
	b.t.Helper()
	box := eval[[]float64](b, fmt.Sprintf(`(() => { const r = document.querySelector(%q).getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; })()`, selector))
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	whole, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		b.t.Fatal(err)
	}
	const rim = 60
	part := image.Rect(int(box[0])+rim, int(box[1])+rim, int(box[2])-rim, int(box[3])-rim)
	out := image.NewGray(image.Rect(0, 0, part.Dx(), part.Dy()))
	for y := range part.Dy() {
		for x := range part.Dx() {
			out.Set(x, y, whole.At(part.Min.X+x, part.Min.Y+y))
		}
	}
	return out
}

// difference is the mean difference of two pictures, the second one shifted.
func difference(a, b *image.Gray, by image.Point) float64 {
	const margin = 8
	var sum, n float64
	for y := margin; y < a.Rect.Dy()-margin; y++ {
		for x := margin; x < a.Rect.Dx()-margin; x++ {
			d := float64(a.GrayAt(x, y).Y) - float64(b.GrayAt(x+by.X, y+by.Y).Y)
			sum += max(d, -d)
			n++
		}
	}
	return sum / n
}
