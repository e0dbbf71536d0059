package codec

import (
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

func FuzzJPEG2000(f *testing.F) { fuzzJPEG2000(f, false) }

func FuzzHTJ2K(f *testing.F) { fuzzJPEG2000(f, true) }

// fuzzJPEG2000 begins with streams of one of the two kinds of code-blocks.
func fuzzJPEG2000(f *testing.F, throughput bool) {
	for _, c := range streams {
		if strings.HasPrefix(c.name, "j2k") && strings.HasPrefix(c.name, "j2k_ht") == throughput {
			f.Add(testStream(f, c.name))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		// As large as the image says, where that is little.
		s := Shape{Allocated: 16, Stored: 12}
		if len(b) > 24 {
			s.Rows, s.Cols = int(b[15]), int(b[11])
		}
		if err := decodeJPEG2000(b, make([]byte, s.Bytes()), s, true); err != nil && coded.CodeOf(err) == "" {
			t.Fatalf("an error without a code: %v", err)
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
