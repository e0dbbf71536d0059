package j2k

import (
	"bytes"
	"encoding/binary"
	"math"
)

// encoding is how an image is coded in T.814: an encoder of its own, since none
// that is to be had makes passes that refine, layers or empty passes of it.
type encoding struct {
	width, height int
	x0, y0        int // of the image on the reference grid
	precision     int
	signed        bool
	levels        int
	xcb, ycb      int    // log2 of the size of code-blocks
	precincts     []byte // of every resolution; nil: the largest
	lossy         bool   // 9/7 wavelet
	step          float64
	causal        bool
	progression   byte
	layers        int
	// sets are those of every code-block, and in which layer each pass comes.
	sets []htPasses
	// drop: bit-planes that not even the last set has.
	drop int
	tile *tile
	want map[*band][]int32 // twice what the coefficients are known to be
	// empty: the layers of passes without code before the first with any, three of
	// each bit-plane.
	empty []int
	// classic: blocks of T.800 among them.
	classic map[*block]*coded
}

// htPasses is a set of passes: how many bit-planes above the last that is coded its
// cleanup pass ends, and the layers of its one to three passes.
type htPasses struct {
	above  int
	layers []int
}

// encode codes an image whose pixels are given row by row.
func (e *encoding) encode(px []int32) []byte {
	head := e.header()
	c := &codestream{code: append(bytes.Clone(head), 0xFF, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0x93)}
	if err := c.mainHeader(); err != nil {
		panic(err)
	}
	t := tile{x0: e.x0, y0: e.y0, x1: e.x0 + e.width, y1: e.y0 + e.height, params: &c.params}
	budget := maxBlocks
	if err := t.build(&c.size, &budget); err != nil {
		panic(err)
	}
	bands := e.transform(&t, px)
	e.want = map[*band][]int32{}
	for r := range t.levels {
		for i := range t.levels[r].bands {
			b := &t.levels[r].bands[i]
			e.want[b] = make([]int32, (b.x1-b.x0)*(b.y1-b.y0))
		}
	}
	e.tile = &t
	body := e.packets(&t, bands)
	out := append(head, 0xFF, 0x90, 0, 10, 0, 0)
	out = binary.BigEndian.AppendUint32(out, uint32(len(body)+14))
	out = append(out, 0, 1, 0xFF, 0x93)
	return append(append(out, body...), 0xFF, 0xD9)
}

func (e *encoding) header() []byte {
	u32 := func(b []byte, v ...int) []byte {
		for _, n := range v {
			b = binary.BigEndian.AppendUint32(b, uint32(n))
		}
		return b
	}
	x1, y1 := e.x0+e.width, e.y0+e.height
	out := []byte{0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0x40, 0} // Rsiz: with CAP
	out = u32(out, x1, y1, e.x0, e.y0, x1, y1, 0, 0)
	sign := byte(0)
	if e.signed {
		sign = 0x80
	}
	out = append(out, 0, 1, sign|byte(e.precision-1), 1, 1)
	capability := max(0, e.precision+5-8) // bit-planes
	if e.lossy {
		capability |= 0x20
	}
	if len(e.sets) > 1 {
		capability |= 0x2000 // several sets of passes
	}
	out = append(u32(append(out, 0xFF, 0x50, 0, 8), 0x00020000), byte(capability>>8), byte(capability))
	style, blocks, wavelet := byte(0), byte(blockHT), byte(1)
	if e.precincts != nil {
		style = 1
	}
	if e.causal {
		blocks |= blockCausal
	}
	if e.lossy {
		wavelet = 0
	}
	out = append(out, 0xFF, 0x52, 0, byte(12+len(e.precincts)), style, e.progression, 0, byte(e.layers), 0,
		byte(e.levels), byte(e.xcb-2), byte(e.ycb-2), blocks, wavelet)
	out = append(out, e.precincts...)
	n := 3*e.levels + 1
	if !e.lossy {
		out = append(out, 0xFF, 0x5C, 0, byte(3+n), 2<<5)
		for i := range n {
			out = append(out, byte(e.precision+gain(i)+1)<<3)
		}
		return out
	}
	out = append(out, 0xFF, 0x5C, 0, byte(3+2*n), 2<<5|2)
	fraction, power := math.Frexp(e.step) // [1/2, 1)
	for i := range n {
		exponent := e.precision + gain(i) - (power - 1)
		out = binary.BigEndian.AppendUint16(out, uint16(exponent<<11|int((2*fraction-1)*2048)))
	}
	return out
}

// gain is that of subband i in the order of QCD.
func gain(i int) int {
	if i == 0 {
		return 0
	}
	return [3]int{1, 1, 2}[(i-1)%3]
}

// transform makes the coefficients of every subband, by resolution and band.
func (e *encoding) transform(t *tile, px []int32) [][][]float64 {
	shift := 0.0
	if !e.signed {
		shift = float64(int(1) << (e.precision - 1))
	}
	low := make([]float64, len(px))
	for i, v := range px {
		low[i] = float64(v) - shift
	}
	out := make([][][]float64, len(t.levels))
	for r := len(t.levels) - 1; r > 0; r-- {
		l := &t.levels[r]
		w, h := l.x1-l.x0, l.y1-l.y0
		for x := range w {
			column := make([]float64, h)
			for y := range h {
				column[y] = low[y*w+x]
			}
			e.forward(column, l.y0&1)
			for y := range h {
				low[y*w+x] = column[y]
			}
		}
		for y := range h {
			e.forward(low[y*w:][:w], l.x0&1)
		}
		parts := make([][]float64, 4)
		for y := range h {
			for x := range w {
				kind := (l.x0+x)&1 | (l.y0+y)&1<<1
				parts[kind] = append(parts[kind], low[y*w+x])
			}
		}
		low, out[r] = parts[0], parts[1:]
	}
	out[0] = [][]float64{low}
	return out
}

// forward is one dimension of a transform (F.4.8), in place.
func (e *encoding) forward(x []float64, odd int) {
	n := len(x)
	if n == 1 {
		if odd == 1 {
			x[0] *= 2
		}
		return
	}
	at := func(i int) float64 {
		if i < 0 {
			i = -i
		}
		if i >= n {
			i = 2*(n-1) - i
		}
		return x[i]
	}
	step := func(start int, f func(v, sum float64) float64) {
		for i := start; i < n; i += 2 {
			x[i] = f(x[i], at(i-1)+at(i+1))
		}
	}
	if !e.lossy {
		step(1-odd, func(v, sum float64) float64 { return v - math.Floor(sum/2) })
		step(odd, func(v, sum float64) float64 { return v + math.Floor((sum+2)/4) })
		return
	}
	for k := range lifting {
		c := float64(lifting[len(lifting)-1-k])
		step((1-odd+k)&1, func(v, sum float64) float64 { return v + c*sum })
	}
	for i := range x {
		if (i+odd)&1 == 0 {
			x[i] /= scaling
		} else {
			x[i] *= scaling
		}
	}
}

// coded is the code of a block by passes: the last set of it and the length of
// each, and bit-planes that are missing above the first.
type coded struct {
	passes []codedPass
	zeros  int
	sent   int
	bits   int // Lblock

	mixed   bool // there are blocks of T.800, too
	classic bool // this is one
}

type codedPass struct {
	layer int
	code  []byte
}

// block codes one block in sets of passes; before the first set are empty ones
// where the first has planes to spare.
func (e *encoding) block(k *block, b *band, from []float64) *coded {
	if c := e.classic[k]; c != nil {
		return c
	}
	h := htEncoder{width: k.x1 - k.x0, height: k.y1 - k.y0, causal: e.causal}
	step := 1.0
	if e.lossy {
		step = float64(b.step)
	}
	largest := uint32(0)
	for y := range h.height {
		for x := range h.width {
			v := from[(k.y0+y)*(b.x1-b.x0)+k.x0+x]
			m := uint32(math.Abs(v) / step)
			h.mag, h.negative = append(h.mag, m), append(h.negative, v < 0)
			largest = max(largest, m)
		}
	}
	out := &coded{bits: 3, mixed: e.classic != nil}
	top := e.drop + e.sets[0].above
	if largest>>top == 0 {
		return out
	}
	out.zeros = b.planes - 1 - top
	// The sets before the first have no code: one for each bit-plane above it.
	n := min(out.zeros, len(e.empty)/3)
	out.zeros -= n
	for _, layer := range e.empty[:3*n] {
		out.passes = append(out.passes, codedPass{layer: layer})
	}
	for i, s := range e.sets {
		plane := e.drop + s.above
		if i > 0 && plane != e.drop+e.sets[i-1].above-1 {
			panic("sets follow one another plane by plane")
		}
		out.passes = append(out.passes, codedPass{s.layers[0], h.cleanup(plane)})
		if len(s.layers) > 1 {
			spp, mrp := h.refined(plane, len(s.layers) > 2)
			if len(spp)+len(mrp) == 0 {
				spp = []byte{0}
			}
			out.passes = append(out.passes, codedPass{s.layers[1], spp})
			if len(s.layers) > 2 {
				out.passes = append(out.passes, codedPass{s.layers[2], mrp})
			}
		}
		for k := len(s.layers); k < 3 && i+1 < len(e.sets); k++ { // without code
			out.passes = append(out.passes, codedPass{layer: e.sets[i+1].layers[0]})
		}
	}
	for y := range h.height {
		for x := range h.width {
			v := h.known[y*h.width+x]
			if h.negative[y*h.width+x] {
				v = -v
			}
			e.want[b][(k.y0+y)*(b.x1-b.x0)+k.x0+x] = v
		}
	}
	return out
}
