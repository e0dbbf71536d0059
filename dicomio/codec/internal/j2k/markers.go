package j2k

import "encoding/binary"

// Marker codes (T.800 table A.2, T.814 annex A).
const (
	markSOC = 0xFF4F
	markCAP = 0xFF50
	markSIZ = 0xFF51
	markCOD = 0xFF52
	markCOC = 0xFF53
	markQCD = 0xFF5C
	markQCC = 0xFF5D
	markRGN = 0xFF5E
	markPOC = 0xFF5F
	markPPM = 0xFF60
	markPPT = 0xFF61
	markSOT = 0xFF90
	markSOP = 0xFF91
	markEPH = 0xFF92
	markSOD = 0xFF93
	markEOC = 0xFFD9
)

// size is SIZ (A.5.1), on the reference grid.
type size struct {
	x0, y0, x1, y1     int // the image
	tx0, ty0, tdx, tdy int // the first tile and the size of tiles
	precision          int
	signed             bool
}

// coding is COD and COC (A.6.1, A.6.2).
type coding struct {
	style       byte
	progression byte
	layers      int
	levels      int
	xcb, ycb    int // log2 of the size of code-blocks
	blocks      byte
	reversible  bool
	precinct    [33][2]int // log2 of their width and height
}

const (
	blockBypass    = 1
	blockReset     = 2
	blockTerminate = 4
	blockCausal    = 8
	blockSymbols   = 32
	blockHT        = 64  // T.814 annex A: all code-blocks are of T.814
	blockMixed     = 128 // with blockHT: some are
)

// quantisation is QCD and QCC (A.6.4).
type quantisation struct {
	style    byte
	guard    int
	exponent [97]int
	mantissa [97]int
	count    int
}

type codestream struct {
	code  []byte
	size  size
	sized bool
	params
}

// params are of the whole image, or of one tile.
type params struct {
	cod              coding
	qcd              quantisation
	coded, quantised bool
	ownCod, ownQcd   bool // of the component: COC and QCC go before COD and QCD
}

func (c *codestream) mainHeader() error {
	b := c.code
	if len(b) < 4 || binary.BigEndian.Uint16(b) != markSOC || binary.BigEndian.Uint16(b[2:]) != markSIZ {
		return broken("it does not start with SOC and SIZ")
	}
	b = b[2:]
	for {
		marker, body, rest, err := segment(b)
		if err != nil {
			return err
		}
		switch marker {
		case markSIZ:
			err = c.readSize(body)
		case markSOT:
			c.code = b
			if !c.sized || !c.coded || !c.quantised {
				return broken("SIZ, COD or QCD is missing")
			}
			return nil
		default:
			err = c.params.read(marker, body)
		}
		if err != nil {
			return err
		}
		b = rest
	}
}

// segment reads one marker segment.
func segment(b []byte) (marker int, body, rest []byte, err error) {
	if len(b) < 4 {
		return 0, nil, nil, ErrCut
	}
	marker = int(binary.BigEndian.Uint16(b))
	n := int(binary.BigEndian.Uint16(b[2:]))
	if marker < 0xFF01 || n < 2 {
		return 0, nil, nil, broken("a marker segment is wrong")
	}
	if 2+n > len(b) {
		return 0, nil, nil, ErrCut
	}
	return marker, b[4 : 2+n], b[2+n:], nil
}

func (c *codestream) readSize(b []byte) error {
	if len(b) < 39 || c.sized {
		return broken("SIZ is wrong")
	}
	u := func(at int) int { return int(binary.BigEndian.Uint32(b[at:])) }
	s := &c.size
	s.x1, s.y1, s.x0, s.y0 = u(2), u(6), u(10), u(14)
	s.tdx, s.tdy, s.tx0, s.ty0 = u(18), u(22), u(26), u(30)
	if binary.BigEndian.Uint16(b[34:]) != 1 || b[37] != 1 || b[38] != 1 {
		return unsupported("more than one component, or a subsampled one")
	}
	s.precision, s.signed = int(b[36]&0x7F)+1, b[36]&0x80 != 0
	switch {
	case s.x0 >= s.x1 || s.y0 >= s.y1 || s.tdx == 0 || s.tdy == 0 || s.tx0 > s.x0 || s.ty0 > s.y0 ||
		s.tx0+s.tdx <= s.x0 || s.ty0+s.tdy <= s.y0:
		return broken("SIZ is wrong")
	case s.precision > 16:
		return unsupported("more than 16 bits")
	}
	c.sized = true
	return nil
}

// read takes a marker segment of a main header or of a tile-part's.
func (p *params) read(marker int, b []byte) error {
	switch marker {
	case markCOD:
		if len(b) < 10 {
			return broken("COD is cut")
		}
		own := p.cod
		if err := p.cod.read(b[0], b[5:], b); err != nil {
			return err
		}
		if p.ownCod { // only what holds for all components
			own.progression, own.layers, own.style = p.cod.progression, p.cod.layers, own.style&1|b[0]&6
			p.cod = own
		}
		p.coded = true
	case markCOC:
		if len(b) < 7 || b[0] != 0 {
			return broken("COC is wrong")
		}
		style := p.cod.style&^1 | b[1]&1
		p.ownCod = true
		return p.cod.read(style, b[2:], nil)
	case markQCD:
		if p.ownQcd {
			return nil
		}
		p.quantised = true
		return p.qcd.read(b)
	case markQCC:
		if len(b) < 2 || b[0] != 0 {
			return broken("QCC is wrong")
		}
		p.ownQcd, p.quantised = true, true
		return p.qcd.read(b[1:])
	case markRGN:
		return unsupported("a region of interest")
	case markPOC:
		return unsupported("a change of progression")
	case markPPM, markPPT:
		return unsupported("packed packet headers")
	}
	return nil
}

// read takes the parameters from b, and what holds for all components from
// common, where that is there.
func (c *coding) read(style byte, b, common []byte) error {
	c.style = style
	if common != nil {
		c.progression, c.layers = common[1], int(binary.BigEndian.Uint16(common[2:]))
		if c.layers == 0 || c.progression > 4 {
			return broken("COD is wrong")
		}
	}
	c.levels = int(b[0])
	c.xcb, c.ycb = int(b[1])+2, int(b[2])+2
	c.blocks, c.reversible = b[3], b[4] == 1
	if c.levels > 32 || c.xcb > 10 || c.ycb > 10 || c.xcb+c.ycb > 12 || b[4] > 1 {
		return broken("COD is wrong")
	}
	switch own := c.blocks &^ (blockHT | blockMixed); {
	case c.blocks&(blockHT|blockMixed) == blockMixed:
		return unsupported("code-blocks of an unknown kind")
	case c.blocks&blockMixed != 0 && own&(blockBypass|blockTerminate) != 0:
		return unsupported("code-blocks of both T.800 and T.814, with several codewords in one")
	case c.blocks&(blockHT|blockMixed) == blockHT && own&^blockCausal != 0:
		return unsupported("code-blocks of T.814 with a style of T.800")
	}
	for r := range c.levels + 1 {
		c.precinct[r] = [2]int{15, 15}
		if style&1 != 0 {
			if len(b) < 6+r {
				return broken("COD is cut")
			}
			c.precinct[r] = [2]int{int(b[5+r] & 15), int(b[5+r] >> 4)}
			if r > 0 && (b[5+r]&15 == 0 || b[5+r]>>4 == 0) {
				return broken("COD is wrong")
			}
		}
	}
	return nil
}

func (q *quantisation) read(b []byte) error {
	if len(b) < 2 {
		return broken("QCD is cut")
	}
	q.style, q.guard = b[0]&31, int(b[0]>>5)
	b, q.count = b[1:], 0
	switch q.style {
	case 0:
		for _, v := range b[:min(len(b), len(q.exponent))] {
			q.exponent[q.count], q.mantissa[q.count] = int(v>>3), 0
			q.count++
		}
	case 1, 2:
		for len(b) >= 2 && q.count < len(q.exponent) {
			v := int(binary.BigEndian.Uint16(b))
			q.exponent[q.count], q.mantissa[q.count] = v>>11, v&0x7FF
			q.count++
			b = b[2:]
		}
	default:
		return broken("QCD is wrong")
	}
	if q.count == 0 || q.style == 1 && q.count > 1 {
		return broken("QCD is wrong")
	}
	return nil
}

// of returns exponent and mantissa of a subband: LL is 0, those of resolution r
// are 3r-2 and on (E.1).
func (q *quantisation) of(index, resolution int) (exponent, mantissa int, err error) {
	if q.style == 1 {
		return q.exponent[0] - max(resolution-1, 0), q.mantissa[0], nil
	}
	if index >= q.count {
		return 0, 0, broken("QCD has too few subbands")
	}
	return q.exponent[index], q.mantissa[index], nil
}

// tiles reads the tile-parts (A.4.2) and joins those of every tile.
func (c *codestream) tiles() ([]tile, error) {
	s := &c.size
	wide, high := ceilDiv(s.x1-s.tx0, s.tdx), ceilDiv(s.y1-s.ty0, s.tdy)
	if wide > maxTiles || high > maxTiles || wide*high > maxTiles {
		return nil, ErrLimit
	}
	list := make([]tile, wide*high)
	for i := range list {
		t := &list[i]
		p, q := i%wide, i/wide
		t.x0, t.x1 = max(s.tx0+p*s.tdx, s.x0), min(s.tx0+(p+1)*s.tdx, s.x1)
		t.y0, t.y1 = max(s.ty0+q*s.tdy, s.y0), min(s.ty0+(q+1)*s.tdy, s.y1)
	}
	for b := c.code; ; {
		if len(b) >= 2 && binary.BigEndian.Uint16(b) == markEOC {
			break
		}
		rest, err := c.tilePart(b, list)
		if err != nil {
			return nil, err
		}
		b = rest
	}
	for i := range list {
		if list[i].params == nil {
			return nil, ErrCut
		}
	}
	return list, nil
}

func (c *codestream) tilePart(b []byte, list []tile) (rest []byte, err error) {
	marker, body, after, err := segment(b)
	if err != nil {
		return nil, err
	}
	if marker != markSOT || len(body) != 8 {
		return nil, broken("a tile-part does not start with SOT")
	}
	index, length := int(binary.BigEndian.Uint16(body)), int(binary.BigEndian.Uint32(body[2:]))
	if index >= len(list) {
		return nil, broken("a tile lies outside the image")
	}
	if length == 0 { // up to the end of the code
		length = len(b)
		ends := func(n int) bool { return n >= 2 && binary.BigEndian.Uint16(b[n-2:]) == markEOC }
		if length > 2 && b[length-1] == 0 && ends(length-1) { // a fragment has an even length
			length--
		}
		if ends(length) {
			length -= 2
		}
	}
	if length > len(b) {
		return nil, ErrCut
	}
	if length < 14 {
		return nil, broken("a tile-part is too short")
	}
	rest, after = b[length:], b[len(b)-len(after):length]
	t := &list[index]
	first := t.params == nil
	if first {
		t.params = &params{}
		*t.params = c.params
		t.params.ownCod, t.params.ownQcd = false, false
	}
	for {
		if len(after) >= 2 && binary.BigEndian.Uint16(after) == markSOD {
			t.body = append(t.body, after[2:]...)
			return rest, nil
		}
		marker, body, next, err := segment(after)
		if err != nil {
			return nil, err
		}
		if err := t.params.read(marker, body); err != nil {
			return nil, err
		}
		after = next
	}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// ceilShift is a/2^n, rounded up.
func ceilShift(a, n int) int { return (a + 1<<n - 1) >> n }
