package j2k

import (
	"errors"
	"testing"
)

// TestTruncatedBlock: a rate may end a code-block within its last pass, which then
// is read of ones; within an earlier one, or where the last bit-plane is coded, it
// is cut.
func TestTruncatedBlock(t *testing.T) {
	for name, c := range map[string]struct {
		passes, planes int
		want           error
	}{
		"the last of a few": {1, 11, nil},
		"before the last":   {4, 11, ErrCut},
		"all that there is": {1, 1, ErrCut},
	} {
		var b blockDecoder
		b.w, b.h = 64, 64
		b.data = make([]int32, 64*64)
		k := &block{passes: c.passes, codewords: []codeword{{passes: c.passes, most: 1 << 10, data: []byte{1}}}}
		if err := b.passes(k, 0, 0, c.planes); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
