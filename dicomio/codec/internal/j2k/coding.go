package j2k

import "math/bits"

// stripe is one of a block, with the flags of those above and below it. Flags have
// a border of one column.
type stripe struct {
	up, flags, down []uint64
	data            []int32 // from its first sample on
	rows            uint64  // bits 3i are set for the rows i that it has
}

func (b *blockDecoder) stripe(y int) stripe {
	at, w := (y/4+1)*b.line, b.w+2
	rows := uint64(eachRow) & (1<<(3*min(4, b.h-y)) - 1)
	return stripe{b.flags[at-b.line:][:w], b.flags[at:][:w], b.flags[at+b.line:][:w], b.data[y*b.w:], rows}
}

// mark tells the neighbours of a column which of its samples have become
// significant; sign has in bits 21+3i which are negative.
func (b *blockDecoder) mark(s *stripe, x int, fresh, sign uint64) {
	s.flags[x-1] |= fresh << 5
	s.flags[x+1] |= fresh << 3
	if fresh&b.top != 0 {
		s.up[x-1] |= 4 << 15
		s.up[x] |= 2<<15 | sign>>21&1<<33
		s.up[x+1] |= 1 << 15
	}
	if fresh>>9 != 0 {
		s.down[x-1] |= 4
		s.down[x] |= 2 | sign>>30&1<<18
		s.down[x+1] |= 1
	}
}

// offset is how far sample i of a column is from its first, i being thrice its row.
func (b *blockDecoder) offset(i int) int { return i * 11 >> 5 * b.w }

// significance is the significance propagation pass (D.3.1): of what is not
// significant and has a neighbour that is.
func (b *blockDecoder) significance(s *stripe, plane int) {
	r := b.registers
	for x := 1; x < len(s.flags)-1; x++ {
		f := s.flags[x]
		near := f | f>>1 | f>>2
		rest := (near | near>>3 | near>>6) &^ (f >> own) & s.rows
		if f&anySig == 0 || rest == 0 {
			continue
		}
		var fresh, sign, v uint64
		for rest != 0 {
			i := bits.TrailingZeros64(rest) & 63
			rest &= rest - 1
			f |= 1 << flagSeen << i
			if r, v = b.bit(r, int(b.zero[f>>i&0x1FF])); v == 0 {
				continue
			}
			r, v = b.sign(r, s, x, i, f|sign, plane)
			f |= 1 << own << i
			sign |= v << 21 << i
			fresh |= 1 << i
			rest |= 8 << i &^ (f >> own) & s.rows
		}
		s.flags[x] = f | sign
		if fresh != 0 {
			b.mark(s, x, fresh, sign)
		}
	}
	b.registers = r
}

// sign decodes the sign of a sample that becomes significant (D.3.2).
func (b *blockDecoder) sign(r registers, s *stripe, x, i int, f uint64, plane int) (registers, uint64) {
	f >>= i
	t := signContexts[f&0xAA|f>>18&0x41|s.flags[x-1]>>i>>19&4|s.flags[x+1]>>i>>17&16]
	r, v := b.bit(r, int(t&31))
	v ^= uint64(t >> 7)
	s.data[b.offset(i)+x-1] = 3<<(plane&31) | int32(v<<31)
	return r, v
}

// refine is the magnitude refinement pass (D.3.3): of what the pass before it has
// not made significant.
func (b *blockDecoder) refine(s *stripe, plane int) {
	r, one := b.registers, int32(1)<<plane
	for x := 1; x < len(s.flags)-1; x++ {
		f := s.flags[x]
		rest := f >> own &^ (f >> flagSeen) & s.rows
		if rest == 0 {
			continue
		}
		s.flags[x] = f | rest<<flagFined
		beside, fined := f|f>>2, f>>flagFined
		near := beside | f>>1
		near = (near | beside>>3 | near>>6) &^ fined
		for rest != 0 {
			i := bits.TrailingZeros64(rest) & 63
			rest &= rest - 1
			var v uint64
			r, v = b.bit(r, contextRefine+int(near>>i&1|fined>>i&1<<1))
			s.data[b.offset(i)+x-1] += one * (int32(v)*2 - 1)
		}
	}
	b.registers = r
}

// cleanup is the cleanup pass (D.3.4): of what is left.
func (b *blockDecoder) cleanup(s *stripe, plane int) {
	r := b.registers
	for x := 1; x < len(s.flags)-1; x++ {
		f := s.flags[x]
		rest := s.rows &^ (f>>own | f>>flagSeen)
		var fresh, sign, v uint64
		run := s.rows == eachRow && f&(anySig|eachRow<<flagSeen) == 0
		if run {
			if r, v = b.bit(r, contextRun); v == 0 {
				continue
			}
			r, v = b.bit(r, contextUniform)
			i := 6 * int(v)
			r, v = b.bit(r, contextUniform)
			i += 3 * int(v)
			rest = rest >> i << i
		}
		for rest != 0 {
			i := bits.TrailingZeros64(rest) & 63
			rest &= rest - 1
			if !run {
				if r, v = b.bit(r, int(b.zero[f>>i&0x1FF])); v == 0 {
					continue
				}
			}
			run = false
			r, v = b.sign(r, s, x, i, f|sign, plane)
			f |= 1 << own << i
			sign |= v << 21 << i
			fresh |= 1 << i
		}
		s.flags[x] = f&^(eachRow<<flagSeen) | sign
		if fresh != 0 {
			b.mark(s, x, fresh, sign)
		}
	}
	b.registers = r
}

// significanceRaw is [blockDecoder.significance] of bits that are not coded.
func (b *blockDecoder) significanceRaw(s *stripe, plane int) {
	for x := 1; x < len(s.flags)-1; x++ {
		for i := 0; s.rows>>i != 0; i += 3 {
			f := &s.flags[x]
			if n := *f >> i & 0x1FF; n == 0 || n>>own&1 != 0 {
				continue
			}
			*f |= 1 << flagSeen << i
			if b.raw.bit() == 0 {
				continue
			}
			v := uint64(b.raw.bit())
			s.data[b.offset(i)+x-1] = 3<<(plane&31) | int32(v<<31)
			*f |= (1<<own | v<<21) << i
			b.mark(s, x, 1<<i, v<<21<<i)
		}
	}
}

// refineRaw is [blockDecoder.refine] of bits that are not coded.
func (b *blockDecoder) refineRaw(s *stripe, plane int) {
	one := int32(1) << plane
	for x := 1; x < len(s.flags)-1; x++ {
		f := s.flags[x]
		rest := f >> own &^ (f >> flagSeen) & s.rows
		s.flags[x] = f | rest<<flagFined
		for i := 0; rest>>i != 0; i += 3 {
			if rest>>i&1 != 0 {
				s.data[b.offset(i)+x-1] += one * (int32(b.raw.bit())*2 - 1)
			}
		}
	}
}
