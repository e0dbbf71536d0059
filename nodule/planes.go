package nodule

import (
	"context"
	"fmt"
	"image"
	"slices"
	"sync"

	"github.com/nodulescope/nodulescope/dicomio"
)

// readAheadBytes bounds how much of a series is decoded at a time; at most two
// such runs are held, about 40 MiB.
const readAheadBytes = 20 << 20

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

	window []image.Rectangle // columns and rows of every slice that are needed

	into  intoDecoder // nil: dec gives blocks of its own
	low   int         // slices before it are not asked for any more
	spare []*dicomio.Block
}

// intoDecoder is a decoder that uses memory again and decodes windows alone, such as
// a *dicomio.Series.
type intoDecoder interface {
	HUWindowInto(ctx context.Context, first, count int, window image.Rectangle, b *dicomio.Block) error
}

// blocks are kept from one cut to the next.
var blocks = sync.Pool{New: func() any { return &dicomio.Block{} }}

// release gives back the memory of all slices.
func (p *planes) release() {
	clear(p.held)
	for _, b := range p.spare {
		blocks.Put(b)
	}
	p.spare = nil
}

func newPlanes(dec dicomio.Decoder, rows, cols int, need []bool, window []image.Rectangle) *planes {
	ahead := readAheadBytes / (rows * cols * 5) // float32 and bool
	into, _ := dec.(intoDecoder)
	return &planes{into: into, dec: dec, rows: rows, cols: cols, need: need, window: window, ahead: max(1, min(ahead, 16)), held: map[int]plane{}}
}

// forget drops the slices before k.
func (p *planes) forget(k int) {
	for i := range p.held {
		if i < k {
			delete(p.held, i)
		}
	}
	p.low = k
}

// decode asks for a block, into one that is no longer needed if there is one.
func (p *planes) decode(ctx context.Context, first, n int) (b *dicomio.Block, err error) {
	if p.into == nil {
		return p.dec.HU(ctx, first, n)
	}
	for i, old := range p.spare {
		if old.First+old.Count <= p.low {
			b, p.spare = old, slices.Delete(p.spare, i, i+1)
			break
		}
	}
	if b == nil {
		b = blocks.Get().(*dicomio.Block)
	}
	var window image.Rectangle
	for _, w := range p.window[first : first+n] {
		window = window.Union(w)
	}
	if err = p.into.HUWindowInto(ctx, first, n, window, b); err == nil {
		p.spare = append(p.spare, b)
	}
	return b, err
}

// get returns slice k and reads the needed ones that follow it without a break.
func (p *planes) get(ctx context.Context, k int) plane {
	if pl, ok := p.held[k]; ok {
		return pl
	}
	n := 1
	for k+n < len(p.need) && p.need[k+n] {
		n++
	}
	// Runs of about the same length: a short last one would leave processors idle.
	if runs := (n + p.ahead - 1) / p.ahead; runs > 1 {
		n = min(p.ahead, (n/runs+2)&^1)
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
	b, err := p.decode(ctx, first, n)
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
