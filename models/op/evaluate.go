package op

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Evaluate is the reference: the values of nodes by the plain operators, in
// float64. feed holds the values of leaves by name.
func Evaluate(feed map[string][]float32, outs ...*gorgonia.Node) [][]float64 {
	at := map[*gorgonia.Node][]float64{}
	for _, n := range Sort(outs...) {
		v := make([]float64, n.Shape().TotalSize())
		if o, ok := Of(n); ok {
			in := Inputs(n)
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
