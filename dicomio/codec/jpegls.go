package codec

import (
	"encoding/binary"
	"math/bits"
)

// jpegLS decodes one component of JPEG-LS (ITU-T T.87), lossless or
// near-lossless.
type jpegLS struct {
	code       []byte
	rows, cols int
	precision  int
	component  byte
	restart    int // rows between restart markers, 0: none
	framed     bool

	near, maxval, reset int
	threshold           [3]int
}

// decodeJPEGLS decodes one frame into raw: little endian, 8 or 16 bits a pixel
// as f says.
func decodeJPEGLS(code, raw []byte, f Shape) error {
	d := &jpegLS{}
	var err error
	if d.code, err = jpegSegments(code, d.segment); err != nil {
		return err
	}
	if err := f.fits(d.rows, d.cols, d.precision); err != nil {
		return err
	}
	if err := d.presets(); err != nil {
		return err
	}
	if err := d.scan(raw, f.Allocated/8); err != nil {
		return err
	}
	if d.near > 0 && d.precision > f.Stored && f.Allocated == 16 {
		d.clamp(raw, f)
	}
	return nil
}

// clamp keeps pixels that the code may have moved out of BitsStored within.
func (d *jpegLS) clamp(raw []byte, f Shape) {
	for i := 0; i+1 < len(raw); i += 2 {
		v := int(binary.LittleEndian.Uint16(raw[i:]))
		if f.Signed {
			v = int(int16(v<<(16-d.precision)) >> (16 - d.precision))
		}
		if c := f.clamp(v); max(c-v, v-c) <= d.near {
			binary.LittleEndian.PutUint16(raw[i:], uint16(c))
		}
	}
}

func (d *jpegLS) segment(marker byte, b []byte) error {
	switch {
	case marker == markerLS:
		if len(b) < 9 || b[5] != 1 {
			return refuse(CodePixelFormat, "the JPEG-LS frame does not have one component", nil)
		}
		d.precision, d.component, d.framed = int(b[0]), b[6], true
		d.rows, d.cols = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
		if d.precision < 2 || d.precision > 16 {
			return refuse(CodePixelFormat, "the JPEG-LS precision is not 2 to 16 bits", nil)
		}
	case marker == markerPresets:
		if len(b) == 0 || b[0] != 1 {
			return refuse(CodePixelFormat, "the JPEG-LS code has mapping tables or an oversize frame", nil)
		}
		if len(b) < 11 {
			return jpegBroken("its presets are cut")
		}
		d.maxval, d.reset = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[9:]))
		for i := range d.threshold {
			d.threshold[i] = int(binary.BigEndian.Uint16(b[3+2*i:]))
		}
	case marker == markerRestart:
		if len(b) < 2 || len(b) > 4 {
			return jpegBroken("its restart interval is wrong")
		}
		d.restart = 0
		for _, v := range b { // T.87 C.2.5
			d.restart = d.restart<<8 | int(v)
		}
	case marker == markerScan:
		if !d.framed {
			return jpegBroken("it has no frame header")
		}
		if len(b) < 6 || b[0] != 1 || b[1] != d.component {
			return jpegBroken("its scan header is wrong")
		}
		if b[2] != 0 || b[4] != 0 || b[5] != 0 {
			return refuse(CodePixelFormat, "the JPEG-LS scan has a mapping table, interleaved components or a point transform", nil)
		}
		d.near = int(b[3])
	case marker >= 0xC0 && marker <= 0xCF && marker != markerHuffman:
		return refuse(CodePixelFormat, "the code is not of JPEG-LS, which the transfer syntax names", nil)
	}
	return nil
}

// presets fills in the defaults of T.87 C.2.4.1.1 and checks what is given.
func (d *jpegLS) presets() error {
	full := 1<<d.precision - 1
	if d.maxval == 0 {
		d.maxval = full
	}
	if d.maxval > full || d.near > min(255, d.maxval/2) {
		return jpegBroken("its presets are wrong")
	}
	if d.reset == 0 {
		d.reset = 64
	}
	var t [3]int
	base := [3]int{3, 7, 21}
	if d.maxval >= 128 {
		factor := (min(d.maxval, 4095) + 128) / 256
		for i, v := range base {
			t[i] = factor*(v-2-i) + 2 + i + (3+2*i)*d.near
		}
	} else {
		factor := 256 / (d.maxval + 1)
		for i, v := range base {
			t[i] = max(2+i, v/factor+(3+2*i)*d.near)
		}
	}
	low := d.near + 1
	for i := range t {
		if t[i] > d.maxval || t[i] < low {
			t[i] = low
		}
		if d.threshold[i] != 0 {
			t[i] = d.threshold[i]
		}
		if t[i] < low || t[i] > d.maxval {
			return jpegBroken("its presets are wrong")
		}
		low = t[i]
	}
	d.threshold = t
	if d.reset < 3 {
		return jpegBroken("its presets are wrong")
	}
	return nil
}

// gradients is the table by which local gradients are quantised (T.87 A.3.3),
// with that of 0 in its middle.
func (d *jpegLS) gradients() []int8 {
	table := make([]int8, 2*d.maxval+1)
	bounds := [4]int{d.near + 1, d.threshold[0], d.threshold[1], d.threshold[2]}
	level := int8(0)
	for size := range d.maxval + 1 {
		for level < 4 && size >= bounds[level] {
			level++
		}
		table[d.maxval+size], table[d.maxval-size] = level, -level
	}
	return table
}

// scan decodes the samples row by row.
func (d *jpegLS) scan(raw []byte, width int) error {
	s := newLSCoder(d)
	above, here := make([]int32, d.cols+2), make([]int32, d.cols+2)
	for y := range d.rows {
		if y > 0 && d.restart > 0 && y%d.restart == 0 {
			rest, err := afterRestart(s.in.rest())
			if err != nil {
				return err
			}
			s.start(rest)
			clear(above)
		}
		here[0] = above[1]
		above[d.cols+1] = above[d.cols]
		s.row(above, here)
		switch {
		case s.in.spent():
			return jpegCut()
		case s.in.broken:
			return jpegBroken("a code is longer than any can be")
		}
		out := raw[y*d.cols*width:][:d.cols*width]
		if width == 2 {
			for x, v := range here[1 : d.cols+1] {
				binary.LittleEndian.PutUint16(out[2*x:], uint16(v))
			}
		} else {
			for x, v := range here[1 : d.cols+1] {
				out[x] = byte(v)
			}
		}
		above, here = here, above
	}
	return nil
}

// lsBits reads the bits of a scan, the next one in the highest place. A bit is
// stuffed behind every byte of ones (T.87 A.1).
type lsBits struct {
	code   []byte
	acc    uint64
	n      int // bits in acc, negative: more were taken than there are
	ones   bool
	broken bool
}

// fill makes sure of 32 bits, as far as there are any.
func (b *lsBits) fill() {
	if !b.ones && len(b.code) >= 4 {
		v := binary.BigEndian.Uint32(b.code)
		if (^v-0x01010101)&v&0x80808080 == 0 { // no byte is 0xFF
			b.acc |= uint64(v) << (32 - b.n)
			b.n += 32
			b.code = b.code[4:]
			return
		}
	}
	for b.n <= 48 && len(b.code) > 0 {
		v := b.code[0]
		if b.ones {
			if v >= 0x80 {
				return // a marker
			}
			b.acc |= uint64(v) << (57 - b.n)
			b.n += 7
		} else {
			if v == 0xFF && len(b.code) > 1 && b.code[1] >= 0x80 {
				return
			}
			b.acc |= uint64(v) << (56 - b.n)
			b.n += 8
		}
		b.ones = v == 0xFF
		b.code = b.code[1:]
	}
}

func (b *lsBits) spent() bool { return b.n < 0 }

// rest is what follows the bits.
func (b *lsBits) rest() []byte {
	if b.ones && len(b.code) > 0 && b.code[0] < 0x80 {
		return b.code[1:] // only the bit stuffed behind the last byte
	}
	return b.code
}

func (b *lsBits) take(n int) int {
	if b.n < 32 {
		if b.n < 0 {
			return 0
		}
		b.fill()
	}
	v := int(b.acc >> (64 - n))
	b.acc <<= n
	b.n -= n
	return v
}

// golomb decodes a limited Golomb code (T.87 A.5.3): ones of qbpp bits where
// longest zeros come first. No error is mapped to more than 1<<qbpp.
func (b *lsBits) golomb(k, longest, qbpp int) int {
	if b.n < 32 {
		if b.n < 0 {
			return 0
		}
		b.fill()
	}
	zeros := bits.LeadingZeros64(b.acc)
	if used := zeros + 1 + k; used <= b.n && zeros < longest {
		v := zeros<<k | int(b.acc<<(zeros+1)>>1>>(63-k))
		b.acc <<= used
		b.n -= used
		if v > 1<<qbpp {
			b.broken = true
			v = 0
		}
		return v
	}
	zeros = 0
	for {
		z := min(bits.LeadingZeros64(b.acc), b.n)
		zeros += z
		b.acc <<= z
		if b.n -= z; b.n > 0 {
			break
		}
		if b.fill(); b.n <= 0 {
			b.n = -1
			return 0
		}
	}
	b.take(1)
	v := 0
	switch {
	case zeros < longest:
		v = zeros<<k | b.take(k)
	case zeros == longest:
		v = b.take(qbpp) + 1
	}
	if zeros > longest || v > 1<<qbpp {
		b.broken = true
		v = 0
	}
	return v
}
