package j2k

// blockDecoder decodes the code-blocks of T.800 (annex D).
//
// The image is scanned in stripes of four rows. A word of flags has what is
// known of one column of a stripe: in bits 3r..3r+2 whether the sample left of
// it, its own and the one right of it in row r-1 are significant, for r = 0..5,
// so that bits 3i..3i+8 are the neighbourhood of sample i; and in bits 18+3r
// whether its own is negative. So what a pass asks of a column is had for all of
// its samples at once, sample i in bit 3i.
type blockDecoder struct {
	mq
	raw        rawBits
	data       []int32 // magnitude x 2 with its half bit, and the sign in the highest bit
	flags      []uint64
	list       []uint32    // room for the samples that a pass has of a stripe
	w, h, line int         // line: words of flags from stripe to stripe
	top        uint64      // 1: samples of the stripe above see the first row; 0: the code is causal
	zero       *[512]uint8 // context of significance by neighbourhood
	ht         htDecoder
}

const (
	own       = 4  // sample 0 is significant
	flagFined = 22 // it has been refined
	flagSeen  = 23 // the significance propagation pass has coded it
	eachRow   = 1 | 1<<3 | 1<<6 | 1<<9
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

// signContexts is table D.3: the context and, in bit 7, whether the sign is flipped,
// by whether the samples above, left, right and below are significant (bits 1, 3, 5
// and 7) and negative (bits 0, 2, 4 and 6).
var signContexts = func() (t [256]uint8) {
	for f := range t {
		side := func(bit int) int { return f >> bit & 1 * (1 - f>>(bit-1)&1*2) }
		h, v := min(max(side(3)+side(5), -1), 1), min(max(side(1)+side(7), -1), 1)
		flip := 0
		if h < 0 || h == 0 && v < 0 {
			flip, h, v = 1, -h, -v
		}
		t[f] = uint8(contextSign + 3*h + v + flip<<7)
	}
	return t
}()

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
	if len(b.list) < 4*b.w+1 {
		b.list = make([]uint32, 4*b.w+1)
	}
	b.top = 1
	if style&blockCausal != 0 {
		b.top = 0
	}
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
			for y := 0; y < b.h; y += 4 {
				s := b.stripe(y)
				b.part(&s, pass, plane, raw)
			}
			if pass == 2 && style&blockSymbols != 0 {
				r, v, one := b.registers, uint64(0), uint64(0)
				for range 4 {
					r, one = b.bit(r, contextUniform)
					v = v<<1 | one
				}
				b.registers = r
				if v != 10 {
					return broken("a segmentation symbol is wrong")
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

// part decodes what a pass has of a stripe.
func (b *blockDecoder) part(s *stripe, pass, plane int, raw bool) {
	switch {
	case pass == 0 && raw:
		b.significanceRaw(s, plane)
	case pass == 1 && raw:
		b.refineRaw(s, plane)
	case b.assembly(s, pass, plane):
	case pass == 0:
		b.significance(s, plane)
	case pass == 1:
		b.refine(s, plane)
	default:
		b.cleanup(s, plane)
	}
}
