package kernel

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// TestVectors holds every element-wise loop against the plain Go one, on
// random and on special values.
func TestVectors(t *testing.T) {
	inf := float32(math.Inf(1))
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, inf, -inf, float32(math.NaN()), math.MaxFloat32, -math.MaxFloat32,
		math.SmallestNonzeroFloat32, 88.3, 88.6, 88.72, 89, 1000, -87, -88.5, -103, -105, -1000, 1e-8, -1e-8, 0.34657359, -0.34657359}
	rng := rand.New(rand.NewPCG(1, 1))
	spec := reflect.ValueOf(vecGo())
	for _, s := range sets() {
		vec := reflect.ValueOf(s.Vec)
		for f := range vec.NumField() {
			name := vec.Type().Field(f).Name
			for _, n := range []int{16, 48, 512} {
				for _, c := range []float32{0.2, 0, 0.9} {
					x, y := guarded(t, rng, n), guarded(t, rng, n)
					for i := range x {
						x[i] *= 20
						if i%3 == 0 {
							x[i] = special[rng.IntN(len(special))]
						}
					}
					got, want := guarded(t, rng, n), make([]float32, n)
					vec.Field(f).Interface().(Loop).Run(got, x, y, c)
					spec.Field(f).Interface().(Loop).Run(want, x, y, c)
					for i := range want {
						g, w := float64(got[i]), float64(want[i])
						switch {
						case math.IsNaN(w) && math.IsNaN(g), g == w:
						case math.Abs(g-w) <= 3e-7*math.Abs(w)+1e-44:
						default:
							t.Fatalf("%s %s(%v, %v; %v) is %v, want %v", s.Name, name, x[i], y[i], c, g, w)
						}
					}
				}
			}
		}
	}
}

// TestSum holds the sum of runs of all lengths, and of one whose partial sums no
// float32 has, against the plain one.
func TestSum(t *testing.T) {
	for _, s := range sets() {
		for _, n := range []int{0, 1, 3, 4, 31, 32, 33, 64, 100, 4096, 4099} {
			rng := rand.New(rand.NewPCG(5, uint64(n)))
			x := guarded(t, rng, n)
			want := 0.0
			for i := range x {
				if i%2 == 0 {
					x[i] += 1 << 20
				}
				want += float64(x[i])
			}
			if got := s.Sum(x); math.Abs(got-want) > 1e-12*math.Abs(want) {
				t.Errorf("%s: the sum of %d values is %v, want %v", s.Name, n, got, want)
			}
		}
	}
}

// TestAdam holds the vector update against the plain one over several steps
// and lengths.
func TestAdam(t *testing.T) {
	for _, s := range sets() {
		for _, n := range []int{1, 15, 16, 100, 1024} {
			rng := rand.New(rand.NewPCG(3, uint64(n)))
			got, want := make([][]float32, 3), make([][]float32, 3)
			for i := range got {
				got[i] = guarded(t, rng, n)
				if i > 0 {
					clear(got[i])
				}
				want[i] = append([]float32(nil), got[i]...)
			}
			a := NewAdamStep(0.5, 0.9, 0.999, 0.01, 1e-8)
			for range 5 {
				g := guarded(t, rng, n)
				s.Adam(got[0], got[1], got[2], g, &a)
				adamGo(want[0], want[1], want[2], g, (*[7]float32)(&a))
				for i := range got {
					near(t, s.Name, got[i], want[i], 1e-5)
				}
			}
		}
	}
}

// TestAdamIsNotFused: the plain update rounds every product, on processors too
// for which Go fuses it with a sum.
func TestAdamIsNotFused(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	round := func(x float64) float64 { return float64(float32(x)) } // twice as many bits: as one operation
	for range 1000 {
		x := []float32{rng.Float32(), rng.Float32(), rng.Float32(), rng.Float32()}
		a := AdamStep{1, 0.9, 0.1, 0.999, 0.001, 0.01, 1e-8}
		m, v, d := float64(x[1]), float64(x[2]), float64(x[3])
		first := float32(round(float64(a[1])*m) + round(float64(a[2])*d))
		second := float32(round(float64(a[3])*v) + round(round(float64(a[4])*d)*d))
		adamGo(x[:1], x[1:2], x[2:3], x[3:], (*[7]float32)(&a))
		if x[1] != first || x[2] != second {
			t.Fatalf("moments %v and %v, want %v and %v", x[1], x[2], first, second)
		}
	}
}
