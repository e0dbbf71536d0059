package dicomio

import (
	"context"
	"image"
	"slices"
	"sync/atomic"

	"github.com/nodulescope/nodulescope/dicomio/codec"
)

// RemoteFrames is a Remote that may give pixels without the file around them,
// and so without the patient's data.
type RemoteFrames interface {
	Remote
	// Frame returns the pixels of a single-frame image and the transfer syntax that
	// they are in: little endian as they are, or one code. Where it cannot, Image is
	// asked.
	Frame(ctx context.Context, sopInstanceUID string) (pixels []byte, transferSyntaxUID string, err error)
}

// provenFrames uses frames of one series once they have been seen to be right.
// A frame has no header that could be compared with what was described. So one
// image is taken both ways, and from then on frames alone where what its metadata say
// of its pixels is what its file says, and every value of HU is the same.
type provenFrames struct {
	RemoteFrames
	state atomic.Int32
}

// States of a proof. After proofFailed, images are taken for good.
const (
	proofOpen int32 = iota
	proofRuns
	proofHolds
	proofFailed
)

// withFrames wraps a source that may give frames.
func withFrames(r Remote) Remote {
	if f, ok := r.(RemoteFrames); ok {
		return &provenFrames{RemoteFrames: f}
	}
	return r
}

// frame decodes an image by its frame alone. done is false where its file is to
// be taken.
func (p *provenFrames) frame(ctx context.Context, r *frameReader, h *header, hu []float32, pad []bool) (done bool, err error) {
	if p.state.Load() != proofHolds {
		return false, nil
	}
	if err = p.decode(ctx, r, h, hu, pad); err == nil {
		return true, nil
	}
	if ctx.Err() != nil || CodeOf(err) == CodeUnreachable {
		return true, err
	}
	p.state.Store(proofFailed) // what is wrong is told by the file
	return false, nil
}

func (p *provenFrames) decode(ctx context.Context, r *frameReader, h *header, hu []float32, pad []bool) error {
	code, uid, err := p.Frame(ctx, h.sopUID)
	if err != nil {
		return err
	}
	syntax := codec.SyntaxOf(uid)
	if !syntax.Native() && !syntax.Cells() && h.format.highBit != h.format.Stored-1 {
		return refuse(CodePixelFormat, "HighBit is not BitsStored - 1, and the pixels are compressed", nil)
	}
	raw, err := r.DecodeFrame(code, syntax, h.format.Shape, r.wanted(&h.format))
	if err != nil {
		return err
	}
	return r.convert(&h.format, raw, hu, pad)
}

// prove compares the frame of an image with what came of all pixels of its file,
// once.
func (p *provenFrames) prove(ctx context.Context, of *frameReader, h *header, file *format, hu []float32, pad []bool) {
	if !of.window.Empty() || !p.state.CompareAndSwap(proofOpen, proofRuns) {
		return
	}
	state := proofFailed
	defer func() { p.state.Store(state) }()
	if !h.format.sameValues(file) {
		return
	}
	r := readers.Get().(*frameReader)
	defer readers.Put(r)
	r.window = image.Rectangle{}
	otherHU, otherPad := make([]float32, len(hu)), make([]bool, len(pad))
	switch err := p.decode(ctx, r, h, otherHU, otherPad); {
	case ctx.Err() != nil || CodeOf(err) == CodeUnreachable:
		state = proofOpen
	case err == nil && slices.Equal(hu, otherHU) && slices.Equal(pad, otherPad):
		state = proofHolds
	}
}

// sameValues tells whether two formats make the same HU of every stored value.
func (f *format) sameValues(o *format) bool {
	return f.Shape == o.Shape && f.highBit == o.highBit && f.slope == o.slope && f.intercept == o.intercept &&
		f.padded == o.padded && f.padLow == o.padLow && f.padHigh == o.padHigh
}
