package j2k

// blockDecoder decodes the code-blocks of T.800 (annex D).
//
// The image is scanned in stripes of four rows. A word of flags has what is
// known of one column of a stripe: in bits 3r..3r+2 whether the sample left of
// it, its own and the one right of it in row r-1 are significant, for r = 0..5,
// so that bits 3i..3i+8 are the neighbourhood of sample i.
type blockDecoder struct {
	mq
	raw        rawBits
	data       []int32 // magnitude x 2 with its half bit, and the sign in the highest bit
	flags      []uint32
	w, h, line int // line: words of flags from stripe to stripe
	causal     bool
	zero       *[512]uint8 // context of significance by neighbourhood
	ht         htDecoder
}

const (
	own       = 1 << 4 // significance of sample 0 in its neighbourhood
	flagSeen  = 1 << 18
	flagFined = 1 << 22
	anySig    = 1<<18 - 1
	signBit   = -1 << 31
)

// zeroContexts is table D.1 for LL and LH, HL, HH.
var zeroContexts = func() (t [3][512]uint8) {
	for f := range 512 {
		on := func(bits ...int) (n int) {
			for _, b := range bits {
				n += f >> b & 1
			}
			return n
		}
		h, v, d := on(3, 5), on(1, 7), on(0, 2, 6, 8)
		t[0][f], t[1][f], t[2][f] = straight(h, v, d), straight(v, h, d), diagonal(h+v, d)
	}
	return t
}()

func straight(h, v, d int) uint8 {
	switch {
	case h == 2:
		return 8
	case h == 1 && v > 0:
		return 7
	case h == 1 && d > 0:
		return 6
	case h == 1:
		return 5
	case v > 0:
		return uint8(2 + v)
	}
	return uint8(min(d, 2))
}

func diagonal(n, d int) uint8 {
	switch d {
	case 0:
		return uint8(min(n, 2))
	case 1:
		return uint8(3 + min(n, 2))
	case 2:
		return uint8(6 + min(n, 1))
	}
	return 8
}

// decode decodes one block into its band.
func (b *blockDecoder) decode(k *block, to *band, style byte) error {
	b.w, b.h = k.x1-k.x0, k.y1-k.y0
	b.data = resize(b.data, b.w*b.h)
	planes := to.planes - k.zeros - k.set.skipped
	if style&blockHT != 0 && len(k.codewords) == 0 {
		return nil // no pass has any code
	}
	if planes < 1 {
		return broken("a code-block has no bit-planes")
	}
	var err error
	if style&blockHT != 0 {
		err = b.ht.decode(k, b.data, b.w, b.h, planes, to.planes-planes, style&blockCausal != 0)
	} else {
		err = b.passes(k, to.kind, style, planes)
	}
	if err != nil {
		return err
	}
	stride := to.x1 - to.x0
	for y := range b.h {
		from := b.data[y*b.w:][:b.w]
		at := (k.y0+y)*stride + k.x0
		if to.whole != nil {
			row := to.whole[at:][:b.w]
			for x, v := range from {
				n := v & 0x7FFFFFFF >> 1
				if v < 0 {
					n = -n
				}
				row[x] = n
			}
			continue
		}
		row := to.real[at:][:b.w]
		for x, v := range from {
			f := float32(v&0x7FFFFFFF) * 0.5 * to.step
			if v < 0 {
				f = -f
			}
			row[x] = f
		}
	}
	return nil
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

func (b *blockDecoder) passes(k *block, kind int, style byte, planes int) error {
	b.line = b.w + 2
	b.flags = resize(b.flags, b.line*((b.h+3)/4+2))
	b.causal = style&blockCausal != 0
	b.zero = &zeroContexts[[4]int{0, 1, 0, 2}[kind]]
	b.resetContexts()
	plane, pass := planes-1, 2 // the first has only a cleanup pass
	if k.passes > 3*planes-2 {
		return broken("a code-block has more passes than bit-planes")
	}
	done := 0
	for i := range k.codewords {
		c := &k.codewords[i]
		raw := style&blockBypass != 0 && done >= 10 && pass < 2
		if raw {
			b.raw = rawBits{code: c.data}
		} else {
			b.start(c.data)
		}
		for range c.passes {
			switch {
			case pass == 0 && raw:
				b.significanceRaw(plane)
			case pass == 0:
				b.significance(plane)
			case pass == 1 && raw:
				b.refineRaw(plane)
			case pass == 1:
				b.refine(plane)
			default:
				b.cleanup(plane)
				if style&blockSymbols != 0 {
					v := uint32(0)
					for range 4 {
						v = v<<1 | b.bit(&b.context[contextUniform])
					}
					if v != 10 {
						return broken("a segmentation symbol is wrong")
					}
				}
			}
			// Where the rate ends a block before its last bit-plane, it may end within
			// the last pass; ones stand for the rest.
			short := done+1 == k.passes && k.passes < 3*planes-2
			if (b.beyond > maxAfter || b.raw.beyond > maxAfter) && !short {
				return ErrCut
			}
			if style&blockReset != 0 {
				b.resetContexts()
			}
			if done, pass = done+1, pass+1; pass == 3 {
				pass, plane = 0, plane-1
			}
		}
	}
	return nil
}

// stripes calls f for every stripe: with the first flags of its own, its first
// sample and how many rows it has.
func (b *blockDecoder) stripes(f func(at, first, rows int)) {
	for y := 0; y < b.h; y += 4 {
		f((y/4+1)*b.line+1, y*b.w, min(4, b.h-y))
	}
}

func (b *blockDecoder) significance(plane int) {
	mag := int32(3) << plane
	b.stripes(func(at, first, rows int) {
		flags := b.flags[at:][:b.w]
		for x := range flags {
			f := flags[x]
			if f&anySig == 0 {
				continue
			}
			for i := range rows {
				n := f >> (3 * i) & 0x1FF
				if n == 0 || n&own != 0 {
					continue
				}
				if b.bit(&b.context[b.zero[n]]) == 1 {
					b.signAt(at+x, first+i*b.w+x, i, x, n, mag)
					f = flags[x]
				}
				f |= flagSeen << i
				flags[x] = f
			}
		}
	})
}

func (b *blockDecoder) significanceRaw(plane int) {
	mag := int32(3) << plane
	b.stripes(func(at, first, rows int) {
		for x := range b.w {
			for i := range rows {
				n := b.flags[at+x] >> (3 * i) & 0x1FF
				if n == 0 || n&own != 0 {
					continue
				}
				if b.raw.bit() == 1 {
					v := mag
					if b.raw.bit() == 1 {
						v |= signBit
					}
					b.data[first+i*b.w+x] = v
					b.mark(at+x, i)
				}
				b.flags[at+x] |= flagSeen << i
			}
		}
	})
}

// signAt decodes the sign of a sample that becomes significant (D.3.2).
func (b *blockDecoder) signAt(at, sample, i, x int, n uint32, mag int32) {
	side := func(bit, step int) int {
		if n>>bit&1 == 0 {
			return 0
		}
		return 1 + int(b.data[sample+step]>>31)*2
	}
	h := min(max(side(3, -1)+side(5, 1), -1), 1)
	v := min(max(side(1, -b.w)+side(7, b.w), -1), 1)
	flip := uint32(0)
	if h < 0 || h == 0 && v < 0 {
		flip, h, v = 1, -h, -v
	}
	if b.bit(&b.context[contextSign+3*h+v])^flip == 1 {
		mag |= signBit
	}
	b.data[sample] = mag
	b.mark(at, i)
}

// mark tells the neighbours of sample i in a column that it is significant.
func (b *blockDecoder) mark(at, i int) {
	bit := uint32(1) << (3*i + 3)
	b.flags[at-1] |= bit << 2
	b.flags[at] |= bit << 1
	b.flags[at+1] |= bit
	if i == 0 && !b.causal {
		up := b.flags[at-b.line-1:][:3]
		up[0] |= 4 << 15
		up[1] |= 2 << 15
		up[2] |= 1 << 15
	}
	if i == 3 {
		down := b.flags[at+b.line-1:][:3]
		down[0] |= 4
		down[1] |= 2
		down[2] |= 1
	}
}

func (b *blockDecoder) refine(plane int) {
	one := int32(1) << plane
	b.stripes(func(at, first, rows int) {
		flags := b.flags[at:][:b.w]
		for x := range flags {
			f := flags[x]
			if f&(own|own<<3|own<<6|own<<9) == 0 {
				continue
			}
			for i := range rows {
				if f>>(3*i)&own == 0 || f&(flagSeen<<i) != 0 {
					continue
				}
				cx := contextRefine + 2
				if f&(flagFined<<i) == 0 {
					cx = contextRefine
					if f>>(3*i)&(0x1FF&^own) != 0 {
						cx++
					}
				}
				if b.bit(&b.context[cx]) == 1 {
					b.data[first+i*b.w+x] += one
				} else {
					b.data[first+i*b.w+x] -= one
				}
				f |= flagFined << i
			}
			flags[x] = f
		}
	})
}

func (b *blockDecoder) refineRaw(plane int) {
	one := int32(1) << plane
	b.stripes(func(at, first, rows int) {
		for x := range b.w {
			for i := range rows {
				f := b.flags[at+x]
				if f>>(3*i)&own == 0 || f&(flagSeen<<i) != 0 {
					continue
				}
				if b.raw.bit() == 1 {
					b.data[first+i*b.w+x] += one
				} else {
					b.data[first+i*b.w+x] -= one
				}
				b.flags[at+x] |= flagFined << i
			}
		}
	})
}

func (b *blockDecoder) cleanup(plane int) {
	mag := int32(3) << plane
	b.stripes(func(at, first, rows int) {
		flags := b.flags[at:][:b.w]
		for x := range flags {
			f := flags[x]
			i, run := 0, false
			if rows == 4 && f&(anySig|0xF*flagSeen) == 0 {
				if b.bit(&b.context[contextRun]) == 0 {
					continue
				}
				u := &b.context[contextUniform]
				i = int(b.bit(u))<<1 | int(b.bit(u))
				run = true
			}
			for ; i < rows; i++ {
				n := f >> (3 * i) & 0x1FF
				if n&own != 0 || f&(flagSeen<<i) != 0 {
					continue
				}
				if run || b.bit(&b.context[b.zero[n]]) == 1 {
					run = false
					b.signAt(at+x, first+i*b.w+x, i, x, n, mag)
					f = flags[x]
				}
			}
			flags[x] &^= 0xF * flagSeen
		}
	})
}
