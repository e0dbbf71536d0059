package nodule

import (
	"context"
	"fmt"

	"github.com/nodulescope/nodulescope/dicomio"
)

// readAheadBytes bounds how much of a series is decoded at a time; at most two
// such runs are held, about 32 MiB.
const readAheadBytes = 16 << 20

// plane is one decoded slice, or the reason why it could not be decoded.
type plane struct {
	hu  []float32
	pad []bool // nil: nothing is padding
	err error
}

// planes decodes the slices that are needed, once each, in ascending order.
type planes struct {
	dec        dicomio.Decoder
	rows, cols int
	need       []bool
	ahead      int
	held       map[int]plane
}

func newPlanes(dec dicomio.Decoder, rows, cols int, need []bool) *planes {
	ahead := readAheadBytes / (rows * cols * 5) // float32 and bool
	return &planes{dec: dec, rows: rows, cols: cols, need: need, ahead: max(1, min(ahead, 16)), held: map[int]plane{}}
}

// forget drops the slices before k.
func (p *planes) forget(k int) {
	for i := range p.held {
		if i < k {
			delete(p.held, i)
		}
	}
}

// get returns slice k and reads the needed ones that follow it without a break.
func (p *planes) get(ctx context.Context, k int) plane {
	if pl, ok := p.held[k]; ok {
		return pl
	}
	n := 1
	for n < p.ahead && k+n < len(p.need) && p.need[k+n] {
		n++
	}
	switch err := p.read(ctx, k, n); {
	case err != nil && n == 1:
		p.held[k] = plane{err: err}
	case err != nil:
		// Find out which slice is to blame, so that only its candidates fail.
		for i := k; i < k+n && ctx.Err() == nil; i++ {
			if err := p.read(ctx, i, 1); err != nil {
				p.held[i] = plane{err: err}
			}
		}
	}
	return p.held[k]
}

func (p *planes) read(ctx context.Context, first, n int) error {
	b, err := p.dec.HU(ctx, first, n)
	if err != nil {
		return fmt.Errorf("decode slices %d to %d: %w", first, first+n-1, err)
	}
	size := p.rows * p.cols
	if b == nil || b.First != first || b.Count != n || b.Rows != p.rows || b.Cols != p.cols ||
		len(b.HU) != n*size || len(b.Padding) != 0 && len(b.Padding) != n*size {
		return &dicomio.Error{Code: dicomio.CodeSizeMismatch, Op: "decode slices",
			Hint: fmt.Sprintf("slices %d to %d did not come as %d x %d voxels each", first, first+n-1, p.rows, p.cols)}
	}
	for i := range n {
		pl := plane{hu: b.HU[i*size : (i+1)*size]}
		if len(b.Padding) != 0 {
			pl.pad = b.Padding[i*size : (i+1)*size]
		}
		p.held[first+i] = pl
	}
	return nil
}
