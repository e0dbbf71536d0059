package j2k

// mqState is a row of table C.2 with the symbol that is more probable.
type mqState struct {
	qe         int64 // << 16, as the registers are
	mps        uint8
	nmps, nlps uint8 // next states, with their symbols
}

// mqStates holds state 2i+s: row i, more probable symbol s. The rest is there so
// that no index lies outside.
var mqStates = func() (t [128]mqState) {
	rows := [47]struct {
		qe         int64
		nmps, nlps uint8
		flip       bool
	}{
		{0x5601, 1, 1, true}, {0x3401, 2, 6, false}, {0x1801, 3, 9, false}, {0x0AC1, 4, 12, false},
		{0x0521, 5, 29, false}, {0x0221, 38, 33, false}, {0x5601, 7, 6, true}, {0x5401, 8, 14, false},
		{0x4801, 9, 14, false}, {0x3801, 10, 14, false}, {0x3001, 11, 17, false}, {0x2401, 12, 18, false},
		{0x1C01, 13, 20, false}, {0x1601, 29, 21, false}, {0x5601, 15, 14, true}, {0x5401, 16, 14, false},
		{0x5101, 17, 15, false}, {0x4801, 18, 16, false}, {0x3801, 19, 17, false}, {0x3401, 20, 18, false},
		{0x3001, 21, 19, false}, {0x2801, 22, 19, false}, {0x2401, 23, 20, false}, {0x2201, 24, 21, false},
		{0x1C01, 25, 22, false}, {0x1801, 26, 23, false}, {0x1601, 27, 24, false}, {0x1401, 28, 25, false},
		{0x1201, 29, 26, false}, {0x1101, 30, 27, false}, {0x0AC1, 31, 28, false}, {0x09C1, 32, 29, false},
		{0x08A1, 33, 30, false}, {0x0521, 34, 31, false}, {0x0441, 35, 32, false}, {0x02A1, 36, 33, false},
		{0x0221, 37, 34, false}, {0x0141, 38, 35, false}, {0x0111, 39, 36, false}, {0x0085, 40, 37, false},
		{0x0049, 41, 38, false}, {0x0025, 42, 39, false}, {0x0015, 43, 40, false}, {0x0009, 44, 41, false},
		{0x0005, 45, 42, false}, {0x0001, 45, 43, false}, {0x5601, 46, 46, false},
	}
	for i, r := range rows {
		for s := range uint8(2) {
			lps := s
			if r.flip {
				lps = 1 - s
			}
			t[2*i+int(s)] = mqState{r.qe << 16, s, 2*r.nmps + s, 2*r.nlps + lps}
		}
	}
	return t
}()

// mqQe is what the likely case needs of mqStates, so that bit is inlined.
var mqQe = func() (t [256]int64) {
	for i, s := range mqStates {
		t[i] = s.qe
	}
	return t
}()

// mq is the arithmetic decoder (annex C). Registers A and C are a+d and c+d,
// both << 16: as long as d stays positive, the more probable symbol comes and
// nothing is renormalised.
type mq struct {
	d, a, c int64
	count   int
	code    []byte
	at      int
	beyond  int // bytes taken behind the end
	context [19]uint8
}

const (
	mqOne    = 0x8000 << 16
	maxAfter = 64 // bytes of ones that a decoder may take behind the end
)

// Contexts (table D.7): 0..8 significance, 9..13 sign, 14..16 refinement.
const (
	contextSign    = 9
	contextRefine  = 14
	contextRun     = 17
	contextUniform = 18
)

func (m *mq) resetContexts() {
	m.context = [19]uint8{}
	m.context[0], m.context[contextRun], m.context[contextUniform] = 4<<1, 3<<1, 46<<1
}

// start begins a codeword (C.3.5).
func (m *mq) start(code []byte) {
	m.code, m.at, m.beyond = code, 0, 0
	c := int64(0xFF) << 16
	if len(code) > 0 {
		c = int64(code[0]) << 16
	}
	c = m.byteIn(c)
	c <<= 7
	m.count -= 7
	m.set(mqOne, c)
}

func (m *mq) set(a, c int64) {
	m.d = min(a-mqOne, c)
	m.a, m.c = a-m.d, c-m.d
}

// byteIn is C.3.4; ones stand behind the end.
func (m *mq) byteIn(c int64) int64 {
	last, next := byte(0xFF), byte(0xFF)
	if m.at < len(m.code) {
		last = m.code[m.at]
	}
	if m.at+1 < len(m.code) {
		next = m.code[m.at+1]
	}
	if last == 0xFF && next > 0x8F {
		m.count = 8
		m.beyond++
		return c + 0xFF00
	}
	m.at++
	if last == 0xFF {
		m.count = 7
		return c + int64(next)<<9
	}
	m.count = 8
	return c + int64(next)<<8
}

// bit decodes one symbol.
func (m *mq) bit(cx *uint8) uint32 {
	if m.d -= mqQe[*cx]; m.d >= 0 {
		return uint32(*cx & 1)
	}
	return m.renormalise(cx)
}

func (m *mq) renormalise(cx *uint8) uint32 {
	s := &mqStates[*cx&127]
	a, c := m.a+m.d, m.c+m.d
	v := s.mps
	switch {
	case c < 0: // the lower interval (C.3.2)
		c += s.qe
		if a < s.qe {
			*cx = s.nmps
		} else {
			v, *cx = 1-v, s.nlps
		}
		a = s.qe
	case a < s.qe:
		v, *cx = 1-v, s.nlps
	default:
		*cx = s.nmps
	}
	for a < mqOne {
		if m.count == 0 {
			c = m.byteIn(c)
		}
		a, c = a<<1, c<<1
		m.count--
	}
	m.set(a, c)
	return uint32(v)
}

// rawBits reads the bits of passes that are not coded (D.6).
type rawBits struct {
	code   []byte
	acc    byte
	left   int
	beyond int
}

func (r *rawBits) bit() uint32 {
	if r.left == 0 {
		r.left = 8
		if r.acc == 0xFF {
			r.left = 7
		}
		r.acc = 0xFF
		if len(r.code) > 0 {
			r.acc, r.code = r.code[0], r.code[1:]
		} else {
			r.beyond++
		}
	}
	r.left--
	return uint32(r.acc>>r.left) & 1
}
