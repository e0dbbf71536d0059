package codec

import (
	"encoding/binary"
	"math"
)

// jpegDCT decodes one component of JPEG baseline and extended sequential
// (ITU-T T.81 annex F), Huffman coded, of 8 or 12 bits.
type jpegDCT struct {
	jpegBits
	rows, cols int
	precision  int
	stored     int // bits that a pixel may have
	component  byte
	quantiser  byte
	restart    int // blocks between restart markers, 0: none
	tables     [8]*huffman
	steps      [4]*[64]float64 // in zigzag order
	dc, ac     *huffman
}

// decodeJPEGDCT decodes one frame into raw: little endian, 8 or 16 bits a pixel
// as s says.
func decodeJPEGDCT(code, raw []byte, s Shape) (err error) {
	d := &jpegDCT{stored: s.Stored}
	if d.code, err = jpegSegments(code, d.segment); err != nil {
		return err
	}
	if err := s.fits(d.rows, d.cols, d.precision); err != nil {
		return err
	}
	return d.scan(raw, s.Allocated/8)
}

func (d *jpegDCT) segment(marker byte, b []byte) error {
	switch {
	case marker == 0xC0 || marker == 0xC1:
		if len(b) < 9 || b[5] != 1 {
			return refuse(CodePixelFormat, "the JPEG frame does not have one component", nil)
		}
		d.precision, d.component, d.quantiser = int(b[0]), b[6], b[8]
		d.rows, d.cols = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
		if d.precision != 8 && d.precision != 12 {
			return refuse(CodePixelFormat, "the JPEG precision is not 8 or 12 bits", nil)
		}
	case marker == markerHuffman:
		return huffmanTables(b, d.tables[:])
	case marker == 0xDB:
		return d.quantisers(b)
	case marker == markerRestart && len(b) >= 2:
		d.restart = int(binary.BigEndian.Uint16(b))
	case marker == markerScan:
		return d.scanHeader(b)
	case marker >= 0xC2 && marker <= 0xCF || marker == markerLS:
		return refuse(CodePixelFormat, "the JPEG code is not of the sequential process that the transfer syntax names", nil)
	}
	return nil
}

// quantisers reads DQT (B.2.4.1).
func (d *jpegDCT) quantisers(b []byte) error {
	for len(b) > 0 {
		width, id := int(b[0]>>4)+1, b[0]&15
		if width > 2 || id > 3 || len(b) < 1+64*width {
			return jpegBroken("a quantisation table is wrong")
		}
		t := &[64]float64{}
		for i := range t {
			t[i] = float64(b[1+i*width])
			if width == 2 {
				t[i] = float64(binary.BigEndian.Uint16(b[1+2*i:]))
			}
		}
		d.steps[id] = t
		b = b[1+64*width:]
	}
	return nil
}

func (d *jpegDCT) scanHeader(b []byte) error {
	switch {
	case d.precision == 0:
		return jpegBroken("it has no frame header")
	case len(b) < 6 || b[0] != 1 || b[1] != d.component || b[2]&0xCC != 0 || d.quantiser > 3:
		return jpegBroken("its scan header is wrong")
	case b[3] != 0 || b[4] != 63 || b[5] != 0:
		return refuse(CodePixelFormat, "the JPEG scan does not hold whole blocks", nil)
	}
	d.dc, d.ac = d.tables[b[2]>>4], d.tables[4+b[2]&3]
	if d.dc == nil || d.ac == nil || d.steps[d.quantiser] == nil {
		return jpegBroken("a table is missing")
	}
	return nil
}

// zigzag is figure 5 of T.81: where coefficients lie in a block.
var zigzag = func() (t [64]int) {
	x, y := 0, 0
	for i := range t {
		t[i] = 8*y + x
		switch up := (x+y)%2 == 0; {
		case up && x == 7:
			y++
		case up && y == 0:
			x++
		case up:
			x, y = x+1, y-1
		case y == 7:
			x++
		case x == 0:
			y++
		default:
			x, y = x-1, y+1
		}
	}
	return t
}()

// cosines holds the basis of A.3.3: half of C(u) cos((2x+1) u pi/16).
var cosines = func() (t [8][8]float64) {
	for x := range 8 {
		for u := range 8 {
			t[x][u] = 0.5 * math.Cos(float64(2*x+1)*float64(u)*math.Pi/16)
			if u == 0 {
				t[x][u] = 0.5 * math.Sqrt2 / 2
			}
		}
	}
	return t
}()

// scan decodes the blocks row by row.
func (d *jpegDCT) scan(raw []byte, width int) error {
	wide, high := (d.cols+7)/8, (d.rows+7)/8
	last := 0 // DC of the block before
	var block, half [64]float64
	for i := range wide * high {
		if d.restart > 0 && i > 0 && i%d.restart == 0 {
			if err := d.resync(); err != nil {
				return err
			}
			last = 0
		}
		if err := d.block(&block, &last); err != nil {
			return err
		}
		d.transform(&block, &half)
		d.put(&block, raw, width, i%wide*8, i/wide*8)
	}
	return nil
}

// block decodes the coefficients of a block (F.2.2).
func (d *jpegDCT) block(block *[64]float64, last *int) error {
	*block = [64]float64{}
	steps := d.steps[d.quantiser]
	diff, ok := d.difference(d.dc)
	if !ok {
		return jpegBroken("a code is not in its Huffman table")
	}
	*last += diff
	block[0] = float64(*last) * steps[0]
	for k := 1; k < 64; k++ {
		v := d.symbol(d.ac)
		if v < 0 {
			return jpegBroken("a code is not in its Huffman table")
		}
		size := v & 15
		if size == 0 {
			if v>>4 != 15 {
				break
			}
			k += 15
			continue
		}
		k += v >> 4
		if k > 63 {
			return jpegBroken("a block has more than 64 coefficients")
		}
		c := d.take(size)
		if c < 1<<(size-1) {
			c -= 1<<size - 1
		}
		block[zigzag[k]] = float64(c) * steps[k]
	}
	if d.spent {
		return jpegCut()
	}
	return nil
}

// transform is the inverse DCT of A.3.3, rows first.
func (d *jpegDCT) transform(block, half *[64]float64) {
	for y := range 8 {
		row := block[8*y : 8*y+8]
		for x := range 8 {
			s := 0.0
			for u, c := range &cosines[x] {
				s += c * row[u]
			}
			half[8*x+y] = s
		}
	}
	for x := range 8 {
		column := half[8*x : 8*x+8]
		for y := range 8 {
			s := 0.0
			for v, c := range &cosines[y] {
				s += c * column[v]
			}
			block[8*y+x] = s
		}
	}
}

// put writes what of a block lies in the image.
func (d *jpegDCT) put(block *[64]float64, raw []byte, width, x0, y0 int) {
	shift, most := float64(int(1)<<(d.precision-1)), float64(int(1)<<min(d.precision, d.stored)-1)
	for y := y0; y < min(y0+8, d.rows); y++ {
		for x := x0; x < min(x0+8, d.cols); x++ {
			v := uint16(min(max(math.RoundToEven(block[8*(y-y0)+x-x0]+shift), 0), most))
			if at := y*d.cols + x; width == 1 {
				raw[at] = byte(v)
			} else {
				binary.LittleEndian.PutUint16(raw[2*at:], v)
			}
		}
	}
}
