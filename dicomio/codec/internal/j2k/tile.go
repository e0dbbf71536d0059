package j2k

import (
	"image"
	"math"
)

// tile is one tile of the component, on the reference grid.
type tile struct {
	x0, y0, x1, y1 int
	params         *params
	body           []byte       // of all its tile-parts
	levels         []resolution // nil: its packets are not read yet
}

func (t *tile) bounds() image.Rectangle { return image.Rect(t.x0, t.y0, t.x1, t.y1) }

// resolution is one of a tile (T.800 B.5).
type resolution struct {
	x0, y0, x1, y1 int
	bands          []band
	wide, high     int // precincts
	precincts      []precinct
}

// band is a subband with its coefficients.
type band struct {
	x0, y0, x1, y1 int
	kind           int       // 0 LL, 1 HL, 2 LH, 3 HH
	planes         int       // Mb, E.1
	step           float32   // 0: reversible
	whole          []int32   // coefficients, reversible
	real           []float32 // or not
}

// precinct has the code-blocks of one precinct in every band of its resolution.
type precinct struct {
	x, y  int // position on the reference grid
	parts []part
}

type part struct {
	blocks          []block
	included, zeros tagTree
}

// block is a code-block.
type block struct {
	x0, y0, x1, y1 int // in its band
	included       bool
	decoded        bool
	zeros          int // bit-planes that are all zero
	lengthBits     int
	passes         int
	codewords      []codeword
	set            htSet
	classic        bool // of T.800 where there are both
}

// htSet is what is known of the sets of passes of a block of T.814: a cleanup pass
// and the two that refine it, each set a bit-plane below the one before. The last
// with any code is decoded; sets before the first have none.
type htSet struct {
	skipped int  // sets before it
	at      int  // codeword of its cleanup pass; behind it is that of the others
	open    bool // there is one, and the packets have got to no other
}

// codeword is a part of a code-block's code that ends with a termination.
type codeword struct {
	passes, most int
	data         []byte
}

// build lays out resolutions, subbands, precincts and code-blocks (annex B).
func (t *tile) build(s *size, budget *int) error {
	c, q := &t.params.cod, &t.params.qcd
	t.levels = make([]resolution, c.levels+1)
	for r := range t.levels {
		l := &t.levels[r]
		d := c.levels - r
		l.x0, l.y0, l.x1, l.y1 = ceilShift(t.x0, d), ceilShift(t.y0, d), ceilShift(t.x1, d), ceilShift(t.y1, d)
		kinds := []int{0}
		if r > 0 {
			kinds = []int{1, 2, 3}
		}
		for i, kind := range kinds {
			b := band{kind: kind, x0: l.x0, y0: l.y0, x1: l.x1, y1: l.y1}
			gain := 0
			if r > 0 {
				n := d + 1
				xo, yo := kind&1<<(n-1), kind>>1<<(n-1)
				b.x0, b.x1 = ceilShift(t.x0-xo, n), ceilShift(t.x1-xo, n)
				b.y0, b.y1 = ceilShift(t.y0-yo, n), ceilShift(t.y1-yo, n)
				gain = kind&1 + kind>>1
			}
			exponent, mantissa, err := q.of(max(0, 3*r-2)+i, r)
			if err != nil {
				return err
			}
			b.planes = q.guard + exponent - 1
			if c.reversible && q.style != 0 {
				return broken("a reversible wavelet with quantisation")
			}
			if b.planes > 30 {
				return unsupported("more than 30 bit-planes")
			}
			if !c.reversible {
				scale := s.precision + gain - exponent
				if q.style == 0 {
					scale = 0
				}
				b.step = ldexp(1+float32(mantissa)/2048, scale)
			}
			l.bands = append(l.bands, b)
		}
		if err := l.buildPrecincts(t, r, budget); err != nil {
			return err
		}
	}
	return nil
}

func ldexp(v float32, n int) float32 {
	for ; n > 0; n-- {
		v *= 2
	}
	for ; n < 0; n++ {
		v /= 2
	}
	return v
}

func (l *resolution) buildPrecincts(t *tile, r int, budget *int) error {
	c := &t.params.cod
	ppx, ppy := c.precinct[r][0], c.precinct[r][1]
	px, py := l.x0>>ppx, l.y0>>ppy
	if l.x1 > l.x0 && l.y1 > l.y0 {
		l.wide, l.high = ceilShift(l.x1, ppx)-px, ceilShift(l.y1, ppy)-py
	}
	if l.wide > *budget || l.high > *budget || l.wide*l.high > *budget {
		return ErrLimit
	}
	*budget -= l.wide * l.high
	l.precincts = make([]precinct, l.wide*l.high)
	half := min(r, 1) // precincts of a band are half as large, but of LL
	xcb, ycb := min(c.xcb, ppx-half), min(c.ycb, ppy-half)
	d := c.levels - r
	for i := range l.precincts {
		p := &l.precincts[i]
		x, y := px+i%l.wide, py+i/l.wide
		p.x, p.y = max(t.x0, x<<ppx<<d), max(t.y0, y<<ppy<<d)
		p.parts = make([]part, len(l.bands))
		for j := range l.bands {
			b := &l.bands[j]
			x0, x1 := max(b.x0, x<<(ppx-half)), min(b.x1, (x+1)<<(ppx-half))
			y0, y1 := max(b.y0, y<<(ppy-half)), min(b.y1, (y+1)<<(ppy-half))
			if x1 <= x0 || y1 <= y0 {
				continue
			}
			cx, cy := x0>>xcb, y0>>ycb
			wide, high := ceilShift(x1, xcb)-cx, ceilShift(y1, ycb)-cy
			if wide > *budget || high > *budget || wide*high > *budget {
				return ErrLimit
			}
			*budget -= wide * high
			q := &p.parts[j]
			q.blocks = make([]block, wide*high)
			q.included, q.zeros = newTagTree(wide, high), newTagTree(wide, high)
			for k := range q.blocks {
				bx, by := cx+k%wide, cy+k/wide
				q.blocks[k] = block{
					x0: max(x0, bx<<xcb) - b.x0, x1: min(x1, (bx+1)<<xcb) - b.x0,
					y0: max(y0, by<<ycb) - b.y0, y1: min(y1, (by+1)<<ycb) - b.y0,
				}
			}
		}
	}
	return nil
}

// decode decodes a part of a tile, without the level shift. What is read of the
// tile, and its code-blocks, are kept.
func (t *tile) decode(m *Image, part image.Rectangle) (p plane[int32], err error) {
	if t.levels == nil {
		budget := maxBlocks
		if err = t.build(&m.code.size, &budget); err == nil {
			err = t.packets()
		}
		if err != nil {
			t.levels = nil
			return p, err
		}
	}
	list := t.areas(part)
	for r := range t.levels {
		l := &t.levels[r]
		for i := range l.precincts {
			for j := range l.precincts[i].parts {
				if err := t.blocks(&m.coder, l.precincts[i].parts[j].blocks, &l.bands[j], list[r].bands[j]); err != nil {
					return p, err
				}
			}
		}
	}
	if t.params.cod.reversible {
		return reversible.image(t.levels, list, func(b *band) []int32 { return b.whole }), nil
	}
	real := irreversible.image(t.levels, list, func(b *band) []float32 { return b.real })
	p = newPlane[int32](part.Dx(), part.Dy())
	for y := range part.Dy() {
		to := p.row(y, part.Dx())
		for i, v := range real.row(y, len(to)) { // a damaged code has any value
			to[i] = int32(math.RoundToEven(float64(min(max(v, -1<<20), 1<<20))))
		}
	}
	return p, nil
}

// style is that of a code-block.
func (t *tile) style(k *block) byte {
	if k.classic {
		return t.params.cod.blocks &^ (blockHT | blockMixed)
	}
	return t.params.cod.blocks
}

// blocks decodes those code-blocks of a band that an area of it needs, counted
// from the band's corner.
func (t *tile) blocks(coder *blockDecoder, blocks []block, to *band, area image.Rectangle) error {
	if area.Empty() {
		return nil
	}
	if n := (to.x1 - to.x0) * (to.y1 - to.y0); to.step == 0 && to.whole == nil {
		to.whole = make([]int32, n)
	} else if to.step != 0 && to.real == nil {
		to.real = make([]float32, n)
	}
	for i := range blocks {
		k := &blocks[i]
		if k.decoded || k.passes == 0 || !image.Rect(k.x0, k.y0, k.x1, k.y1).Overlaps(area) {
			continue
		}
		if err := coder.decode(k, to, t.style(k)); err != nil {
			return err
		}
		k.decoded, k.codewords = true, nil
	}
	return nil
}
