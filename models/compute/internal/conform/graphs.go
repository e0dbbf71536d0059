package conform

import (
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// RandomGraph makes a graph of element-wise operators, expansions, sums and
// shapes in which values are used once or often.
func RandomGraph(rng *rand.Rand) (feed map[string][]float32, outs gorgonia.Nodes, err error) {
	g := gorgonia.NewGraph()
	feed = map[string][]float32{}
	big := tensor.Shape{1 + rng.IntN(3), 1 + rng.IntN(5), 1 + rng.IntN(900)}
	small := tensor.Shape{1, big[1], 1}
	leaf := func(name string, s tensor.Shape) *gorgonia.Node {
		feed[name] = make([]float32, s.TotalSize())
		for j := range feed[name] {
			feed[name][j] = float32(rng.NormFloat64())
		}
		return gorgonia.NewTensor(g, tensor.Float32, len(s), gorgonia.WithShape(s...), gorgonia.WithName(name))
	}
	b := op.Builder{}
	nodes := gorgonia.Nodes{leaf("x", big), leaf("y", big), b.Do(op.Expand{Out: big}, leaf("v", small))}
	pick := func() *gorgonia.Node { return nodes[rng.IntN(len(nodes))] }
	unary := []op.Unary{{F: op.Scale, C: -0.7}, {F: op.Shift, C: 0.3}, {F: op.LeakyReLU, C: 0.2}, {F: op.LeakyGate, C: 0.2},
		{F: op.Sigmoid}, {F: op.Tanh}, {F: op.Abs}, {F: op.Fill, C: 0.5}}
	for range 4 + rng.IntN(12) {
		switch rng.IntN(6) {
		case 0, 1:
			nodes = append(nodes, b.Do(unary[rng.IntN(len(unary))], pick()))
		case 2, 3:
			nodes = append(nodes, b.Do(op.Binary{F: "+-*"[rng.IntN(3)]}, pick(), pick()))
		case 4:
			s := b.Do(op.SumTo{Out: small}, b.Scale(pick(), 0.1))
			nodes = append(nodes, b.Do(op.Expand{Out: big}, b.Unary(op.Tanh, s)))
		case 5:
			r := b.Reshape(pick(), big.TotalSize())
			nodes = append(nodes, b.Reshape(b.Do(op.Unary{F: op.LeakyReLU, C: 0.2}, r), big...))
		}
		nodes[len(nodes)-1] = b.Unary(op.Tanh, nodes[len(nodes)-1]) // keep values near 1
	}
	outs = gorgonia.Nodes{nodes[len(nodes)-1], b.Do(op.SumTo{Out: small}, pick())}
	if rng.IntN(2) == 0 {
		outs = append(outs, pick())
	}
	return feed, outs, b.Err
}

// UpCase is a convolution of three taps of an upsampled tensor.
type UpCase struct{ X, Out, W []int }

// Upsampled are shapes whole and cropped, in two and three axes.
var Upsampled = []UpCase{
	{[]int{2, 5, 4, 4, 4}, []int{7, 7, 7}, []int{3, 5, 3, 3, 3}},
	{[]int{3, 2, 3, 4, 2}, []int{6, 8, 4}, []int{13, 2, 3, 3, 3}},
	{[]int{1, 4, 5, 5, 5}, []int{10, 10, 10}, []int{1, 4, 3, 3, 3}},
	{[]int{2, 3, 4, 5}, []int{8, 10}, []int{14, 3, 3, 3}},
	{[]int{1, 3, 4, 5}, []int{7, 9}, []int{2, 3, 3, 3}},
	{[]int{1, 1, 1, 1, 1}, []int{2, 2, 2}, []int{1, 1, 3, 3, 3}},
	{[]int{10, 5, 4, 4, 4}, []int{7, 7, 7}, []int{3, 5, 3, 3, 3}},
	{[]int{20, 2, 3, 3, 2}, []int{6, 6, 4}, []int{1, 2, 3, 3, 3}},
}

// Graph builds the convolution and its derivatives: y, dx and dw. Leaves are
// values to bind.
func (c UpCase) Graph(rng *rand.Rand) (feed map[string][]float32, outs gorgonia.Nodes, err error) {
	g := gorgonia.NewGraph()
	feed = map[string][]float32{}
	leaf := func(name string, s []int) *gorgonia.Node {
		feed[name] = make([]float32, tensor.Shape(s).TotalSize())
		for j := range feed[name] {
			feed[name][j] = float32(rng.NormFloat64())
		}
		return gorgonia.NewTensor(g, tensor.Float32, len(s), gorgonia.WithShape(s...), gorgonia.WithName(name))
	}
	b := op.Builder{}
	x, w := leaf("x", c.X), leaf("w", c.W)
	y := b.Do(op.Conv{Stride: 1, Pad: 1}, b.Do(op.Upsample{Out: c.Out}, x), w)
	if b.Err != nil {
		return nil, nil, b.Err
	}
	cost := b.SumRows(b.Mul(y, leaf("r", y.Shape())))
	if b.Err != nil {
		return nil, nil, b.Err
	}
	d, err := op.Grad(cost, x, w)
	if err != nil {
		return nil, nil, err
	}
	return feed, gorgonia.Nodes{y, d[0], d[1]}, nil
}
