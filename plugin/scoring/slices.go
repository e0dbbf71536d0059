package scoring

import (
	"context"
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
	held  map[int]*dicomio.Block // of one slice each
}

func holdSlices(from dicomio.Decoder, limit int) *heldSlices {
	return &heldSlices{from: from, limit: limit, held: map[int]*dicomio.Block{}}
}

// HU implements dicomio.Decoder.
func (h *heldSlices) HU(ctx context.Context, first, count int) (*dicomio.Block, error) {
	all := &dicomio.Block{First: first, Count: count}
	for k := first; k < first+count; {
		b, n := h.known(k), 1
		if b == nil {
			for k+n < first+count && h.known(k+n) == nil {
				n++
			}
			var err error
			if b, err = h.from.HU(ctx, k, n); err != nil || b == nil {
				return b, err
			}
			h.keep(b)
			if n == count {
				return b, nil
			}
		}
		all.Rows, all.Cols = b.Rows, b.Cols
		all.HU, all.Padding = append(all.HU, b.HU...), append(all.Padding, b.Padding...)
		k += n
	}
	return all, nil
}

// known is a slice that is held, or nil.
func (h *heldSlices) known(k int) *dicomio.Block {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.held[k]
}

// keep copies the slices of a block.
func (h *heldSlices) keep(b *dicomio.Block) {
	size := b.Rows * b.Cols
	if size == 0 || len(b.HU) != b.Count*size || len(b.Padding) != len(b.HU) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range b.Count {
		if h.held[b.First+i] != nil || h.bytes+5*size > h.limit { // float32 and bool
			continue
		}
		h.bytes += 5 * size
		h.held[b.First+i] = &dicomio.Block{First: b.First + i, Count: 1, Rows: b.Rows, Cols: b.Cols,
			HU: append([]float32(nil), b.HU[i*size:(i+1)*size]...), Padding: append([]bool(nil), b.Padding[i*size:(i+1)*size]...)}
	}
}
