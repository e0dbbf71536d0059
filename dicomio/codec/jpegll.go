package codec

import "encoding/binary"

// jpegLossless decodes one component of JPEG process 14 (ITU-T T.81 annex H):
// Huffman coding of the difference to a prediction. It refuses code that is
// cut or damaged instead of filling the rest in.
type jpegLossless struct {
	jpegBits
	rows, cols int
	precision  int
	component  byte
	predictor  int
	point      int // point transform: low bits that were dropped
	restart    int // samples between restart markers, 0: none
	tables     [4]*huffman
}

// decodeJPEGLossless decodes one frame into raw: little endian, 8 or 16 bits a
// pixel as f says.
func decodeJPEGLossless(code, raw []byte, f Shape) error {
	d := &jpegLossless{jpegBits: jpegBits{code: code}}
	if err := d.headers(); err != nil {
		return err
	}
	if err := f.fits(d.rows, d.cols, d.precision); err != nil {
		return err
	}
	if d.restart%d.cols != 0 {
		return refuse(CodePixelFormat, "the JPEG restart interval is not a whole number of rows", nil)
	}
	return d.scan(raw, f.Allocated/8)
}

// headers reads the marker segments up to the scan.
func (d *jpegLossless) headers() (err error) {
	d.code, err = jpegSegments(d.code, func(marker byte, body []byte) error {
		switch {
		case marker == markerLossless:
			return d.frameHeader(body)
		case marker == markerHuffman:
			return huffmanTables(body, d.tables[:])
		case marker == markerRestart && len(body) >= 2:
			d.restart = int(binary.BigEndian.Uint16(body))
		case marker == markerScan:
			return d.scanHeader(body)
		case marker >= 0xC0 && marker <= 0xCF || marker == markerLS:
			return refuse(CodePixelFormat, "the JPEG code is not of the lossless process that the transfer syntax names", nil)
		}
		return nil
	})
	return err
}

func (d *jpegLossless) frameHeader(b []byte) error {
	if len(b) < 9 || b[5] != 1 {
		return refuse(CodePixelFormat, "the JPEG frame does not have one component", nil)
	}
	d.precision = int(b[0])
	d.rows, d.cols = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	d.component = b[6]
	if d.precision < 2 || d.precision > 16 {
		return refuse(CodePixelFormat, "the JPEG precision is not 2 to 16 bits", nil)
	}
	return nil
}

func (d *jpegLossless) scanHeader(b []byte) error {
	if d.precision == 0 {
		return jpegBroken("it has no frame header")
	}
	if len(b) < 6 || b[0] != 1 || b[1] != d.component {
		return jpegBroken("its scan header is wrong")
	}
	table := b[2] >> 4
	d.predictor, d.point = int(b[3]), int(b[5]&15)
	if table > 3 || d.tables[table] == nil || d.predictor < 1 || d.predictor > 7 || d.point >= d.precision {
		return jpegBroken("its scan header is wrong")
	}
	d.tables[0] = d.tables[table]
	return nil
}

// scan decodes the samples row by row.
func (d *jpegLossless) scan(raw []byte, width int) error {
	t := d.tables[0]
	above, here := make([]int, d.cols), make([]int, d.cols)
	start := 1 << (d.precision - d.point - 1)
	first := true // of the scan or behind a restart: no row above
	for y := range d.rows {
		if y > 0 && d.restart > 0 && y*d.cols%d.restart == 0 {
			if err := d.resync(); err != nil {
				return err
			}
			first = true
		}
		for x := range here {
			diff, ok := d.difference(t)
			if d.spent {
				return jpegCut()
			}
			if !ok {
				return jpegBroken("a code is not in its Huffman table")
			}
			var p int
			switch {
			case x == 0 && first:
				p = start
			case x == 0:
				p = above[0]
			case first:
				p = here[x-1]
			default:
				p = predict(d.predictor, here[x-1], above[x], above[x-1])
			}
			// T.81 H.1.2.1: differences are modulo 65536.
			here[x] = (p + diff) & 0xFFFF
			v := here[x] << d.point
			if width == 2 {
				raw[2*(y*d.cols+x)], raw[2*(y*d.cols+x)+1] = byte(v), byte(v>>8)
			} else {
				raw[y*d.cols+x] = byte(v)
			}
		}
		above, here = here, above
		first = false
	}
	return nil
}

// predict is table H.1 of T.81: a is left, b above, c above left.
func predict(kind, a, b, c int) int {
	switch kind {
	case 1:
		return a
	case 2:
		return b
	case 3:
		return c
	case 4:
		return a + b - c
	case 5:
		return a + (b-c)>>1
	case 6:
		return b + (a-c)>>1
	}
	return (a + b) >> 1
}
