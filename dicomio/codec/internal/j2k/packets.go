package j2k

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

// tagTree is B.10.2.
type tagTree struct {
	levels []tagLevel // the leaves first
}

type tagLevel struct {
	wide  int
	nodes []tagNode
}

type tagNode struct {
	low   int
	known bool // low is the value
}

func newTagTree(wide, high int) (t tagTree) {
	for {
		t.levels = append(t.levels, tagLevel{wide, make([]tagNode, wide*high)})
		if wide*high <= 1 {
			return t
		}
		wide, high = (wide+1)/2, (high+1)/2
	}
}

// below tells whether the value of leaf i is below limit.
func (t *tagTree) below(r *headerBits, i, limit int) bool {
	wide := t.levels[0].wide
	x, y := i%wide, i/wide
	low := 0
	var n *tagNode
	for k := len(t.levels) - 1; k >= 0; k-- {
		l := &t.levels[k]
		n = &l.nodes[y>>k*l.wide+x>>k]
		n.low = max(n.low, low)
		for !n.known && n.low < limit {
			if r.bit() == 1 {
				n.known = true
			} else {
				n.low++
			}
		}
		low = n.low
	}
	return n.known && n.low < limit
}

// headerBits reads the bits of a packet header (B.10.1).
type headerBits struct {
	code  []byte
	at    int
	acc   byte
	left  int
	spent bool
	added []addition
}

func (r *headerBits) bit() int {
	if r.left == 0 {
		if r.at >= len(r.code) {
			r.spent = true
			return 1 // ends every loop
		}
		r.left = 8
		if r.acc == 0xFF {
			r.left = 7
		}
		r.acc = r.code[r.at]
		r.at++
	}
	r.left--
	return int(r.acc>>r.left) & 1
}

func (r *headerBits) take(n int) (v int) {
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

// align ends a header: a stuffed bit behind 0xFF has a byte of its own.
func (r *headerBits) align() {
	if r.acc == 0xFF {
		r.at++
	}
	r.acc, r.left = 0, 0
}

// packets reads the packets of a tile in the order of their progression (B.12).
func (t *tile) packets() error {
	c := &t.params.cod
	r := &headerBits{code: t.body}
	each := func(layer, level, i int) error { return t.packet(r, layer, level, i) }
	switch c.progression {
	case 0: // layer, resolution
		for layer := range c.layers {
			for level := range t.levels {
				for i := range t.levels[level].precincts {
					if err := each(layer, level, i); err != nil {
						return err
					}
				}
			}
		}
		return nil
	case 1: // resolution, layer
		for level := range t.levels {
			for layer := range c.layers {
				for i := range t.levels[level].precincts {
					if err := each(layer, level, i); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}
	type place struct{ x, y, level, i int }
	var order []place
	for level := range t.levels {
		for i := range t.levels[level].precincts {
			p := &t.levels[level].precincts[i]
			order = append(order, place{p.x, p.y, level, i})
		}
	}
	if c.progression > 2 { // position, resolution; one component
		slices.SortStableFunc(order, func(a, b place) int { return cmp.Or(cmp.Compare(a.y, b.y), cmp.Compare(a.x, b.x)) })
	}
	for _, p := range order {
		for layer := range c.layers {
			if err := each(layer, p.level, p.i); err != nil {
				return err
			}
		}
	}
	return nil
}

// addition is what a packet adds to a codeword.
type addition struct {
	to     *block
	index  int
	length int
}

// packet reads one packet (B.9, B.10).
func (t *tile) packet(r *headerBits, layer, level, index int) error {
	style := t.params.cod.style
	if style&2 != 0 && r.at+6 <= len(r.code) && binary.BigEndian.Uint16(r.code[r.at:]) == markSOP {
		r.at += 6
	}
	p := &t.levels[level].precincts[index]
	r.added = r.added[:0]
	if r.bit() == 1 {
		for j := range p.parts {
			if err := t.contributions(r, &p.parts[j], layer, t.levels[level].bands[j].planes); err != nil {
				return err
			}
		}
	}
	r.align()
	if style&4 != 0 && r.at+2 <= len(r.code) && binary.BigEndian.Uint16(r.code[r.at:]) == markEPH {
		r.at += 2
	}
	if r.spent || r.at > len(r.code) {
		return ErrCut
	}
	for _, a := range r.added {
		if a.length > len(r.code)-r.at {
			return ErrCut
		}
		a.to.codewords[a.index].add(r.code[r.at:][:a.length])
		r.at += a.length
	}
	return nil
}

// contributions reads what the header of a packet says of the code-blocks of a
// band.
func (t *tile) contributions(r *headerBits, p *part, layer, planes int) error {
	for k := range p.blocks {
		b := &p.blocks[k]
		if !b.included {
			if !p.included.below(r, k, layer+1) {
				continue
			}
			b.included, b.lengthBits = true, 3
			for !p.zeros.below(r, k, b.zeros+1) {
				if b.zeros++; b.zeros > planes {
					return broken("a code-block has more bit-planes than its band")
				}
			}
		} else if r.bit() == 0 {
			continue
		}
		n := passCount(r)
		for r.bit() == 1 && !r.spent {
			if b.lengthBits++; b.lengthBits > 32 {
				return broken("a length is too long")
			}
		}
		if style := t.params.cod.blocks; style&blockHT != 0 && !b.classic {
			if err := b.throughput(r, n, style&blockMixed != 0); err != nil {
				return err
			}
			continue
		}
		for n > 0 && !r.spent {
			i := b.current(t.params.cod.blocks)
			c := &b.codewords[i]
			m := min(n, c.most-c.passes)
			length := r.take(b.lengthBits + bits.Len(uint(m)) - 1)
			c.passes += m
			b.passes += m
			n -= m
			r.added = append(r.added, addition{b, i, length})
		}
	}
	return nil
}

// throughput reads the lengths of n more passes of a block of T.814 (annex B), or of
// one that may be of T.800 too. The passes come in sets of three: a cleanup pass, and
// two that refine it and share their code; a set without code is not there.
func (b *block) throughput(r *headerBits, n int, mixed bool) error {
	if len(b.codewords) == 0 {
		m, length, done, err := b.begin(r, n, mixed)
		if done || err != nil {
			return err
		}
		b.passes += m
		n -= m
		b.openSet(r, length)
	}
	for n > 0 && !r.spent {
		m, cleanup := 1, b.passes%3 == 0
		if !cleanup {
			m = min(n, 3-b.passes%3)
		}
		length := r.take(b.lengthBits + bits.Len(uint(m)) - 1)
		b.passes += m
		n -= m
		i := b.set.at + 1
		switch {
		case cleanup && length > 0:
			b.openSet(r, length)
			continue
		case cleanup:
			b.set.open = false
			continue
		case b.set.open:
			if i == len(b.codewords) {
				b.codewords = append(b.codewords, codeword{})
			}
			b.codewords[i].passes += m
		case length > 0:
			return broken("passes of HTJ2K refine nothing")
		default:
			continue
		}
		r.added = append(r.added, addition{b, i, length})
	}
	return nil
}

// openSet begins a set with the cleanup pass that the last of the block's passes is.
func (b *block) openSet(r *headerBits, length int) {
	i := len(b.codewords)
	b.set = htSet{skipped: (b.passes - 1) / 3, at: i, open: true}
	b.codewords = append(b.codewords, codeword{passes: 1})
	r.added = append(r.added, addition{b, i, length})
}

// begin reads the first length of n more passes of a block that has no code yet. It is
// that of m passes, up to the first cleanup pass with code. Else one length holds for
// all n passes as in T.800, and more of its bits follow: it is 0 where these are empty,
// too, and where a block may be of T.800 any other shows that it is. The length of a
// cleanup pass has a zero before it then, in a field of more than 3 bits.
func (b *block) begin(r *headerBits, n int, mixed bool) (m, length int, done bool, err error) {
	width := func(passes int) int { return b.lengthBits + bits.Len(uint(passes)) - 1 }
	all := width(n)
	if m = n - (b.passes+n-1)%3; m > 0 {
		k := width(m)
		length = r.take(k)
		if length > 0 && (!mixed || b.lengthBits > 3 && length > 1 && length>>(k-1) == 0) {
			return m, length, false, nil
		}
		all -= k
	}
	length = length<<all | r.take(all)
	b.passes += n
	switch {
	case length > 0 && !mixed:
		return 0, 0, true, broken("passes of HTJ2K refine nothing")
	case length > 0:
		b.classic = true
		b.codewords = append(b.codewords, codeword{passes: b.passes, most: 1 << 10})
		r.added = append(r.added, addition{b, 0, length})
	}
	return 0, 0, true, nil
}

// passCount reads the number of coding passes (table B.4).
func passCount(r *headerBits) int {
	if r.bit() == 0 {
		return 1
	}
	if r.bit() == 0 {
		return 2
	}
	if n := r.take(2); n < 3 {
		return 3 + n
	}
	if n := r.take(5); n < 31 {
		return 6 + n
	}
	return 37 + r.take(7)
}

// current is the codeword that the next pass is part of (D.4.2, D.6).
func (b *block) current(style byte) int {
	n := len(b.codewords)
	if n > 0 && b.codewords[n-1].passes < b.codewords[n-1].most {
		return n - 1
	}
	most := 1 << 10
	switch {
	case style&blockTerminate != 0:
		most = 1
	case style&blockBypass != 0 && n == 0:
		most = 10
	case style&blockBypass != 0:
		most = 1 + n&1 // two raw passes, then a cleanup pass
	}
	b.codewords = append(b.codewords, codeword{most: most})
	return n
}

// add appends code, which is not copied while it is in one piece.
func (c *codeword) add(p []byte) {
	if c.data == nil {
		c.data = p[:len(p):len(p)]
		return
	}
	c.data = append(c.data, p...)
}
