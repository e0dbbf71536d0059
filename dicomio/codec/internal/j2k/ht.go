package j2k

// htDecoder decodes the code-blocks of T.814: a cleanup pass, with which a block is
// whole where the code is lossless, and the passes that may refine it.
type htDecoder struct {
	vlc, mag lowBits
	mel      melBits
	// Of the row of quads above, one place to the right: significance, and of
	// every sample of its lower row the size.
	rho, above []uint8
	low, lower []uint32

	significant []uint8 // as refine sees it, with a border of one sample
	fresh       []int   // samples that wait for their sign
}

// melBits decodes the events of T.814 7.3.3.
type melBits struct {
	code  []byte
	acc   byte
	left  int
	state int
	run   int
	one   bool
}

var melExponent = [13]int{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5}

func (m *melBits) bit() int {
	if m.left == 0 {
		m.left = 8
		if m.acc == 0xFF {
			m.left = 7
		}
		switch len(m.code) {
		case 0:
			m.acc = 0xFF
		case 1: // shared with the code of the quads
			m.acc, m.code = m.code[0]|0xF, nil
		default:
			m.acc, m.code = m.code[0], m.code[1:]
		}
	}
	m.left--
	return int(m.acc>>m.left) & 1
}

func (m *melBits) event() bool {
	if m.run == 0 && !m.one {
		n := melExponent[m.state]
		if m.bit() == 1 {
			m.run = 1 << n
			m.state = min(m.state+1, 12)
		} else {
			for range n {
				m.run = m.run<<1 | m.bit()
			}
			m.state = max(m.state-1, 0)
			m.one = true
		}
	}
	if m.run > 0 {
		m.run--
		return false
	}
	m.one = false
	return true
}

// lowBits reads bits from the lowest up, of bytes forwards (7.1.2) or backwards
// (7.1.4), with what is fed behind the end.
type lowBits struct {
	code     []byte
	backward bool
	feed     byte
	acc      uint64
	n        int
	stuffed  bool // the byte before makes a bit of the next one void
}

// need makes sure of 32 bits.
func (b *lowBits) need() {
	for b.n < 32 {
		v, width := b.feed, 8
		if n := len(b.code); n > 0 && b.backward {
			v, b.code = b.code[n-1], b.code[:n-1]
		} else if n > 0 {
			v, b.code = b.code[0], b.code[1:]
		}
		if b.stuffed && (!b.backward || v&0x7F == 0x7F) {
			width = 7
		}
		b.acc |= uint64(v) & (1<<width - 1) << b.n
		b.n += width
		b.stuffed = !b.backward && v == 0xFF || b.backward && v > 0x8F
	}
}

// take removes at most 32 bits, which need has made sure of.
func (b *lowBits) take(n int) uint32 {
	v := uint32(b.acc & (1<<n - 1))
	b.acc >>= n
	b.n -= n
	return v
}

// decode decodes the last set of passes of a block. planes are its bit-planes, of
// which the cleanup pass ends with the lowest; zeros are those of the band above.
func (h *htDecoder) decode(k *block, data []int32, width, height, planes, zeros int, causal bool) error {
	code := k.codewords[k.set.at].data
	n := len(code)
	if n < 2 {
		return ErrCut
	}
	tail := int(code[n-1])<<4 | int(code[n-2]&15) // 7.1.1: of events and quads
	if tail < 2 || tail > n || tail > 4079 {
		return broken("a code-block of HTJ2K has no such end")
	}
	h.mag = lowBits{code: code[:n-tail], feed: 0xFF}
	h.mel = melBits{code: code[n-tail : n-1]}
	first := code[n-2]
	h.vlc = lowBits{code: code[n-tail : n-2], backward: true, acc: uint64(first >> 4), n: 4, stuffed: first|15 > 0x8F}
	if first>>4&7 == 7 {
		h.vlc.n, h.vlc.acc = 3, 7
	}
	quads := (width + 1) / 2
	h.rho, h.above = resize(h.rho, quads+4), resize(h.above, quads+4)
	h.low, h.lower = resize(h.low, width+5), resize(h.lower, width+5)
	for y := 0; y < height; y += 2 {
		if err := h.row(data[y*width:], width, min(2, height-y), zeros+2, planes-1, y == 0); err != nil {
			return err
		}
		h.rho, h.above = h.above, h.rho
		h.low, h.lower = h.lower, h.low
	}
	if at := k.set.at + 1; at < len(k.codewords) && len(k.codewords[at].data) > 0 {
		if planes < 2 {
			return broken("passes of HTJ2K refine the last bit-plane")
		}
		c := &k.codewords[at]
		if c.passes > 1 { // before other samples are significant
			h.refine(c.data, data, width, height, planes-1)
		}
		h.propagate(c.data, data, width, height, planes-1, causal)
	}
	return nil
}

// row decodes a row of quads, of rows rows that are in the block. A quad has
// samples 0 and 1 on the left, 2 and 3 on the right.
func (h *htDecoder) row(data []int32, width, rows, most, plane int, first bool) error {
	table := &vlcLater
	if first {
		table = &vlcFirst
	}
	var west uint8 // of the quad on the left
	for x, q := 0, 1; x < width; x, q = x+4, q+2 {
		var info [2]uint16
		h.vlc.need()
		for i := 0; i < 2 && x+2*i < width; i++ {
			c := h.context(q+i, west, first)
			if c != 0 || h.mel.event() {
				info[i] = table[c<<7|int(h.vlc.acc&0x7F)]
				h.vlc.take(int(info[i] & 7))
			}
			west = uint8(info[i] >> 4 & 15)
			h.rho[q+i] = west
		}
		if x+2 >= width {
			h.rho[q+1] = 0
		}
		u := h.lengths(info[0]&8 != 0, info[1]&8 != 0, first)
		for i := 0; i < 2 && x+2*i < width; i++ {
			if err := h.quad(data, width, x+2*i, rows, u[i], most, plane, info[i], first); err != nil {
				return err
			}
		}
	}
	h.rho[(width+1)/2+1] = 0
	return nil
}

// context is that of quad q (7.3.5, equations 1 and 2).
func (h *htDecoder) context(q int, west uint8, first bool) int {
	if first {
		return int((west|west>>1)&1 | west>>1&6)
	}
	nw, n, ne := h.above[q-1], h.above[q], h.above[q+1]
	return int((nw>>3|n>>1)&1 | (west>>2|west>>3)&1<<1 | (n>>3|ne>>1)&1<<2)
}

// lengths decodes what a pair of quads adds to the length of its samples
// (7.3.6).
func (h *htDecoder) lengths(one, two, first bool) (u [2]int) {
	h.vlc.need()
	var suffix [2]int
	switch {
	case one && two && first && h.mel.event():
		u[0], suffix[0] = h.prefix()
		u[1], suffix[1] = h.prefix()
		u[0], u[1] = u[0]+2, u[1]+2
	case one && two:
		u[0], suffix[0] = h.prefix()
		if first && u[0] > 2 {
			u[1] = int(h.vlc.take(1)) + 1
		} else {
			u[1], suffix[1] = h.prefix()
		}
	case one:
		u[0], suffix[0] = h.prefix()
	case two:
		u[1], suffix[1] = h.prefix()
	}
	u[0] += int(h.vlc.take(suffix[0]))
	u[1] += int(h.vlc.take(suffix[1]))
	return u
}

// prefix is table 3: a value and how many bits more are added to it.
func (h *htDecoder) prefix() (value, suffix int) {
	codes := [4][2]int{{1, 0}, {2, 0}, {3, 1}, {5, 5}}
	i := 0
	for i < 3 && h.vlc.take(1) == 0 {
		i++
	}
	return codes[i][0], codes[i][1]
}

// quad decodes the samples of a quad (7.3.7, 7.3.8).
func (h *htDecoder) quad(data []int32, width, x, rows, u, most, plane int, info uint16, first bool) error {
	rho := info >> 4 & 15
	kappa := 1
	if !first && rho&(rho-1) != 0 {
		v := h.lower[x] | h.lower[x+1] | h.lower[x+2] | h.lower[x+3]
		for n := v >> 2; n > 0; n >>= 1 {
			kappa++
		}
	}
	u += kappa
	if u > most {
		return broken("a sample of HTJ2K is larger than its band holds")
	}
	for i := range 4 {
		column, row := x+i>>1, i&1
		if column >= width {
			break
		}
		v := uint32(0)
		if rho>>i&1 == 1 {
			h.mag.need()
			n := u - int(info>>(12+i)&1)
			bits := h.mag.take(n)
			v = bits | uint32(info>>(8+i)&1)<<n | 1
			mag := int32((v + 2) << plane & 0x7FFFFFFF)
			if bits&1 == 1 {
				mag |= signBit
			}
			if row < rows {
				data[row*width+column] = mag
			}
		}
		if row == 1 {
			h.low[column+1] = v
		}
	}
	return nil
}
