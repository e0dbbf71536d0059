package scoring

import (
	"context"
	"slices"
	"sync"

	"github.com/nodulescope/nodulescope/dicomio"
)

// heldBytes bounds the slices that a request keeps.
const heldBytes = 192 << 20

// heldSlices keeps the slices of a series that were decoded, as far as they fit:
// outlines are cut in several passes, and a PACS is asked for a slice once. What
// does not fit is decoded again; nothing is dropped, since every pass goes
// through the slices in the same order.
type heldSlices struct {
	from  dicomio.Decoder
	limit int // bytes

	mu    sync.Mutex
	bytes int
	held  map[int]*dicomio.Block // the block that a slice is in
}

func holdSlices(from dicomio.Decoder, limit int) *heldSlices {
	return &heldSlices{from: from, limit: limit, held: map[int]*dicomio.Block{}}
}

// HU implements dicomio.Decoder. What it returns is shared: it is not to be
// changed.
func (h *heldSlices) HU(ctx context.Context, first, count int) (*dicomio.Block, error) {
	var all *dicomio.Block
	for k := first; k < first+count; {
		b, n := h.known(k, first+count)
		if b == nil {
			var err error
			if b, err = h.from.HU(ctx, k, n); err != nil || b == nil {
				return b, err
			}
			h.keep(b)
		}
		if n == count {
			return b, nil
		}
		if all == nil {
			size := count * b.Rows * b.Cols
			all = &dicomio.Block{First: first, Count: count, Rows: b.Rows, Cols: b.Cols, HU: make([]float32, 0, size), Padding: make([]bool, 0, size)}
		}
		all.HU, all.Padding = append(all.HU, b.HU...), append(all.Padding, b.Padding...)
		k += n
	}
	return all, nil
}

// known is what is held from slice k on, up to end: a block of n slices; or nil,
// and how many are not held.
func (h *heldSlices) known(k, end int) (b *dicomio.Block, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	b = h.held[k]
	if b == nil {
		for n = 1; k+n < end && h.held[k+n] == nil; n++ {
		}
		return nil, n
	}
	for n = 1; k+n < end && h.held[k+n] == b; n++ {
	}
	return part(b, k, n), n
}

// part is n slices of a block, from slice k on.
func part(b *dicomio.Block, k, n int) *dicomio.Block {
	size := b.Rows * b.Cols
	from, to := (k-b.First)*size, (k-b.First+n)*size
	return &dicomio.Block{First: k, Count: n, Rows: b.Rows, Cols: b.Cols, HU: b.HU[from:to:to], Padding: b.Padding[from:to:to]}
}

// keep keeps a block, or copies of those of its slices that are not held and fit.
func (h *heldSlices) keep(b *dicomio.Block) {
	size := b.Rows * b.Cols
	if size == 0 || len(b.HU) != b.Count*size || len(b.Padding) != len(b.HU) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	whole := h.bytes+5*size*b.Count <= h.limit // float32 and bool
	for k := b.First; k < b.First+b.Count && whole; k++ {
		whole = h.held[k] == nil
	}
	for k := b.First; k < b.First+b.Count; k++ {
		if h.held[k] != nil || h.bytes+5*size > h.limit {
			continue
		}
		h.bytes += 5 * size
		if h.held[k] = b; !whole {
			one := part(b, k, 1)
			one.HU, one.Padding = slices.Clone(one.HU), slices.Clone(one.Padding)
			h.held[k] = one
		}
	}
}
