package codec

import (
	"testing"

	"github.com/nodulescope/nodulescope/internal/coded"
)

func FuzzJPEGLossless(f *testing.F) {
	f.Add(encodeJPEG(make([]int, 256), 16, 16, 12, 1, 0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := decodeJPEGLossless(b, make([]byte, 512), Shape{Rows: 16, Cols: 16, Allocated: 16, Stored: 12}); err != nil && coded.CodeOf(err) == "" {
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
