package j2k

import "math/bits"

// State of a context of the arithmetic decoder: a row of table C.2 with the symbol
// that is more probable, packed in a word so that one load has what a symbol needs.
const (
	mqQe    = 0xFFFFFFFF // << 16, as the registers are
	mqIndex = 36         // in mqStates and mqAfter, 12 bits: what comes after it is 16 bytes
	mqShift = 48         // by how much Qe is less than half an interval, in bits
	mqMPS   = 63         // the more probable symbol
)

// mqStates holds state 2i+s: row i, more probable symbol s. mqAfter has which states
// come after it: the first after the more probable symbol, the second after the other
// one. The rest is there so that no index lies outside.
var mqStates, mqAfter = func() (t [128]int64, after [128][2]int64) {
	rows := [47]struct {
		qe         uint64
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
		for s := range uint64(2) {
			t[2*i+int(s)] = int64(r.qe<<16 | (2*uint64(i)+s)<<mqIndex | uint64(bits.LeadingZeros16(uint16(r.qe)))<<mqShift | s<<mqMPS)
		}
	}
	for i, r := range rows {
		for s := range uint8(2) {
			less := 2*r.nlps + s
			if r.flip {
				less ^= 1
			}
			after[2*i+int(s)] = [2]int64{t[2*r.nmps+s], t[less]}
		}
	}
	return t, after
}()

// mq is the arithmetic decoder (annex C).
type mq struct {
	context [32]int64
	after   [128][2]int64 // mqAfter, where one register reaches it
	registers
	code   []byte // with two bytes of ones behind the end
	at     int
	beyond int // bytes taken behind the end
}

// registers are A and C, both << 16, and how many bits of C are left before the
// next byte.
type registers struct {
	a, c, left int64
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
	if m.after[0][0] == 0 {
		m.after = mqAfter
	}
	for i := range m.context {
		m.context[i] = mqStates[0]
	}
	m.context[0], m.context[contextRun], m.context[contextUniform] = mqStates[4<<1], mqStates[3<<1], mqStates[46<<1]
}

// start begins a codeword (C.3.5).
func (m *mq) start(code []byte) {
	m.code, m.at, m.beyond = append(append(m.code[:0], code...), 0xFF, 0xFF), 0, 0
	c, left := m.fill(int64(m.code[0])<<16<<7, -7)
	m.registers = registers{mqOne, c, left}
}

// fill adds bytes to C, which is -left bits ahead of them (C.3.4). Ones stand behind
// the end.
func (m *mq) fill(c, left int64) (int64, int64) {
	for left < 0 {
		ahead := -left & 63
		last, next := m.code[m.at], m.code[m.at+1]
		switch {
		case last != 0xFF && next != 0xFF: // two at once
			c += (int64(next)<<8 | int64(m.code[m.at+2])) << ahead
			left += 16
			m.at += 2
		case last != 0xFF:
			c += 0xFF00 << ahead
			left += 8
			m.at++
		case next > 0x8F:
			c += 0xFF00 << ahead
			left += 8
			m.beyond++
		default:
			c += int64(next) << 9 << ahead
			left += 7
			m.at++
		}
	}
	return c, left
}

// bit decodes one symbol (C.3.2).
func (m *mq) bit(r registers, cx int) (registers, uint64) {
	s := m.context[cx&31]
	a, c, n, less, half := interval(r.a, r.c, s)
	m.context[cx&31] = next(s, less, half)
	left := r.left - n
	if left < 0 {
		c, left = m.fill(c, left)
	}
	return registers{a, c, left}, uint64(s>>mqMPS^less) & 1
}

// interval divides A and C as state s says, and brings what is left back to at least half an interval, by
// n bits. less is -1 where the less probable symbol came, half where n > 0. Which is it is computed
// without a jump: nobody foretells it.
func interval(a, c, s int64) (na, nc, n, less, half int64) {
	qe := s & mqQe
	a -= qe
	c -= qe
	below := c >> 63 // in the lower interval
	half = (a - mqOne) >> 63
	n = -half - (a-mqOne/2)>>63
	n ^= (n ^ s>>mqShift&15) & below
	return (a + (qe-a)&below) << (n & 63), (c + qe&below) << (n & 63), n, below ^ (a-qe)>>63, half | below
}

// next is the state after s.
func next(s, less, half int64) int64 {
	after := &mqAfter[s>>mqIndex&127]
	return s ^ (s^after[0]^(after[0]^after[1])&less)&half
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
