package codec

import (
	"bytes"
	"image"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/internal/coded"
)

func FuzzJPEGLossless(f *testing.F) {
	f.Add(encodeJPEG(make([]int, 256), 16, 16, 12, 1, 0, 0))
	fuzzCode(f, decodeJPEGLossless)
}

// fuzzCode feeds a decoder with code of a 16 x 16 image of 12 bits.
func fuzzCode(f *testing.F, decode decodeFunc) {
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := decode(b, make([]byte, 512), Shape{Rows: 16, Cols: 16, Allocated: 16, Stored: 12}); err != nil && coded.CodeOf(err) == "" {
			t.Fatalf("an error without a code: %v", err)
		}
	})
}

func FuzzJPEGDCT(f *testing.F) {
	f.Add(testStream(f, "dct_12.jpg"))
	fuzzCode(f, decodeJPEGDCT)
}

func FuzzJPEGLS(f *testing.F) {
	whole := testStream(f, "ls_12.jls")
	f.Add(whole)
	f.Add(testStream(f, "ls_12_near3.jls"))
	f.Add(restarted(whole, 2))
	fuzzCode(f, decodeJPEGLS)
}

func FuzzJPEG2000(f *testing.F) { fuzzJPEG2000(f, "j2k", "j2k_ht") }

func FuzzHTJ2K(f *testing.F) { fuzzJPEG2000(f, "j2k_ht", "none") }

// fuzzJPEG2000 begins with streams of one of the two kinds of code-blocks.
func fuzzJPEG2000(f *testing.F, kind, other string) {
	addJPEG2000(f, kind, other)
	f.Fuzz(func(t *testing.T, b []byte) {
		s := fuzzShape(b)
		if err := decodeJPEG2000(b, make([]byte, s.Bytes()), s, true); err != nil && coded.CodeOf(err) == "" {
			t.Fatalf("an error without a code: %v", err)
		}
	})
}

func addJPEG2000(f *testing.F, kind, other string, with ...any) {
	for _, c := range streams {
		if strings.HasPrefix(c.name, kind) && !strings.HasPrefix(c.name, other) {
			f.Add(append([]any{testStream(f, c.name)}, with...)...)
		}
	}
}

// fuzzShape is as large as an image says, where that is little.
func fuzzShape(b []byte) Shape {
	s := Shape{Allocated: 16, Stored: 12}
	if len(b) > 24 {
		s.Rows, s.Cols = int(b[15]), int(b[11])
	}
	return s
}

// FuzzRegion: a window of an image that can be decoded can be, too, and is the same.
func FuzzRegion(f *testing.F) {
	addJPEG2000(f, "j2k", "none", byte(20), byte(11), byte(5), byte(9))
	f.Fuzz(func(t *testing.T, b []byte, x, y, w, h byte) {
		s := fuzzShape(b)
		whole := make([]byte, s.Bytes())
		decoded := decodeJPEG2000(b, whole, s, true)
		j, err := openJPEG2000(b, s, true)
		if err != nil {
			return
		}
		r := image.Rect(int(x), int(y), int(x)+int(w), int(y)+int(h)).Intersect(s.Bounds())
		part := make([]byte, s.Bytes())
		switch err := j.decode(r, part); {
		case err != nil && (decoded == nil || coded.CodeOf(err) == ""):
			t.Fatalf("%v: %v, the whole image: %v", r, err, decoded)
		case err != nil || decoded != nil:
			return
		}
		for y := r.Min.Y; y < r.Max.Y; y++ {
			from, to := 2*(y*s.Cols+r.Min.X), 2*(y*s.Cols+r.Max.X)
			if !bytes.Equal(part[from:to], whole[from:to]) {
				t.Fatalf("%v: row %d differs from that of the whole image", r, y)
			}
		}
	})
}

func FuzzRLE(f *testing.F) {
	f.Add(append([]byte{1, 0, 0, 0, 64}, make([]byte, 80)...), 1)
	f.Fuzz(func(t *testing.T, b []byte, width int) {
		if width = 1 + width&1; decodeRLE(b, make([]byte, 64*width), width) == nil && len(b) < 64 {
			t.Fatal("pixels from nothing")
		}
	})
}
