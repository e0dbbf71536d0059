package j2k

import (
	"errors"
	"fmt"
)

// Kinds of errors.
var (
	ErrCut         = errors.New("the code is cut short")
	ErrBroken      = errors.New("the code is damaged")
	ErrUnsupported = errors.New("not supported")
	ErrLimit       = errors.New("a limit is exceeded")
)

func broken(what string) error      { return fmt.Errorf("%w: %s", ErrBroken, what) }
func unsupported(what string) error { return fmt.Errorf("%s: %w", what, ErrUnsupported) }

// Header is what a code says of its image.
type Header struct {
	Rows, Cols int
	Precision  int // bits
	Signed     bool
}

const (
	maxBlocks = 1 << 18 // code-blocks, and precincts, of an image
	maxTiles  = 1 << 14
)

// Decode decodes an image, row by row. accept sees its header first and refuses
// it with an error, which comes back; the image takes about 12 bytes a pixel.
// Other errors are of one of the kinds of this package.
func Decode(code []byte, accept func(Header) error) ([]int32, error) {
	c := &codestream{code: code}
	if err := c.mainHeader(); err != nil {
		return nil, err
	}
	s := &c.size
	h := Header{Rows: s.y1 - s.y0, Cols: s.x1 - s.x0, Precision: s.precision, Signed: s.signed}
	if err := accept(h); err != nil {
		return nil, err
	}
	tiles, err := c.tiles()
	if err != nil {
		return nil, err
	}
	out := make([]int32, h.Rows*h.Cols)
	low, high := int32(0), int32(1)<<s.precision-1
	shift := int32(1) << (s.precision - 1)
	if s.signed {
		low, high, shift = -shift, shift-1, 0
	}
	for i := range tiles {
		t := &tiles[i]
		if err := t.decode(c); err != nil {
			return nil, err
		}
		w := t.x1 - t.x0
		for y := t.y0; y < t.y1; y++ {
			row := t.pixels[(y-t.y0)*w:][:w]
			to := out[(y-s.y0)*h.Cols+t.x0-s.x0:][:w]
			for x, v := range row {
				to[x] = min(max(v+shift, low), high)
			}
		}
		t.pixels = nil
	}
	return out, nil
}
