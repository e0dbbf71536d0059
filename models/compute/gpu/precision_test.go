package gpu

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"
	"github.com/nodulescope/nodulescope/models/compute/internal/conform"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// onTensorCores runs a test in the precisions of tensor cores on every device
// that has them, or plays them.
func onTensorCores(t *testing.T, f func(t *testing.T, b strict, p Precision)) {
	for _, d := range devices(t) {
		for _, p := range []Precision{TF32, TF32x3, BF16} {
			t.Run(d.ID()+" "+string(p), func(t *testing.T) {
				if why := Lacks(d, p); why != "" {
					t.Skip(why)
				}
				b, err := Open(d, Options{Precision: p})
				if err != nil {
					t.Fatal(err)
				}
				defer b.Close()
				if b.Precision() != p {
					t.Fatalf("computes in %s", b.Precision())
				}
				f(t, strict{b, t}, p)
			})
		}
	}
}

// isProduct says whether an operator is what tensor cores compute.
func isProduct(o op.Operator) bool {
	switch o.(type) {
	case op.Conv, op.ConvData, op.ConvWeight, op.MatMul:
		return true
	}
	return false
}

// TestProducts bounds the error of every element of every product by that of its
// terms: Precision.Error of the sum of their magnitudes, and the rounding of a
// float32 sum.
func TestProducts(t *testing.T) {
	if testing.Short() {
		t.Skip("values, which the whole run holds: nothing here runs side by side")
	}
	onTensorCores(t, func(t *testing.T, b strict, p Precision) {
		rng := rand.New(rand.NewPCG(3, 4))
		worst := 0.0
		for _, c := range conform.Cases(rng) {
			if !isProduct(c.Op) {
				continue
			}
			x := c.Inputs(rng)
			got, want, sums := product(t, b, c, x)
			for i, g := range got {
				e := math.Abs(float64(g)-want[i]) / math.Max(sums[i], 1e-30)
				worst = math.Max(worst, e)
				if !(e <= p.Error()+conform.Bound) {
					t.Fatalf("%s %v, element %d: %g, want %g: off by %.2g of its terms", c.Op.Name(), c.Shapes, i, g, want[i], e)
				}
			}
		}
		t.Logf("at most %.2g of the terms, bound %.2g", worst, p.Error()+conform.Bound)
		if p == TF32 && worst < 1e-5 || p == BF16 && worst < 1e-4 {
			t.Error("nothing was rounded: are these products of tensor cores?")
		}
	})
}

// product is what a back end computes, what the reference does, and the sums of
// the magnitudes of the terms.
func product(t *testing.T, b strict, c conform.Case, x [][]float32) (got []float32, want, sums []float64) {
	t.Helper()
	n, err := c.Graph()
	if err != nil {
		t.Fatal(err)
	}
	p := compile(t, b, gorgonia.Nodes{n}, nil, compute.Options{})
	magnitudes := make([][]float32, len(x))
	for i, v := range x {
		copy(p.Input(fmt.Sprintf("x%d", i)), v)
		for _, e := range v {
			magnitudes[i] = append(magnitudes[i], float32(math.Abs(float64(e))))
		}
	}
	p.Run()
	if want, err = c.Want(x); err == nil {
		sums, err = c.Want(magnitudes)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p.Output(0), want, sums
}

// TestFragments multiplies numbers that TF32 and BF16 hold, with sums that float32
// holds: every lane must have its part of the tile, and the result is exact.
func TestFragments(t *testing.T) {
	onTensorCores(t, func(t *testing.T, b strict, _ Precision) {
		rng := rand.New(rand.NewPCG(1, 9))
		for _, s := range [][3]int{{16, 8, 8}, {64, 64, 16}, {65, 65, 17}, {128, 130, 40}, {1, 1, 1}, {33, 70, 600}, {70, 20, 9}} {
			for _, m := range []op.MatMul{{}, {TransA: true}, {TransB: true}} {
				c := conform.Case{Op: m, Shapes: []tensor.Shape{{s[0], s[2]}, {s[2], s[1]}}}
				if m.TransA {
					c.Shapes[0] = tensor.Shape{s[2], s[0]}
				}
				if m.TransB {
					c.Shapes[1] = tensor.Shape{s[1], s[2]}
				}
				x := [][]float32{make([]float32, s[0]*s[2]), make([]float32, s[1]*s[2])}
				for _, v := range x {
					for i := range v {
						v[i] = float32(rng.IntN(127) - 63)
					}
				}
				got, want, _ := product(t, b, c, x)
				for i, g := range got {
					if float64(g) != want[i] {
						t.Fatalf("%v %+v: element %d,%d is %g, want %g", s, m, i/s[1], i%s[1], g, want[i])
					}
				}
			}
		}
	})
}

// rounded is a number of a precision: of TF32, 10 bits behind the point, ties
// away from zero; of BF16, 7 bits, ties to even.
func rounded(x float32, p Precision) float32 {
	u := math.Float32bits(x)
	switch {
	case u&0x7f800000 == 0x7f800000:
		return x
	case p == BF16:
		return math.Float32frombits((u + 1<<15 - 1 + u>>16&1) &^ (1<<16 - 1))
	}
	return math.Float32frombits((u + 1<<12) &^ (1<<13 - 1))
}

// TestRounding multiplies with one: the rounding of both factors, and
// what is left of it with three products. NaN and infinities are carried, and
// only to the elements that they reach.
func TestRounding(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	x := []float32{0, 1, 1 + 0x1p-11, -1 - 0x1p-11, 1 + 0x1p-11 - 0x1p-23, 1 + 0x1p-12, 1 + 0x3p-11, 1 + 0x1p-8, 1 + 0x3p-8, -1 - 0x1p-8 - 0x1p-23, 1.9999999, math.Pi, -1e30, 3e38, 3.395e38, 1e-30, 0x1p-126, inf, -inf, nan, 7}
	onTensorCores(t, func(t *testing.T, b strict, p Precision) {
		for _, right := range []bool{false, true} {
			c := conform.Case{Op: op.MatMul{}, Shapes: []tensor.Shape{{len(x), 1}, {1, 1}}}
			in := [][]float32{x, {1}}
			if right {
				c.Shapes, in = []tensor.Shape{{1, 1}, {1, len(x)}}, [][]float32{{1}, x}
			}
			got, _, _ := product(t, b, c, in)
			for i, g := range got {
				switch want := rounded(x[i], p); {
				case g != g || want != want || math.IsInf(float64(g), 0) || math.IsInf(float64(want), 0):
					if (g == g || want == want) && g != want {
						t.Errorf("right %t: %g gives %g", right, x[i], g)
					}
				case p != TF32x3 && g != want, p == TF32x3 && math.Abs(float64(g)-float64(x[i])) > 0x1p-22*math.Abs(float64(x[i])):
					t.Errorf("right %t: %v gives %v, rounded %v", right, x[i], g, want)
				}
			}
		}
	})
}

// layers is how many products lie one after the other in a reference network.
const layers = 6

// precise is the bound of whole networks: with TF32 each layer adds the error of
// its products to what it was given, with BF16 twice that, for the critic
// score, a sum of which little is left; with three products it is the bound
// of float32.
func precise(p Precision) float64 {
	switch p {
	case TF32:
		return layers * p.Error()
	case BF16:
		return 2 * layers * p.Error()
	}
	return networkBound
}

// kinked bounds gradients of the critic with TF32, relative to each: numbers
// near 0 change sides of LeakyReLU, and sums with little left of them lose most.
// That is why nothing should be trained with TF32 that was not measured. With
// BF16 they are not looked at.
const kinked = 0.2

// TestPreciseNetworks holds the networks in every precision against the plain
// operators in float64, and the gradients of the critic's step against the
// processor's.
func TestPreciseNetworks(t *testing.T) {
	if testing.Short() {
		t.Skip("values, which the whole run holds: nothing here runs side by side")
	}
	onTensorCores(t, func(t *testing.T, b strict, p Precision) {
		for _, dims := range []int{2, 3} {
			feed, networks := networks(t, dims)
			for k, outs := range networks {
				want := op.Evaluate(feed, outs...)
				plan := compile(t, b, outs, feed, compute.Options{Frozen: true})
				plan.Run()
				for i := range outs {
					e := furthest(plan.Output(i), want[i])
					t.Logf("%dD, network %d, output %d: off by %.2g of the largest", dims, k, i, e)
					if !(e <= precise(p)) {
						t.Errorf("%dD, network %d, output %d: off by %g of the largest, bound %g", dims, k, i, e, precise(p))
					}
				}
			}
		}
		if p == BF16 {
			return
		}
		outs, _, grads, ps := critic(t, models.GAN{Dims: 2, Latent: 7}, 2)
		all := append(outs, grads...)
		here, there := hereAndThere(t, b, all, ps)
		bound := 1e-4 // as for float32
		if p == TF32 {
			bound = kinked
		}
		for i := range all {
			if err := near(there.Output(i), here.Output(i), bound); err != nil {
				t.Errorf("gradient %d: %v", i, err)
			}
		}
	})
}

// networks are those of TestNetworks with all values bound.
func networks(t *testing.T, dims int) (feed map[string][]float32, all []gorgonia.Nodes) {
	t.Helper()
	v, n := models.VAE{Dims: dims, Latent: 8}, models.GAN{Dims: dims, Latent: 8}
	rng := rand.New(rand.NewPCG(6, 6))
	gen, cr := n.NewParams(rng)
	ps := slices.Concat(v.NewParams(rng), gen, cr)
	shape := append([]int{1, 1}, []int{28, 28, 28}[:dims]...)
	feed = ps.Bound()
	feed["x"], feed["z"] = draw(rng, v.Voxels()), draw(rng, 8)
	g, c := v.NewGraph(tensor.Float32), n.NewGraph(tensor.Float32)
	mean, logvar := v.Encode(g, g.Input("x", shape...))
	all = append(all, gorgonia.Nodes{mean, logvar, v.Decode(g, g.Input("z", 1, 8))})
	features, score := n.Critic(c, c.Input("x", shape...))
	all = append(all, gorgonia.Nodes{n.Generate(c, c.Input("z", 1, 8)), features, score})
	if g.Err != nil || c.Err != nil {
		t.Fatal(g.Err, c.Err)
	}
	return feed, all
}

// furthest is the largest error relative to the largest value.
func furthest(got []float32, want []float64) float64 {
	var worst, top float64
	for i, w := range want {
		worst, top = math.Max(worst, math.Abs(float64(got[i])-w)), math.Max(top, math.Abs(w))
	}
	return worst / top
}

// TestPreciseSelfCheck passes in every precision that a device has; one that it
// lacks is refused.
func TestPreciseSelfCheck(t *testing.T) {
	onTensorCores(t, func(t *testing.T, b strict, _ Precision) {
		if err := b.selfCheck(); err != nil {
			t.Error(err)
		}
	})
	if _, err := Open(devices(t)[0], Options{Precision: "float16"}); !errors.Is(err, errPrecision) {
		t.Errorf("float16: %v", err)
	}
	card := driver.Device{API: driver.CUDA, Type: driver.GPU, Capability: "7.5"}
	other := driver.Device{API: driver.OpenCL, Type: driver.GPU}
	for _, c := range []struct {
		d    driver.Device
		p    Precision
		fine bool
	}{{card, Float32, true}, {card, TF32, false}, {other, Float32, true}, {other, TF32x3, false},
		{driver.Device{API: driver.CUDA, Capability: "8.0"}, TF32x3, true}, {driver.Device{API: driver.CUDA, Capability: "10.3"}, TF32, true},
		{driver.Device{API: driver.OpenCL, Type: driver.CPU}, TF32, true}} {
		if why := Lacks(c.d, c.p); (why == "") != c.fine {
			t.Errorf("%s %s, %s: %q", c.d.API, c.d.Capability, c.p, why)
		}
	}
	newer := driver.Device{API: driver.CUDA, Index: 1, Capability: "9.0"}
	if able, err := Able([]driver.Device{card, newer}, TF32); err != nil || len(able) != 1 || able[0].Index != 1 {
		t.Errorf("able %v, %v", able, err)
	}
	if able, err := Able(nil, TF32); err != nil || len(able) != 0 {
		t.Errorf("of none %v, %v", able, err)
	}
	for _, p := range []Precision{TF32, "tf64"} {
		if able, err := Able([]driver.Device{card}, p); !errors.Is(err, errPrecision) || len(able) != 0 {
			t.Errorf("%s: able %v, %v", p, able, err)
		}
	}
}
