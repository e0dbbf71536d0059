package codec

import "math/bits"

// lsContext is the state of one context (T.87 A.2.1): sum of sizes, bias, count
// and correction.
type lsContext struct{ a, b, n, c int32 }

// runStep holds the orders of run-length codes (T.87 A.2.1).
var runStep = [32]uint8{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// lsCoder decodes rows of samples.
type lsCoder struct {
	in      lsBits
	context [365]lsContext
	ends    [2]lsContext // of what interrupts a run; b counts the negative ones
	run     int          // index of runStep

	level               []int8 // see gradients
	near, maxval, reset int32
	step, span          int32 // 2 NEAR + 1, and RANGE x that
	limit, qbpp         int
	fresh               int32 // first a of every context
}

func newLSCoder(d *jpegLS) *lsCoder {
	step := 2*d.near + 1
	values := (d.maxval+2*d.near)/step + 1 // RANGE
	depth := max(2, bits.Len(uint(d.maxval)))
	s := &lsCoder{
		level: d.gradients(), near: int32(d.near), maxval: int32(d.maxval), reset: int32(d.reset),
		step: int32(step), span: int32(values * step), qbpp: bits.Len(uint(values - 1)),
		limit: 2 * (depth + max(8, depth)), fresh: int32(max(2, (values+32)/64)),
	}
	s.start(d.code)
	return s
}

// start begins a scan or goes on behind a restart marker.
func (s *lsCoder) start(code []byte) {
	s.in, s.run = lsBits{code: code}, 0
	for i := range s.context {
		s.context[i] = lsContext{a: s.fresh, n: 1}
	}
	s.ends = [2]lsContext{{a: s.fresh, n: 1}, {a: s.fresh, n: 1}}
}

// row decodes one row. Element 0 of both is left of the image, and one more is
// right of it (T.87 A.2.1).
func (s *lsCoder) row(above, here []int32) {
	n := len(here) - 2
	above = above[:len(here)]
	middle := int(s.maxval)
	level, longest := s.level, s.limit-s.qbpp-1
	ra, rb, rc := here[0], above[1], above[0]
	for x := 1; x <= n; {
		rd := above[x+1]
		q := 81*int(level[middle+int(rd-rb)]) + 9*int(level[middle+int(rb-rc)]) + int(level[middle+int(rc-ra)])
		if q == 0 {
			x = s.runs(above, here, x)
			ra, rb, rc = here[x-1], above[x], above[x-1]
			if s.in.spent() {
				return
			}
			continue
		}
		sign := int32(q >> 63)
		c := &s.context[(q^int(sign))-int(sign)]
		// The prediction (T.87 A.4).
		low, high := min(ra, rb), max(ra, rb)
		p := min(max(ra+rb-rc, low), high)
		p = min(max(p+(c.c^sign-sign), 0), s.maxval)

		k := order(c.n, c.a)
		m := int32(s.in.golomb(k, longest, s.qbpp))
		e := m>>1 ^ -(m & 1)
		if k == 0 && s.near == 0 && 2*c.b <= -c.n {
			e = ^e
		}
		c.update(e, s.step, s.reset)
		ra = s.sample(p, e^sign-sign)
		here[x] = ra
		rc, rb = rb, rd
		x++
	}
}

// order is that of the Golomb code for errors of which n have a size of a in
// sum: the least k with n<<k >= a (T.87 A.5.1).
func order(n, a int32) int {
	k := max(0, bits.Len32(uint32(a))-bits.Len32(uint32(n)))
	if uint32(n)<<k < uint32(a) {
		k++
	}
	return k
}

// update learns from an error (T.87 A.6).
func (c *lsContext) update(e, step, reset int32) {
	b, a, n := c.b+e*step, c.a+max(e, -e), c.n
	if n == reset {
		a, b, n = a>>1, b>>1, n>>1
	}
	n++
	switch {
	case b <= -n:
		b = max(b+n, 1-n)
		c.c = max(c.c-1, -128)
	case b > 0:
		b = min(b-n, 0)
		c.c = min(c.c+1, 127)
	}
	c.a, c.b, c.n = a, b, n
}

// sample adds an error to its prediction (T.87 A.4.5).
func (s *lsCoder) sample(p, e int32) int32 {
	v := p + e*s.step
	if v < -s.near {
		v += s.span
	} else if v > s.maxval+s.near {
		v -= s.span
	}
	return min(max(v, 0), s.maxval)
}

// runs decodes a run from x on and the sample that ends it (T.87 A.7), and
// returns where the row goes on.
func (s *lsCoder) runs(above, here []int32, x int) int {
	n := len(here) - 2
	ra := here[x-1]
	for {
		if s.in.take(1) == 0 {
			count := s.in.take(int(runStep[s.run]))
			if count > n-x {
				s.in.broken = true
				count = n - x
			}
			for range count {
				here[x] = ra
				x++
			}
			break
		}
		count := 1 << runStep[s.run]
		if count <= n+1-x {
			s.run = min(s.run+1, 31)
		} else {
			count = n + 1 - x
		}
		for range count {
			here[x] = ra
			x++
		}
		if x > n || s.in.spent() {
			return x
		}
	}
	here[x] = s.end(ra, above[x])
	s.run = max(s.run-1, 0)
	return x + 1
}

// end decodes the sample that ends a run (T.87 A.7.2).
func (s *lsCoder) end(ra, rb int32) int32 {
	p, sign, kind := rb, int32(0), int32(0)
	switch d := ra - rb; {
	case max(d, -d) <= s.near:
		p, kind = ra, 1
	case d > 0:
		sign = -1
	}
	c := &s.ends[kind]
	k := order(c.n, c.a+kind*(c.n>>1))
	m := int32(s.in.golomb(k, s.limit-int(runStep[s.run])-1-s.qbpp-1, s.qbpp))
	odd := (m + kind) & 1
	e := (m + kind + odd) >> 1
	if (k != 0 || 2*c.b >= c.n) == (odd == 1) {
		e = -e
	}
	if e < 0 {
		c.b++
	}
	c.a += (m + 1 - kind) >> 1
	if c.n == s.reset {
		c.a, c.b, c.n = c.a>>1, c.b>>1, c.n>>1
	}
	c.n++
	return s.sample(p, e^sign-sign)
}
