package j2k

import (
	"errors"
	"fmt"
	"image"
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

// Image is a code whose header is read. Its code-blocks are decoded as they are
// asked for, each once.
type Image struct {
	Header
	code  *codestream
	tiles []tile
	coder blockDecoder
}

// Open reads the header of a code. accept sees what it says before there is room
// for anything, and refuses it with an error, which comes back. Other errors are of
// one of the kinds of this package.
func Open(code []byte, accept func(Header) error) (*Image, error) {
	c := &codestream{code: code}
	if err := c.mainHeader(); err != nil {
		return nil, err
	}
	s := &c.size
	m := &Image{Header: Header{Rows: s.y1 - s.y0, Cols: s.x1 - s.x0, Precision: s.precision, Signed: s.signed}, code: c}
	if err := accept(m.Header); err != nil {
		return nil, err
	}
	var err error
	m.tiles, err = c.tiles()
	return m, err
}

// Bounds is the whole image.
func (m *Image) Bounds() image.Rectangle { return image.Rect(0, 0, m.Cols, m.Rows) }

// Region decodes the pixels of a part of the image, row by row, which are to the
// bit those that the whole image has there. Only the tiles and code-blocks that it
// depends on are decoded, so that damage elsewhere does not show. The whole image
// takes about 12 bytes a pixel. A region that is not within Bounds panics.
func (m *Image) Region(r image.Rectangle) ([]int32, error) {
	if !r.In(m.Bounds()) {
		panic("j2k: a region outside the image")
	}
	s := &m.code.size
	out := make([]int32, r.Dx()*r.Dy())
	low, high := int32(0), int32(1)<<s.precision-1
	shift := int32(1) << (s.precision - 1)
	if s.signed {
		low, high, shift = -shift, shift-1, 0
	}
	r = r.Add(image.Pt(s.x0, s.y0))
	for i := range m.tiles {
		t := &m.tiles[i]
		part := t.bounds().Intersect(r)
		if part.Empty() {
			continue
		}
		px, err := t.decode(m, part)
		if err != nil {
			return nil, err
		}
		w := part.Dx()
		for y := range part.Dy() {
			to := out[(part.Min.Y-r.Min.Y+y)*r.Dx()+part.Min.X-r.Min.X:][:w]
			for x, v := range px.row(y, w) {
				to[x] = min(max(v+shift, low), high)
			}
		}
	}
	return out, nil
}
