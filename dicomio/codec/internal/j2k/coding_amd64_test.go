package j2k

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFast: the passes in assembly and those in Go decode the same of any code, and
// leave the same behind.
func TestFast(t *testing.T) {
	if !fast {
		t.Skip("this machine has not what the assembly needs")
	}
	defer func() { fast = true }()
	r := rand.New(rand.NewPCG(16, 261))
	for range 400 {
		var b [2]blockDecoder
		w, h := 1+r.IntN(64), 1+r.IntN(64)
		style := byte(r.IntN(64))
		k := block{passes: 1 + r.IntN(30)}
		for left := k.passes; left > 0; {
			n := 1 + r.IntN(left)
			code := make([]byte, r.IntN(600))
			for i := range code {
				if code[i] = byte(r.Uint32()); r.IntN(8) == 0 {
					code[i] = 0xFF
				}
			}
			k.codewords = append(k.codewords, codeword{passes: n, data: code})
			left -= n
		}
		kind, planes := r.IntN(4), 1+r.IntN(28)
		var err [2]error
		for i := range b {
			fast = i == 0
			b[i].w, b[i].h, b[i].data = w, h, make([]int32, w*h)
			err[i] = b[i].passes(&k, kind, style, planes)
		}
		x, y := &b[0], &b[1]
		if (err[0] == nil) != (err[1] == nil) || !slices.Equal(x.data, y.data) || !slices.Equal(x.flags, y.flags) ||
			x.context != y.context || x.registers != y.registers || x.at != y.at || x.beyond != y.beyond {
			t.Fatalf("a block of %d x %d, style %d, %d passes of %d bit-planes: %v, %v", w, h, style, k.passes, planes, err[0], err[1])
		}
	}
}
