package codec

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// bitWriter writes entropy-coded bits with stuffing (T.81 F.1.2.3).
type bitWriter struct {
	out  []byte
	acc  uint64
	have int
}

func (w *bitWriter) put(v, n int) {
	w.acc, w.have = w.acc<<n|uint64(v)&(1<<n-1), w.have+n
	for w.have >= 8 {
		w.have -= 8
		b := byte(w.acc >> w.have)
		if w.out = append(w.out, b); b == 0xFF {
			w.out = append(w.out, 0)
		}
	}
}

// flush pads with ones.
func (w *bitWriter) flush() {
	if w.have > 0 {
		w.put(1<<8-1, 8-w.have)
	}
}

// encodeJPEG is the plainest encoder of annex H: every symbol has the code of
// five bits that is its own number, restarts come after restartRows rows.
func encodeJPEG(px []int, rows, cols, precision, predictor, point, restartRows int) []byte {
	b := []byte{0xFF, 0xD8, 0xFF, 0xC3, 0, 11, byte(precision), byte(rows >> 8), byte(rows), byte(cols >> 8), byte(cols), 1, 1, 0x11, 0}
	b = append(b, 0xFF, 0xC4, 0, 19+17, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	for s := range 17 {
		b = append(b, byte(s))
	}
	if restartRows > 0 {
		b = append(b, 0xFF, 0xDD, 0, 4)
		b = binary.BigEndian.AppendUint16(b, uint16(restartRows*cols))
	}
	b = append(b, 0xFF, 0xDA, 0, 8, 1, 1, 0, byte(predictor), 0, byte(point))
	var w bitWriter
	at := func(y, x int) int { return px[y*cols+x] >> point }
	for y := range rows {
		fresh := y == 0
		if restartRows > 0 && y > 0 && y%restartRows == 0 {
			w.flush()
			w.out = append(w.out, 0xFF, 0xD0+byte(y/restartRows-1)%8)
			fresh = true
		}
		for x := range cols {
			var p int
			switch {
			case fresh && x == 0:
				p = 1 << (precision - point - 1)
			case fresh:
				p = at(y, x-1)
			case x == 0:
				p = at(y-1, 0)
			default:
				a, b, c := at(y, x-1), at(y-1, x), at(y-1, x-1)
				p = [...]int{0, a, b, c, a + b - c, a + (b-c)>>1, b + (a-c)>>1, (a + b) >> 1}[predictor]
			}
			diff := int(int16(uint16(at(y, x) - p)))
			if diff == -32768 {
				w.put(16, 5)
				continue
			}
			n := bits.Len(uint(max(diff, -diff)))
			w.put(n, 5)
			if diff < 0 {
				diff--
			}
			w.put(diff, n)
		}
	}
	w.flush()
	return append(append(b, w.out...), 0xFF, 0xD9)
}

func TestJPEGLosslessRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const rows, cols = 9, 13
	for _, precision := range []int{2, 8, 12, 16} {
		for predictor := 1; predictor <= 7; predictor++ {
			for _, restart := range []int{0, 1, 2} {
				for _, point := range []int{0, 1} {
					px := make([]int, rows*cols)
					for i := range px {
						px[i] = rng.IntN(1<<precision) >> point << point
					}
					px[0], px[1] = 0, 1<<(precision-1) // the difference of 32768 among them
					code := encodeJPEG(px, rows, cols, precision, predictor, point, restart)
					raw := make([]byte, 2*rows*cols)
					f := Shape{Rows: rows, Cols: cols, Allocated: 16, Stored: precision}
					if err := decodeJPEGLossless(code, raw, f); err != nil {
						t.Fatalf("precision %d, predictor %d, restart %d: %v", precision, predictor, restart, err)
					}
					for i, want := range px {
						if got := int(binary.LittleEndian.Uint16(raw[2*i:])); got != want {
							t.Fatalf("precision %d, predictor %d, restart %d, point %d: pixel %d is %d, want %d", precision, predictor, restart, point, i, got, want)
						}
					}
				}
			}
		}
	}
}

func TestJPEGLosslessDamage(t *testing.T) {
	px := make([]int, 9*13)
	for i := range px {
		px[i] = i * i % 4096
	}
	f := Shape{Rows: 9, Cols: 13, Allocated: 16, Stored: 12, Signed: true}
	whole := encodeJPEG(px, 9, 13, 12, 1, 0, 3)
	raw := make([]byte, 2*9*13)
	// Without the EOI marker every pixel is still there; with less it is not.
	for n := range len(whole) - 2 {
		if err := decodeJPEGLossless(whole[:n], raw, f); err == nil {
			t.Errorf("cut to %d of %d bytes it is decoded", n, len(whole))
		}
	}
	for name, c := range map[string]struct {
		old, new string
		want     coded.Code
	}{
		"no restart marker": {"\xff\xd1", "\xff\xd9", CodeUnreadable},
		"restart in a row":  {"\xff\xdd\x00\x04\x00\x27", "\xff\xdd\x00\x04\x00\x28", CodePixelFormat},
		"two components":    {"\x0d\x01\x01\x11", "\x0d\x02\x01\x11", CodePixelFormat},
		"predictor 0":       {"\x01\x01\x00\x01\x00\x00", "\x01\x01\x00\x00\x00\x00", CodeUnreadable},
		"other table":       {"\x01\x01\x00\x01\x00\x00", "\x01\x01\x30\x01\x00\x00", CodeUnreadable},
		"fewer bits":        {"\x00\x0b\x0c", "\x00\x0b\x0b", CodeSizeMismatch},
		"20 bits":           {"\x00\x0b\x0c", "\x00\x0b\x14", CodePixelFormat},
		"too many codes":    {"\x00\x24\x00\x00", "\x00\x24\x00\x03", CodeUnreadable},
		"no length":         {"\xff\xc4\x00\x24", "\xff\xc4\x00\x01", CodeUnreadable},
	} {
		b := bytes.Replace(whole, []byte(c.old), []byte(c.new), 1)
		if bytes.Equal(b, whole) {
			t.Fatalf("%s: nothing was changed", name)
		}
		if err := decodeJPEGLossless(b, raw, f); coded.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want code %q", name, err, c.want)
		}
	}
}

// TestJPEGLosslessOfFewerBits: where the header states more bits than the code
// has, unsigned pixels are what they are, and signed ones are refused.
func TestJPEGLosslessOfFewerBits(t *testing.T) {
	for _, precision := range []int{8, 10, 12, 15} {
		px := make([]int, 9*13)
		for i := range px {
			px[i] = i * i % (1 << precision)
		}
		code := encodeJPEG(px, 9, 13, precision, 1, 0, 0)
		raw := make([]byte, 2*len(px))
		f := Shape{Rows: 9, Cols: 13, Allocated: 16, Stored: 16}
		if err := decodeJPEGLossless(code, raw, f); err != nil {
			t.Fatalf("%d bits: %v", precision, err)
		}
		for i, want := range px {
			if got := int(binary.LittleEndian.Uint16(raw[2*i:])); got != want {
				t.Fatalf("%d bits: pixel %d is %d, want %d", precision, i, got, want)
			}
		}
		f.Signed = true
		if err := decodeJPEGLossless(code, raw, f); coded.CodeOf(err) != CodeSizeMismatch {
			t.Errorf("%d bits, signed: %v", precision, err)
		}
	}
}
