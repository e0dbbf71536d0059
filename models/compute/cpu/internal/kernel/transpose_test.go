package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestTranspose(t *testing.T) {
	for _, s := range sets() {
		for _, size := range [][2]int{{16, 16}, {1, 1}, {7, 343}, {343, 16}, {16, 27}, {35, 32}, {8, 9}, {19, 40}} {
			t.Run(fmt.Sprint(s.Name, size), func(t *testing.T) {
				rows, cols := size[0], size[1]
				rng := rand.New(rand.NewPCG(5, 6))
				stride := cols + 3
				src := guarded(t, rng, (rows-1)*stride+cols)
				dst := guarded(t, rng, cols*(rows+2))
				want := append([]float32(nil), dst...)
				off := rng.Perm(cols)
				for j := range off {
					off[j] *= rows + 2
					for i := range rows {
						want[off[j]+i] = src[i*stride+j]
					}
				}
				s.Transpose(rows, cols, src, stride, dst, off)
				near(t, s.Name, dst, want, 0)
			})
		}
	}
}

func TestScatter(t *testing.T) {
	for _, s := range sets() {
		rng := rand.New(rand.NewPCG(7, 8))
		const rows, n, lds, ldd = 5, 6, 131, 170
		w := s.Width()
		src := guarded(t, rng, (rows-1)*lds+8*w)
		dst := guarded(t, rng, (rows-1)*ldd+10*w)
		want := append([]float32(nil), dst...)
		var moves []Move
		for i, at := range rng.Perm(10)[:n] {
			m := Move{int32(i * w), int32(at * w)} //nolint:gosec // a test
			moves = append(moves, m)
			for r := range rows {
				copy(want[r*ldd+int(m[1]):][:w], src[r*lds+int(m[0]):])
			}
		}
		s.Scatter(rows, src, lds, dst, ldd, moves)
		near(t, s.Name, dst, want, 0)
	}
}
