package compute

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute/kernel"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// reference evaluates nodes with the plain operators in float64.
func reference(feed map[string][]float32, outs ...*gorgonia.Node) [][]float64 {
	at := map[*gorgonia.Node][]float64{}
	for _, n := range op.Sort(outs...) {
		v := make([]float64, n.Shape().TotalSize())
		if o, ok := op.Of(n); ok {
			in := op.Inputs(n)
			xs, ss := make([][]float64, len(in)), make([]tensor.Shape, len(in))
			for i, m := range in {
				xs[i], ss[i] = at[m], m.Shape()
			}
			o.Eval64(v, n.Shape(), xs, ss)
		} else {
			for i, x := range feed[n.Name()] {
				v[i] = float64(x)
			}
		}
		at[n] = v
	}
	r := make([][]float64, len(outs))
	for i, n := range outs {
		r[i] = at[n]
	}
	return r
}

// TestUpsampledConvolution holds the folded upsampling, forward and both
// adjoints, against the plain operators.
func TestUpsampledConvolution(t *testing.T) {
	for i, c := range []struct{ x, out, w []int }{
		{[]int{2, 5, 4, 4, 4}, []int{7, 7, 7}, []int{3, 5, 3, 3, 3}},
		{[]int{3, 2, 3, 4, 2}, []int{6, 8, 4}, []int{13, 2, 3, 3, 3}},
		{[]int{1, 4, 5, 5, 5}, []int{10, 10, 10}, []int{1, 4, 3, 3, 3}},
		{[]int{2, 3, 4, 5}, []int{8, 10}, []int{14, 3, 3, 3}},
		{[]int{1, 3, 4, 5}, []int{7, 9}, []int{2, 3, 3, 3}},
		{[]int{1, 1, 1, 1, 1}, []int{2, 2, 2}, []int{1, 1, 3, 3, 3}},
		{[]int{10, 5, 4, 4, 4}, []int{7, 7, 7}, []int{3, 5, 3, 3, 3}},
		{[]int{20, 2, 3, 3, 2}, []int{6, 6, 4}, []int{1, 2, 3, 3, 3}},
	} {
		rng := rand.New(rand.NewPCG(1, uint64(i)))
		for _, set := range kernel.Sets() {
			for threads := 1; threads <= 3; threads++ {
				g := gorgonia.NewGraph()
				feed := map[string][]float32{}
				leaf := func(name string, s []int) *gorgonia.Node {
					feed[name] = make([]float32, tensor.Shape(s).TotalSize())
					for j := range feed[name] {
						feed[name][j] = float32(rng.NormFloat64())
					}
					return gorgonia.NewTensor(g, tensor.Float32, len(s), gorgonia.WithShape(s...), gorgonia.WithName(name))
				}
				b := op.Builder{}
				x, w := leaf("x", c.x), leaf("w", c.w)
				y := b.Do(op.Conv{Stride: 1, Pad: 1}, b.Do(op.Upsample{Out: c.out}, x), w)
				cost := b.SumRows(b.Mul(y, leaf("r", y.Shape())))
				if b.Err != nil {
					t.Fatal(b.Err)
				}
				d, err := op.Grad(cost, x, w)
				if err != nil {
					t.Fatal(err)
				}
				outs := gorgonia.Nodes{y, d[0], d[1]}
				p, err := Compile(outs, feed, Options{Threads: threads, Kernels: set})
				if err != nil {
					t.Fatal(err)
				}
				want := reference(feed, outs...)
				for range 2 {
					p.Run()
					for j := range outs {
						compare(t, fmt.Sprintf("case %d, output %d, %s, %d workers\n%v", i, j, set.Name, threads, p), p.Output(j), want[j])
					}
				}
			}
		}
	}
}
