package models

import (
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Graph is a network under construction: parameters and inputs are leaves of
// one expression graph. Like op.Builder it keeps the first error.
type Graph struct {
	op.Builder
	G      *gorgonia.ExprGraph
	Dtype  tensor.Dtype
	leaves map[string]*gorgonia.Node
	shapes map[string][]int // of parameters
}

// newGraph starts a graph that knows the parameters of some networks. dtype is
// tensor.Float32, or tensor.Float64 for the reference.
func newGraph(dtype tensor.Dtype, specs []spec) *Graph {
	g := &Graph{G: gorgonia.NewGraph(), Dtype: dtype, leaves: map[string]*gorgonia.Node{}, shapes: map[string][]int{}}
	for _, s := range specs {
		g.shapes[s.name] = s.shape
	}
	return g
}

// Param is the leaf of a parameter.
func (g *Graph) Param(name string) *gorgonia.Node { return g.Input(name, g.shapes[name]...) }

// Params are the leaves of all of ps, in order.
func (g *Graph) Params(ps Params) gorgonia.Nodes {
	ns := make(gorgonia.Nodes, len(ps))
	for i, p := range ps {
		ns[i] = g.Param(p.Name)
	}
	return ns
}

// Input is a named leaf.
func (g *Graph) Input(name string, shape ...int) *gorgonia.Node {
	if n, ok := g.leaves[name]; ok {
		return n
	}
	n := gorgonia.NewTensor(g.G, g.Dtype, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
	g.leaves[name] = n
	return n
}

func (g *Graph) conv(name string, stride int, x *gorgonia.Node) *gorgonia.Node {
	return g.AddChannel(g.Do(op.Conv{Stride: stride, Pad: 1}, x, g.Param(name+".weight")), g.Param(name+".bias"))
}

func (g *Graph) linear(name string, x *gorgonia.Node) *gorgonia.Node {
	return g.AddChannel(g.Do(op.MatMul{}, x, g.Param(name+".weight")), g.Param(name+".bias"))
}

func (g *Graph) leaky(x *gorgonia.Node) *gorgonia.Node {
	return g.Do(op.Unary{F: op.LeakyReLU, C: leak}, x)
}

// upsampler is the decoder of reference network v1: linear latent->128x4^d;
// three times upsampling (to 7, 14 and 28) and a convolution of 3 taps, to 64,
// 32 and 1 channels; sigmoid. Parameters are named prefix.linear and
// prefix.conv1 to prefix.conv3.
func (g *Graph) upsampler(prefix string, dims int, z *gorgonia.Node) *gorgonia.Node {
	if g.Err != nil {
		return nil
	}
	up := func(edge int, x *gorgonia.Node) *gorgonia.Node {
		return g.Do(op.Upsample{Out: edges(dims, edge)}, x)
	}
	h := g.leaky(g.linear(prefix+".linear", z))
	h = g.Reshape(h, edges(dims, eighth, z.Shape()[0], 128)...)
	h = g.leaky(g.conv(prefix+".conv1", 1, up(quarter, h)))
	h = g.leaky(g.conv(prefix+".conv2", 1, up(half, h)))
	return g.Unary(op.Sigmoid, g.conv(prefix+".conv3", 1, up(size, h)))
}

// edges is [lead..., edge, edge(, edge)].
func edges(dims, edge int, lead ...int) []int {
	s := append([]int(nil), lead...)
	for range dims {
		s = append(s, edge)
	}
	return s
}

func cube(n, dims int) int {
	c := 1
	for range dims {
		c *= n
	}
	return c
}

func convSpecs(dims int, name string, kernel, in, out int) []spec {
	return []spec{{name + ".weight", edges(dims, kernel, out, in), in * cube(kernel, dims)}, {name: name + ".bias", shape: []int{out}}}
}

func linearSpecs(name string, in, out int) []spec {
	return []spec{{name + ".weight", []int{in, out}, in}, {name: name + ".bias", shape: []int{out}}}
}

func upsamplerSpecs(prefix string, dims, latent int) []spec {
	s := linearSpecs(prefix+".linear", latent, 128*cube(eighth, dims))
	s = append(s, convSpecs(dims, prefix+".conv1", 3, 128, 64)...)
	s = append(s, convSpecs(dims, prefix+".conv2", 3, 64, 32)...)
	return append(s, convSpecs(dims, prefix+".conv3", 3, 32, 1)...)
}
