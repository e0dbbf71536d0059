package models

import (
	"fmt"

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
	shapes map[string][]int          // of parameters
	normed map[string]gorgonia.Nodes // what batch normalisation is applied to, per layer and per use
}

// newGraph starts a graph that knows the parameters of some networks. dtype is
// tensor.Float32, or tensor.Float64 for the reference.
func newGraph(dtype tensor.Dtype, specs []spec) *Graph {
	g := &Graph{G: gorgonia.NewGraph(), Dtype: dtype, leaves: map[string]*gorgonia.Node{}, shapes: map[string][]int{}, normed: map[string]gorgonia.Nodes{}}
	for _, s := range specs {
		g.shapes[s.name] = s.shape
	}
	return g
}

// param is the leaf of a parameter.
func (g *Graph) param(name string) *gorgonia.Node { return g.Input(name, g.shapes[name]...) }

// Params are the leaves of all of ps, in order.
func (g *Graph) Params(ps Params) gorgonia.Nodes {
	ns := make(gorgonia.Nodes, len(ps))
	for i, p := range ps {
		ns[i] = g.param(p.Name)
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
	return g.AddChannel(g.Do(op.Conv{Stride: stride, Pad: 1}, x, g.param(name+".weight")), g.param(name+".bias"))
}

func (g *Graph) linear(name string, x *gorgonia.Node) *gorgonia.Node {
	return g.AddChannel(g.Do(op.MatMul{}, x, g.param(name+".weight")), g.param(name+".bias"))
}

func (g *Graph) leaky(x *gorgonia.Node) *gorgonia.Node {
	return g.Do(op.Unary{F: op.LeakyReLU, C: leak}, x)
}

// style is what layers of one shape may differ in.
type style struct {
	slope float64 // of the activation below zero
	norm  bool    // batch normalisation before every activation
	group bool    // group normalisation before every activation
}

func (g *Graph) act(s style, x *gorgonia.Node) *gorgonia.Node {
	return g.Do(op.Unary{F: op.LeakyReLU, C: s.slope}, x)
}

// convAct is a convolution, with bias or normalisation, and its activation.
func (g *Graph) convAct(name string, stride int, s style, x *gorgonia.Node) *gorgonia.Node {
	if s.group {
		return g.act(s, g.groupNorm(name, g.Do(op.Conv{Stride: stride, Pad: 1}, x, g.param(name+".weight"))))
	}
	if s.norm {
		return g.act(s, g.norm(name, g.Do(op.Conv{Stride: stride, Pad: 1}, x, g.param(name+".weight"))))
	}
	return g.act(s, g.conv(name, stride, x))
}

// upsampler is the decoder of reference network v1: linear latent->128x4^d;
// three times upsampling (to 7, 14 and 28) and a convolution of 3 taps, to 64,
// 32 and 1 channels; sigmoid. Parameters are named prefix.linear and
// prefix.conv1 to prefix.conv3.
func (g *Graph) upsampler(prefix string, dims int, z *gorgonia.Node, s style) *gorgonia.Node {
	if g.Err != nil {
		return nil
	}
	up := func(edge int, x *gorgonia.Node) *gorgonia.Node {
		return g.Do(op.Upsample{Out: edges(dims, edge)}, x)
	}
	first := edges(dims, eighth, z.Shape()[0], 128)
	var h *gorgonia.Node
	if s.norm {
		h = g.Do(op.MatMul{}, z, g.param(prefix+".linear.weight"))
		h = g.act(s, g.norm(prefix+".linear", g.Reshape(h, first...)))
	} else {
		h = g.Reshape(g.act(s, g.linear(prefix+".linear", z)), first...)
	}
	h = g.convAct(prefix+".conv1", 1, s, up(quarter, h))
	h = g.convAct(prefix+".conv2", 1, s, up(half, h))
	return g.Unary(op.Sigmoid, g.conv(prefix+".conv3", 1, up(size, h)))
}

// exists says what is wrong with the size of a network.
func exists(kind string, dims, latent int) error {
	if dims != 2 && dims != 3 {
		return fmt.Errorf("models: a %s has 2 or 3 dimensions, not %d", kind, dims)
	}
	if latent < 1 || latent > 4096 {
		return fmt.Errorf("models: latent size %d: want 1 to 4096", latent)
	}
	return nil
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

func convSpecs(dims int, name string, kernel, in, out int, norm bool) []spec {
	w := spec{name + ".weight", edges(dims, kernel, out, in), in * cube(kernel, dims)}
	return append([]spec{w}, shiftSpecs(name, out, norm)...)
}

func linearSpecs(name string, in, out int) []spec {
	return append([]spec{{name + ".weight", []int{in, out}, in}}, shiftSpecs(name, out, false)...)
}

// shiftSpecs are what follows a product: a bias, or the scale and shift of a
// normalisation, which make a bias useless.
func shiftSpecs(name string, channels int, norm bool) []spec {
	if norm {
		return []spec{{name: name + scaleSuffix, shape: []int{channels}}, {name: name + shiftSuffix, shape: []int{channels}}}
	}
	return []spec{{name: name + ".bias", shape: []int{channels}}}
}

func upsamplerSpecs(prefix string, dims, latent int, norm bool) []spec {
	s := linearSpecs(prefix+".linear", latent, 128*cube(eighth, dims))
	if norm { // by channel, not by unit
		s = append(s[:1], shiftSpecs(prefix+".linear", 128, true)...)
	}
	s = append(s, convSpecs(dims, prefix+".conv1", 3, 128, 64, norm)...)
	s = append(s, convSpecs(dims, prefix+".conv2", 3, 64, 32, norm)...)
	return append(s, convSpecs(dims, prefix+".conv3", 3, 32, 1, false)...)
}
