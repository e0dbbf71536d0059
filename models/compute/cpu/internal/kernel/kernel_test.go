package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

const guard = 777

// guarded returns n random values inside a slice of which the ends are set to
// guard, and a check that they still are.
func guarded(t *testing.T, rng *rand.Rand, n int) []float32 {
	t.Helper()
	const m = 16
	all := make([]float32, n+2*m)
	for i := range all {
		all[i] = guard
	}
	in := all[m+1 : m+1+n] // not aligned
	for i := range in {
		in[i] = float32(rng.NormFloat64())
	}
	t.Cleanup(func() {
		for i, v := range all {
			if (i <= m || i > m+n) && v != guard {
				t.Errorf("value %d outside the slice of %d was written", i-m-1, n)
			}
		}
	})
	return in
}

func TestTiles(t *testing.T) {
	for _, s := range sets() {
		for _, tile := range s.Tiles {
			for _, k := range []int{1, 2, 7, 864} {
				for round := range 4 {
					add, apart := round%2 == 1, round >= 2
					rng := rand.New(rand.NewPCG(1, uint64(k)))
					a := guarded(t, rng, k*tile.Rows)
					b := guarded(t, rng, 3*k+2*tile.Cols)
					off := make([]int, k)
					for i := range off {
						off[i] = rng.IntN(3 * k)
					}
					var at []int // where its vectors of columns begin
					for range tile.Cols / tile.Vec {
						if apart {
							at = append(at, rng.IntN(2*tile.Cols-tile.Vec))
						}
					}
					column := func(j int) int {
						if apart {
							return at[j/tile.Vec] + j%tile.Vec
						}
						return j
					}
					ldc := tile.Cols + 3
					c := guarded(t, rng, (tile.Rows-1)*ldc+tile.Cols)
					want := append([]float32(nil), c...)
					for i := range tile.Rows {
						for j := range tile.Cols {
							var sum float64
							for p := range k {
								sum += float64(a[p*tile.Rows+i]) * float64(b[off[p]+column(j)])
							}
							if add {
								sum += float64(want[i*ldc+j])
							}
							want[i*ldc+j] = float32(sum)
						}
					}
					tile.Run(k, a, b, off, at, c, ldc, add)
					near(t, s.Name, c, want, 2e-6*math.Sqrt(float64(k)))
				}
			}
		}
	}
}

// TestNotFinite: NaN and Inf are carried, not lost.
func TestNotFinite(t *testing.T) {
	for _, s := range sets() {
		tile := s.Tiles[0]
		a := make([]float32, tile.Rows)
		b := make([]float32, tile.Cols)
		c := make([]float32, tile.Rows*tile.Cols)
		a[0], b[1] = 1, float32(math.NaN())
		b[2] = float32(math.Inf(1))
		tile.Run(1, a, b, []int{0}, nil, c, tile.Cols, false)
		if !math.IsNaN(float64(c[1])) || !math.IsInf(float64(c[2]), 1) {
			t.Errorf("%s: NaN and Inf became %v and %v", s.Name, c[1], c[2])
		}
	}
}

func near(t *testing.T, what string, got, want []float32, tol float64) {
	t.Helper()
	for i := range got {
		if !(math.Abs(float64(got[i]-want[i])) <= tol*math.Max(1, math.Abs(float64(want[i])))) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func BenchmarkTile(b *testing.B) {
	for _, s := range sets() {
		for _, t := range s.Tiles {
			b.Run(fmt.Sprintf("%s/%dx%d", s.Name, t.Rows, t.Cols), func(b *testing.B) {
				const k = 864
				x, y := make([]float32, k*t.Rows), make([]float32, k+t.Cols)
				off := make([]int, k)
				for i := range off {
					off[i] = i
				}
				c := make([]float32, t.Rows*t.Cols)
				for b.Loop() {
					t.Run(k, x, y, off, nil, c, t.Cols, false)
				}
				b.ReportMetric(float64(2*k*t.Rows*t.Cols)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
