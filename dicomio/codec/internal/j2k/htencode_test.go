package j2k

import (
	"math/bits"
	"slices"
)

// packer packs bits from the lowest up into bytes that grow forwards, with a void
// bit behind 0xFF, or backwards, with one before what looks like a marker from
// behind (T.814 annex F).
type packer struct {
	bytes    []byte // backwards: the last one first
	backward bool
	acc      byte
	n        int
	stuffed  bool
}

func (p *packer) put(v uint32, n int) {
	for range n {
		p.acc |= byte(v&1) << p.n
		p.n++
		v >>= 1
		if p.n == 7 && p.stuffed && (!p.backward || p.acc == 0x7F) || p.n == 8 {
			p.flush()
		}
	}
}

func (p *packer) flush() {
	p.bytes = append(p.bytes, p.acc)
	p.stuffed = !p.backward && p.acc == 0xFF || p.backward && p.acc > 0x8F
	p.acc, p.n = 0, 0
}

// end fills the last byte with ones or zeros. None is left that ends with 0xFF.
func (p *packer) end(ones bool) []byte {
	for p.n > 0 {
		p.put(map[bool]uint32{true: 1}[ones], 1)
	}
	if n := len(p.bytes); n > 0 && !p.backward && p.bytes[n-1] == 0xFF {
		if ones {
			return p.bytes[:n-1]
		}
		return append(p.bytes, 0)
	}
	if p.backward {
		slices.Reverse(p.bytes)
	}
	return p.bytes
}

// melPacker codes the events of T.814 7.3.3.
type melPacker struct {
	bytes      []byte
	acc        byte
	left       int
	state, run int
}

func (m *melPacker) bit(v int) {
	m.left--
	m.acc |= byte(v << m.left)
	if m.left == 0 {
		m.flush()
	}
}

func (m *melPacker) flush() {
	m.bytes = append(m.bytes, m.acc)
	m.left = 8
	if m.acc == 0xFF {
		m.left = 7
	}
	m.acc = 0
}

func (m *melPacker) event(v bool) {
	n := melExponent[m.state]
	if !v {
		if m.run++; m.run == 1<<n {
			m.bit(1)
			m.run, m.state = 0, min(m.state+1, 12)
		}
		return
	}
	m.bit(0)
	for n--; n >= 0; n-- {
		m.bit(m.run >> n & 1)
	}
	m.run, m.state = 0, max(m.state-1, 0)
}

// htEncoder codes one block: its magnitudes and signs, row by row.
type htEncoder struct {
	width, height int
	mag           []uint32
	negative      []bool
	causal        bool
	known         []int32 // twice the magnitudes that the last set tells, with their half
}

// cleanup codes what lies above a bit-plane.
func (e *htEncoder) cleanup(plane int) []byte {
	e.known = make([]int32, len(e.mag))
	for i, m := range e.mag {
		if m>>plane != 0 {
			e.known[i] = int32(m>>plane<<(plane+1) | 1<<plane)
		}
	}
	vlc := packer{backward: true, acc: 0xF, n: 4, stuffed: true}
	mel, sgn := melPacker{left: 8}, packer{}
	quads := (e.width + 1) / 2
	var ctx htDecoder
	ctx.rho, ctx.above = make([]uint8, quads+4), make([]uint8, quads+4)
	lower, low := make([]int, e.width+5), make([]int, e.width+5) // exponents, one place to the right
	for y := 0; y < e.height; y += 2 {
		first := y == 0
		rows := vlcLaterRows[:]
		if first {
			rows = vlcFirstRows[:]
		}
		var west uint8
		for x, q := 0, 1; x < e.width; x, q = x+4, q+2 {
			var u [2]int
			var quad [2]htQuad
			for i := 0; i < 2 && x+2*i < e.width; i++ {
				c := ctx.context(q+i, west, first)
				quad[i] = e.quad(x+2*i, y, plane, first, lower)
				u[i] = quad[i].size - quad[i].kappa
				west = quad[i].rho
				ctx.rho[q+i] = west
				if c == 0 {
					mel.event(west != 0)
				}
				if c != 0 || west != 0 {
					quad[i].row = bestRow(rows, c, &quad[i], u[i] > 0)
					vlc.put(quad[i].row>>16&0x7F, int(quad[i].row&7))
				}
			}
			e.sizes(&vlc, &mel, u, first)
			for i := range quad {
				e.samples(&sgn, &quad[i], low, x+2*i)
			}
		}
		ctx.rho[quads+1] = 0
		ctx.rho, ctx.above = ctx.above, ctx.rho
		lower, low = low, lower
		clear(low)
	}
	if mel.run > 0 {
		mel.bit(1)
	}
	if mel.left < 8 {
		mel.flush()
	}
	end := append(vlc.endFilled(), 0)
	out := append(append(sgn.end(true), mel.bytes...), end...)
	n := len(mel.bytes) + len(end)
	out[len(out)-1] = byte(n >> 4)
	out[len(out)-2] = out[len(out)-2]&0xF0 | byte(n&15)
	return out
}

// endFilled ends the code of the quads: what the last byte has no bits for is zero.
func (p *packer) endFilled() []byte {
	if p.n > 0 {
		p.flush()
	}
	slices.Reverse(p.bytes)
	return p.bytes
}

type htQuad struct {
	rho         uint8
	peaks       uint8 // samples as large as the largest
	size, kappa int
	row         uint32
	value       [4]uint32
	width       [4]int // exponents
}

func (e *htEncoder) quad(x, y, plane int, first bool, lower []int) (q htQuad) {
	largest := 0
	for i := range 4 {
		column, row := x+i>>1, y+i&1
		if column >= e.width || row >= e.height {
			continue
		}
		at := row*e.width + column
		m := e.mag[at] >> plane
		if m == 0 {
			continue
		}
		q.rho |= 1 << i
		q.value[i] = 2 * (m - 1)
		q.width[i] = bits.Len32(q.value[i] | 1)
		if e.negative[at] {
			q.value[i] |= 1
		}
		largest = max(largest, q.width[i])
	}
	q.kappa = 1
	if !first && q.rho&(q.rho-1) != 0 {
		q.kappa = max(1, max(lower[x], lower[x+1], lower[x+2], lower[x+3])-1)
	}
	q.size = max(largest, q.kappa)
	for i, n := range q.width {
		if n == q.size && q.size > q.kappa {
			q.peaks |= 1 << i
		}
	}
	return q
}

// bestRow is that row of a table that tells most of the samples of a quad.
func bestRow(rows []uint32, context int, q *htQuad, longer bool) (best uint32) {
	most := -1
	for _, r := range rows {
		known, ones := uint8(r>>12&15), uint8(r>>8&15)
		if int(r>>23) != context || uint8(r>>4&15) != q.rho || r&8 != 0 != longer || q.peaks&known != ones {
			continue
		}
		if n := bits.OnesCount8(known); n > most {
			best, most = r, n
		}
	}
	if most < 0 {
		panic("no code of a quad")
	}
	return best
}

// sizes codes what a pair of quads adds to the length of its samples (7.3.6).
func (e *htEncoder) sizes(vlc *packer, mel *melPacker, u [2]int, first bool) {
	type code struct{ prefix, n, suffix, m int }
	of := func(u int) code {
		switch {
		case u <= 0:
			return code{}
		case u == 1:
			return code{1, 1, 0, 0}
		case u == 2:
			return code{2, 2, 0, 0}
		case u <= 4:
			return code{4, 3, u - 3, 1}
		}
		return code{0, 3, u - 5, 5}
	}
	one, two := of(u[0]), of(u[1])
	if first && u[0] > 0 && u[1] > 0 {
		both := u[0] > 2 && u[1] > 2
		mel.event(both)
		switch {
		case both:
			one, two = of(u[0]-2), of(u[1]-2)
		case u[0] > 2:
			two = code{u[1] - 1, 1, 0, 0}
		}
	}
	vlc.put(uint32(one.prefix), one.n)
	vlc.put(uint32(two.prefix), two.n)
	vlc.put(uint32(one.suffix), one.m)
	vlc.put(uint32(two.suffix), two.m)
}

func (e *htEncoder) samples(sgn *packer, q *htQuad, low []int, x int) {
	for i := range 4 {
		if column := x + i>>1; i&1 == 1 && column < e.width {
			low[column+1] = q.width[i]
		}
		if q.rho>>i&1 == 1 {
			sgn.put(q.value[i], q.size-int(q.row>>(12+i)&1))
		}
	}
}

// refined codes the passes that refine a cleanup pass which ends at a bit-plane
// above 0: both of them, or the first.
func (e *htEncoder) refined(plane int, both bool) (propagated, magnitudes []byte) {
	spp, mrp := packer{}, packer{backward: true, stuffed: true}
	seen := make([]bool, len(e.mag))
	for i, m := range e.mag {
		seen[i] = m>>plane != 0
	}
	for top := 0; top < e.height; top += 4 {
		for x := range e.width {
			for y := top; y < min(top+4, e.height); y++ {
				if m := e.mag[y*e.width+x]; m>>plane != 0 && both {
					mrp.put(m>>(plane-1), 1)
					e.known[y*e.width+x] = int32(m>>(plane-1)<<plane | 1<<(plane-1))
				}
			}
		}
	}
	now := slices.Clone(seen)
	for top := 0; top < e.height; top += 4 {
		for left := 0; left < e.width; left += 4 {
			var signs []uint32
			for x := left; x < min(left+4, e.width); x++ {
				for y := top; y < min(top+4, e.height); y++ {
					at := y*e.width + x
					if seen[at] || !e.neighbour(now, x, y) {
						continue
					}
					v := e.mag[at] >> (plane - 1) & 1
					spp.put(v, 1)
					if now[at] = v == 1; v == 1 {
						e.known[at] = 3 << (plane - 1)
						sign := uint32(0)
						if e.negative[at] {
							sign = 1
						}
						signs = append(signs, sign)
					}
				}
			}
			for _, s := range signs {
				spp.put(s, 1)
			}
		}
	}
	return spp.end(false), mrp.end(false)
}

func (e *htEncoder) neighbour(now []bool, x, y int) bool {
	for v := max(y-1, 0); v <= min(y+1, e.height-1); v++ {
		if e.causal && v > y|3 {
			continue
		}
		for u := max(x-1, 0); u <= min(x+1, e.width-1); u++ {
			if (u != x || v != y) && now[v*e.width+u] {
				return true
			}
		}
	}
	return false
}
