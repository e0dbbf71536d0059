package scoring

import (
	"context"
	"fmt"
	"image"
	"slices"
	"sync"

	"github.com/nodulescope/nodulescope/dicomio"
)

// heldBytes bounds the slices that a request keeps.
const heldBytes = 192 << 20

// aroundWindow is decoded around a window, in pixels: a cube that is cut again
// around its outline lies a little further.
const aroundWindow = 8

// sliceReader reads windows of slices, such as a *dicomio.Series.
type sliceReader interface {
	HUWindowInto(ctx context.Context, first, count int, window image.Rectangle, b *dicomio.Block) error
	Windows() bool
}

// heldSlices keeps the slices of a series that were decoded, as far as they fit:
// outlines are cut in several passes, and a PACS is asked for a slice once. Slices are
// kept whole, but where a window of them is less work: then the window is, and what a
// later pass needs beyond it is decoded with it anew. What does not fit is decoded
// again; nothing is dropped, since every pass goes through the slices in the same order.
type heldSlices struct {
	from  sliceReader
	size  image.Point // columns, rows
	limit int         // bytes

	mu    sync.Mutex
	bytes int
	held  map[int]heldSlice
}

// heldSlice is a window of a slice.
type heldSlice struct {
	hu     []float32
	pad    []bool
	window image.Rectangle
}

func holdSlices(from sliceReader, g dicomio.Geometry, limit int) *heldSlices {
	return &heldSlices{from: from, size: image.Pt(g.Cols, g.Rows), limit: limit, held: map[int]heldSlice{}}
}

// HU implements dicomio.Decoder.
func (h *heldSlices) HU(ctx context.Context, first, count int) (*dicomio.Block, error) {
	b := &dicomio.Block{}
	return b, h.HUWindowInto(ctx, first, count, image.Rectangle{}, b)
}

// HUWindowInto is that of a *dicomio.Series.
func (h *heldSlices) HUWindowInto(ctx context.Context, first, count int, window image.Rectangle, b *dicomio.Block) error {
	whole := image.Rectangle{Max: h.size}
	if window.Empty() {
		window = whole
	}
	if !window.In(whole) {
		return fmt.Errorf("a window of %v asked of slices of %v", window, h.size)
	}
	plane := h.size.X * h.size.Y
	b.First, b.Count, b.Rows, b.Cols = first, count, h.size.Y, h.size.X
	b.HU = slices.Grow(b.HU[:0], count*plane)[:count*plane]
	b.Padding = slices.Grow(b.Padding[:0], count*plane)[:count*plane]
	for k, n := first, 0; k < first+count; k += n {
		var known []heldSlice
		if known, n = h.known(k, first+count, window); known != nil {
			for i := range known {
				known[i].copyTo(b, k+i-first, window)
			}
			continue
		}
		wider := whole
		if h.from.Windows() {
			wider = h.before(k, n).Union(window.Inset(-aroundWindow).Intersect(whole))
		}
		at, end := (k-first)*plane, (k-first+n)*plane
		part := &dicomio.Block{HU: b.HU[at:at:end], Padding: b.Padding[at:at:end]} // within b
		if err := h.from.HUWindowInto(ctx, k, n, wider, part); err != nil {
			return err
		}
		h.keep(part, wider)
	}
	return nil
}

// known are the slices from k on, up to end, that are held with a window; or none,
// and how many are not held so.
func (h *heldSlices) known(k, end int, window image.Rectangle) (list []heldSlice, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	has := func(k int) bool { return window.In(h.held[k].window) }
	for ; k+n < end && has(k+n) == has(k); n++ {
		if has(k) {
			list = append(list, h.held[k+n])
		}
	}
	return list, n
}

// before is the window that n slices from k on are held with.
func (h *heldSlices) before(k, n int) (window image.Rectangle) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := k; i < k+n; i++ {
		window = window.Union(h.held[i].window)
	}
	return window
}

// keep keeps a window of those slices of a block that fit.
func (h *heldSlices) keep(b *dicomio.Block, window image.Rectangle) {
	h.mu.Lock()
	defer h.mu.Unlock()
	area := window.Dx() * window.Dy()
	for i := range b.Count {
		more := 5 * (area - len(h.held[b.First+i].hu)) // float32 and bool
		if h.bytes+more > h.limit {
			continue
		}
		h.bytes += more
		s := heldSlice{hu: make([]float32, 0, area), pad: make([]bool, 0, area), window: window}
		for y := window.Min.Y; y < window.Max.Y; y++ {
			at := (i*b.Rows+y)*b.Cols + window.Min.X
			s.hu, s.pad = append(s.hu, b.HU[at:][:window.Dx()]...), append(s.pad, b.Padding[at:][:window.Dx()]...)
		}
		h.held[b.First+i] = s
	}
}

// copyTo copies a window that is held to slice i of a block.
func (s *heldSlice) copyTo(b *dicomio.Block, i int, window image.Rectangle) {
	for y := window.Min.Y; y < window.Max.Y; y++ {
		from := (y-s.window.Min.Y)*s.window.Dx() + window.Min.X - s.window.Min.X
		to := (i*b.Rows+y)*b.Cols + window.Min.X
		copy(b.HU[to:], s.hu[from:][:window.Dx()])
		copy(b.Padding[to:], s.pad[from:][:window.Dx()])
	}
}
