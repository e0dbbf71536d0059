package codec

import "encoding/binary"

// maxCodeHeader is how far into a code its header is looked for.
const maxCodeHeader = 4096

// Lossy tells whether the code of the first frame says itself that something was
// lost: JPEG-LS with a NEAR above 0, JPEG 2000 and HTJ2K with the irreversible
// transform. A reversible code that was cut to a rate does not say so. What cannot be
// read says nothing; decoding tells why.
func (p Pixels) Lossy(src Source) bool {
	if !p.Encapsulated || p.syntax.pack != packJPEGLS && p.syntax.pack != packJPEG2000 {
		return false
	}
	code := p.begin(src)
	for at := 2; at+4 <= len(code); {
		marker, segment := binary.BigEndian.Uint16(code[at:]), code[at+2:]
		n := int(binary.BigEndian.Uint16(segment))
		if n < 2 || n > len(segment) {
			return false
		}
		switch segment = segment[:n]; marker {
		case 0xFFDA: // scan of JPEG-LS: length, components, two bytes for each, NEAR
			return p.syntax.pack == packJPEGLS && n > 5 && segment[5] > 0
		case 0xFF52: // coding style of JPEG 2000: the transform is its last byte but for the precincts
			return p.syntax.pack == packJPEG2000 && n > 11 && segment[11] == 0
		case 0xFF90: // a tile begins
			return false
		}
		at += 2 + n
	}
	return false
}

// begin is where the code of the first frame begins, as far as it can be read.
func (p Pixels) begin(src Source) (code []byte) {
	off := p.offset
	for i := 0; len(code) < maxCodeHeader && i < 64; i++ {
		f, ok, err := readItem(src, off)
		if err != nil || !ok || p.parted && off >= p.until {
			break
		}
		if off = f.end; i == 0 && !p.parted {
			continue // the offset table
		}
		at := len(code)
		code = append(code, make([]byte, min(f.end-f.value, int64(maxCodeHeader-at)))...)
		if readFull(src, code[at:], f.value) != nil {
			return code[:at]
		}
	}
	return code
}
