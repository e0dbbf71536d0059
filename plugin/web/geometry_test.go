package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// seen is a function of a view and the selector of a picture in it, a pixel a voxel: it
// draws the picture in CSS pixels as the browser shows it. Where there is none, it draws
// that of the viewer library, which fills the view.
const seen = `((view, selector) => {
	const scratch = new OffscreenCanvas(view.clientWidth, view.clientHeight), ctx = scratch.getContext("2d", {willReadFrequently: true});
	ctx.fillRect(0, 0, scratch.width, scratch.height);
	const c = view.querySelector(selector);
	if (c) {
		ctx.setTransform(new DOMMatrix(getComputedStyle(c).transform));
		ctx.drawImage(c, 0, 0);
	} else ctx.drawImage([...view.querySelectorAll(".picture canvas")].find((c) => c.clientWidth > 0 && getComputedStyle(c).visibility !== "hidden"), 0, 0, scratch.width, scratch.height);
	return ctx.getImageData(0, 0, scratch.width, scratch.height).data;
})`

// astray lists what of the marks does not lie where the picture shows it, and
// counts the planes that were compared. It knows nothing of the page's own
// geometry: it looks for the yellow circle among the pixels of the overlay and
// for the bright nodule among those of the picture, as both are seen.
const astray = `(async () => {
	const bad = [], ratio = devicePixelRatio || 1;
	let compared = 0;
	for (const view of document.querySelectorAll(".view")) {
		const name = view.dataset.plane, w = view.clientWidth, h = view.clientHeight;
		if (w < 2) continue;
		const drawn = [...view.querySelectorAll(".picture canvas")].find((c) => c.clientWidth > 0 && getComputedStyle(c).visibility !== "hidden");
		const lines = view.querySelector("svg.overlay"), box = lines.getBoundingClientRect();
		if (Math.abs(drawn.width - w * ratio) > 1.5 || Math.abs(drawn.height - h * ratio) > 1.5) bad.push(name + ": a canvas of " + [drawn.width, drawn.height] + " in a view of " + [w, h]);
		if (Math.abs(box.width - w) > 1 || Math.abs(box.height - h) > 1) bad.push(name + ": an overlay of " + [box.width, box.height] + " in a view of " + [w, h]);
		const copy = lines.cloneNode(true), overlay = new Image(w, h);
		copy.setAttribute("width", w);
		copy.setAttribute("height", h);
		overlay.src = "data:image/svg+xml," + encodeURIComponent(new XMLSerializer().serializeToString(copy));
		await overlay.decode();
		const scratch = new OffscreenCanvas(w, h).getContext("2d", {willReadFrequently: true});
		scratch.drawImage(overlay, 0, 0, w, h);
		const marks = scratch.getImageData(0, 0, w, h).data;
		let left = w, right = -1, top = h, bottom = -1;
		for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) {
			const i = 4 * (y * w + x);
			if (marks[i] > 225 && marks[i + 1] > 180 && marks[i + 1] < 230 && marks[i + 2] < 110 && marks[i + 3] > 150) {
				left = Math.min(left, x); right = Math.max(right, x); top = Math.min(top, y); bottom = Math.max(bottom, y);
			}
		}
		const r = (right - left) / 2, cx = (left + right) / 2, cy = (top + bottom) / 2;
		if (r < 6 || Math.abs(bottom - top - 2 * r) > 3 || left < 2 || top < 2 || right > w - 3 || bottom > h - 3) continue; // none, or not whole
		const picture = ` + seen + `(view, ".picture canvas.slice"), at = (x, y) => picture[4 * (Math.round(y) * w + Math.round(x))];
		let inside = [], outside = [], sum = 0, sx = 0, sy = 0;
		for (let y = Math.ceil(cy - 1.6 * r); y <= cy + 1.6 * r; y++) for (let x = Math.ceil(cx - 1.6 * r); x <= cx + 1.6 * r; x++) {
			const d = Math.hypot(x - cx, y - cy);
			if (x < 0 || y < 0 || x >= w || y >= h || d > 1.6 * r) continue;
			const v = at(x, y);
			if (d < 0.6 * r) inside.push(v);
			if (d > 1.25 * r) outside.push(v);
			const weight = Math.max(0, v - 100);
			sum += weight; sx += weight * x; sy += weight * y;
		}
		const middle = (list) => list.sort((a, b) => a - b)[list.length >> 1] ?? 0;
		compared++;
		const off = Math.hypot(sx / sum - cx, sy / sum - cy);
		if (!(middle(inside) > middle(outside) + 50)) bad.push(name + ": grey " + middle(inside) + " in the circle and " + middle(outside) + " around it");
		else if (!(off < 0.4 * r + 2)) bad.push(name + ": the nodule is " + off.toFixed(0) + " pixels from a circle of " + r.toFixed(0));
	}
	return {Bad: bad, Compared: compared};
})()`

type geometry struct {
	Bad      []string
	Compared int
}

// settled is when the page has had three frames and a moment for itself.
const settled = `new Promise((done) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(() => done(true)))), 60))`

// geometry fails where a mark is not on what it marks. It looks twice: a page
// may take a moment after a resize.
func (b *tab) geometry(after string) (compared int) {
	b.t.Helper()
	var got geometry
	for range 20 {
		evalAwait[bool](b, settled)
		if got = evalAwait[geometry](b, astray); len(got.Bad) == 0 {
			return got.Compared
		}
	}
	b.shot("astray")
	b.t.Fatalf("%s: after %s: %s", b.name, after, strings.Join(got.Bad, "; "))
	return 0
}

// oneNodule is a page that is open on a phantom with one large nodule in its
// lung, behind a network that can be cut.
func oneNodule(t *testing.T) (ann *tab, w *wire) { return withNodules(t, "solid:16") }

// withNodules is oneNodule with several.
func withNodules(t *testing.T, nodules ...string) (ann *tab, w *wire) {
	t.Helper()
	browser := newBrowser(t)
	s := serve(t, append([]string{"--outline", "off"}, quick...)...)
	args := []string{"--seed", "11", "--slices", "60", "--size", "128"}
	for _, n := range nodules {
		args = append(args, "--nodule", n)
	}
	s.submit(t, phantom(t, args...))
	w = newWire(t, s.url[len("http://"):])
	ann = newTab(browser, t, "ann")
	ann.expected = append(ann.expected, "ERR_", "Failed to load", "reconnect") // of the cut network
	ann.size(1280, 800)
	ann.signIn("http://"+w.addr, "ann")
	ann.within(scoringPatience, "a scored series", `document.querySelector("tbody tr[data-id] .state.scored")`)
	ann.press("o")
	ann.opened()
	return ann, w
}

func (b *tab) outage(w *wire) {
	b.t.Helper()
	w.set(true)
	b.text("[data-test=link-lost]", "No connection")
	evalAwait[bool](b, settled)
	w.set(false)
	b.until("the connection", `!document.querySelector("[data-test=link-lost]")`)
}

// Circles lie on the nodule whatever has changed the size of the planes.
func TestMarksStayOnTheNodule(t *testing.T) {
	ann, w := oneNodule(t)
	ann.press("e")
	if n := ann.geometry("the close-up"); n != 3 {
		t.Fatalf("%d planes compared", n)
	}
	resize := func(sizes ...[2]int64) func() {
		return func() {
			for _, size := range sizes {
				ann.size(size[0], size[1])
				evalAwait[bool](ann, settled)
			}
		}
	}
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"one plane, and three again", func() { ann.press("m"); ann.geometry("one plane"); ann.press("m") }},
		{"one plane, at once three again", func() { ann.press("m", "m") }},
		{"another plane alone", func() { ann.press(kb.ArrowRight, "m"); ann.geometry("the coronal plane"); ann.press("m") }},
		{"a close-up of one plane", func() { ann.press("m", "e"); ann.geometry("its close-up"); ann.press("m") }},
		{"a size and back to the first", resize([2]int64{1000, 700}, [2]int64{1280, 800})},
		{"sizes in a row", resize([2]int64{1400, 900}, [2]int64{1280, 700}, [2]int64{1280, 800})},
		{"an outage", func() { ann.outage(w) }},
		{"an outage with one plane", func() { ann.press("m"); ann.outage(w); ann.geometry("the outage"); ann.press("m") }},
	} {
		step.do()
		if n := ann.geometry(step.name); n != 3 {
			ann.shot("compared")
			t.Errorf("after %s: %d planes compared", step.name, n)
		}
	}
}

// The page sees by itself that a picture is not what it should be: it draws it
// anew, and where that does not help it says so.
func TestPageChecksItself(t *testing.T) {
	ann, _ := oneNodule(t)
	ann.press("e")
	ann.geometry("the close-up")
	const canvas = `[...document.querySelectorAll(".view.coronal .picture canvas")].find((c) => c.clientWidth > 0)`
	eval[bool](ann, `(() => { const c = `+canvas+`; c.width = 200; c.height = 300; return true; })()`)
	ann.press("o", "o") // draws marks
	ann.until("the picture anew", canvas+`.width === document.querySelector(".view.coronal").clientWidth`)
	ann.geometry("a canvas of another size")
	const place = `document.querySelector(".view.coronal canvas.slice").style.transform`
	right := eval[string](ann, place)
	eval[bool](ann, `(`+place+` = "translate(70px) " + `+place+`, true)`)
	ann.press("o", "o")
	ann.until("the picture in its place", place+` === "`+right+`"`)
	ann.geometry("a picture beside its place")
	eval[bool](ann, `(() => { Object.defineProperty(`+canvas+`, "width", {get: () => 7, set: () => {}, configurable: true}); return true; })()`)
	ann.press("o", "o")
	ann.text("[data-test=astray]", "do not agree")
	ann.shot("says-so")
	eval[bool](ann, `delete `+canvas+`.width`)
	ann.press("o", "o")
	ann.until("nothing to say", `!document.querySelector("[data-test=astray]")`)
	ann.geometry("the end")
}
