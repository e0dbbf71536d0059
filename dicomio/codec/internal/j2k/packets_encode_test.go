package j2k

import (
	"math"
	"math/bits"
)

// tree is the encoder of a tag tree.
type tree struct {
	tagTree
	value [][]int
}

func newTree(wide, high int, leaves []int) *tree {
	t := &tree{tagTree: newTagTree(wide, high), value: [][]int{leaves}}
	for k := 1; k < len(t.levels); k++ {
		l := &t.levels[k]
		v := make([]int, len(l.nodes))
		for i := range v {
			v[i] = math.MaxInt
		}
		below := t.value[k-1]
		for i, n := range below {
			w := t.levels[k-1].wide
			at := i/w/2*l.wide + i%w/2
			v[at] = min(v[at], n)
		}
		t.value = append(t.value, v)
	}
	return t
}

// put tells whether leaf i is below limit.
func (t *tree) put(w *bitWriter, i, limit int) {
	wide := t.levels[0].wide
	x, y, low := i%wide, i/wide, 0
	for k := len(t.levels) - 1; k >= 0; k-- {
		at := y>>k*t.levels[k].wide + x>>k
		n := &t.levels[k].nodes[at]
		n.low = max(n.low, low)
		for !n.known && n.low < limit {
			if t.value[k][at] == n.low {
				w.put(1, 1)
				n.known = true
			} else {
				w.put(0, 1)
				n.low++
			}
		}
		low = n.low
	}
}

// bitWriter writes a packet header (B.10.1).
type bitWriter struct {
	out  []byte
	acc  byte
	left int
}

func (w *bitWriter) put(v, n int) {
	for n--; n >= 0; n-- {
		w.left--
		w.acc |= byte(v>>n&1) << w.left
		if w.left == 0 {
			w.flush()
		}
	}
}

func (w *bitWriter) flush() {
	w.out = append(w.out, w.acc)
	w.left = 8
	if w.acc == 0xFF {
		w.left = 7
	}
	w.acc = 0
}

func (w *bitWriter) end() []byte {
	if w.left < 8 {
		w.flush()
	}
	return w.out
}

// passes writes a number of passes (table B.4).
func (w *bitWriter) passes(n int) {
	switch {
	case n == 1:
		w.put(0, 1)
	case n == 2:
		w.put(2, 2)
	case n < 6:
		w.put(3<<2|(n-3), 4)
	case n < 37:
		w.put(15<<5|(n-6), 9)
	default:
		w.put(511<<7|(n-37), 16)
	}
}

// packets writes the packets of a tile, layer by layer or resolution by resolution.
func (e *encoding) packets(t *tile, bands [][][]float64) (out []byte) {
	type state struct {
		included, zeros *tree
		blocks          []*coded
	}
	states := map[*part]*state{}
	for r := range t.levels {
		l := &t.levels[r]
		for i := range l.precincts {
			for j := range l.precincts[i].parts {
				p := &l.precincts[i].parts[j]
				if len(p.blocks) == 0 {
					continue
				}
				s := &state{}
				var first, zeros []int
				for k := range p.blocks {
					c := e.block(&p.blocks[k], &l.bands[j], bands[r][j])
					layer := e.layers
					if len(c.passes) > 0 {
						layer = c.passes[0].layer
					}
					s.blocks, first, zeros = append(s.blocks, c), append(first, layer), append(zeros, c.zeros)
				}
				wide, n := p.included.levels[0].wide, len(p.blocks)
				s.included, s.zeros = newTree(wide, n/wide, first), newTree(wide, n/wide, zeros)
				states[p] = s
			}
		}
	}
	packet := func(layer, r, i int) {
		w := &bitWriter{left: 8}
		w.put(1, 1)
		var data []byte
		parts := t.levels[r].precincts[i].parts
		for j := range parts {
			s := states[&parts[j]]
			if s == nil {
				continue
			}
			for k, c := range s.blocks {
				n := c.sent
				for n < len(c.passes) && c.passes[n].layer == layer {
					n++
				}
				if c.sent == 0 {
					s.included.put(w, k, layer+1)
				} else {
					w.put(map[bool]int{true: 1}[n > c.sent], 1)
				}
				if n == c.sent {
					continue
				}
				if c.sent == 0 {
					for limit := 1; limit <= c.zeros+1; limit++ {
						s.zeros.put(w, k, limit)
					}
				}
				w.passes(n - c.sent)
				data = append(data, c.contribute(w, n)...)
			}
		}
		out = append(append(out, w.end()...), data...)
	}
	if e.progression == 1 {
		for r := range t.levels {
			for layer := range e.layers {
				for i := range t.levels[r].precincts {
					packet(layer, r, i)
				}
			}
		}
		return out
	}
	for layer := range e.layers {
		for r := range t.levels {
			for i := range t.levels[r].precincts {
				packet(layer, r, i)
			}
		}
	}
	return out
}

// contribute writes the lengths of passes up to pass n, and gives their code.
func (c *coded) contribute(w *bitWriter, n int) (data []byte) {
	type segment struct{ passes, length int }
	var list []segment
	started := false
	for _, p := range c.passes[:c.sent] {
		started = started || len(p.code) > 0
	}
	first := !started
	for at := c.sent; at < n; {
		m := 1
		switch {
		case c.classic, !started && allEmpty(c.passes[at:n]):
			m = n - at
		case !started: // up to the last cleanup pass
			m = n - at - (n-1)%3
		case at%3 == 1:
			m = min(n-at, 2)
		}
		s := segment{passes: m}
		for _, p := range c.passes[at:][:m] {
			s.length += len(p.code)
			data = append(data, p.code...)
		}
		started = started || s.length > 0
		list = append(list, s)
		at += m
	}
	more := 0
	for _, s := range list {
		more = max(more, bits.Len(uint(s.length))-(c.bits+bits.Len(uint(s.passes))-1))
	}
	if first && started && c.mixed && !c.classic { // a zero before the length tells it from one of T.800
		more = max(more, 1, bits.Len(uint(list[0].length))+1-(c.bits+bits.Len(uint(list[0].passes))-1))
	}
	w.put(1<<(more+1)-2, more+1)
	c.bits += more
	for _, s := range list {
		w.put(s.length, c.bits+bits.Len(uint(s.passes))-1)
	}
	c.sent = n
	return data
}

func allEmpty(passes []codedPass) bool {
	for _, p := range passes {
		if len(p.code) > 0 {
			return false
		}
	}
	return true
}
