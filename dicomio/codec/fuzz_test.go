package codec

import (
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

func FuzzJPEGLS(f *testing.F) {
	whole := testStream(f, "ls_12.jls")
	f.Add(whole)
	f.Add(testStream(f, "ls_12_near3.jls"))
	f.Add(restarted(whole, 2))
	fuzzCode(f, decodeJPEGLS)
}

func FuzzRLE(f *testing.F) {
	f.Add(append([]byte{1, 0, 0, 0, 64}, make([]byte, 80)...), 1)
	f.Fuzz(func(t *testing.T, b []byte, width int) {
		if width = 1 + width&1; decodeRLE(b, make([]byte, 64*width), width) == nil && len(b) < 64 {
			t.Fatal("pixels from nothing")
		}
	})
}
