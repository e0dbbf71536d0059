package onnx

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestEveryOperatorIsWellFormed(t *testing.T) {
	again := operators(t)
	for i, n := range operators(t) {
		b := n.export(t)
		p := parse(t, b)
		wellFormed(t, n.name, p)
		for j, out := range n.outs {
			if got := p.outputs[j]; got.name != n.outNames()[j] || !out.Shape().Eq(tensor.Shape(got.dims)) {
				t.Errorf("%s: output %q %v, want %q %v", n.name, got.name, got.dims, n.outNames()[j], out.Shape())
			}
		}
		if !bytes.Equal(b, again[i].export(t)) {
			t.Errorf("%s: the same graph gave other bytes", n.name)
		}
	}
}

// TestDense follows a small network node by node.
func TestDense(t *testing.T) {
	g := gorgonia.NewGraph()
	b := op.Builder{}
	x, w, bias := leaf(g, "v1", 2, 3), leaf(g, "w", 3, 4), leaf(g, "b", 4)
	y := b.Do(op.Unary{F: op.LeakyReLU, C: 0.2}, b.AddChannel(b.Do(op.MatMul{}, x, w), bias))
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	params := map[string][]float32{"w": make([]float32, 12), "b": {1, 2, 3, 4}, "elsewhere": nil}
	m, err := Export(gorgonia.Nodes{y, x}, []string{"y", "copy"}, params,
		Options{Name: "dense", Version: "v1.2", Digest: "sha256:0", Metadata: map[string]string{"k": "v"}})
	if err != nil {
		t.Fatal(err)
	}
	p := parse(t, m)
	wellFormed(t, "dense", p)
	var got []string
	for _, n := range p.nodes {
		got = append(got, n.kind+"("+strings.Join(n.in, ",")+")="+n.out[0])
	}
	// v1 is the name of a leaf, so values begin at v2; the expanded bias stays
	// small, for Add broadcasts.
	want := []string{"MatMul(v1,w)=v2", "Reshape(b,v4)=v3", "Add(v2,v3)=v5", "LeakyRelu(v5)=y", "Identity(v1)=copy"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("nodes (-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[string]string{KeyIntendedUse: use.Statement, keyDigest: "sha256:0", "k": "v"}, p.meta); d != "" {
		t.Errorf("metadata (-want +got):\n%s", d)
	}
	if len(p.inputs) != 1 || p.inputs[0].name != "v1" || cmp.Diff([]int{2, 3}, p.inputs[0].dims) != "" {
		t.Errorf("inputs %v", p.inputs)
	}
	if p.graph != "dense" || len(p.tensors) != 3 || cmp.Diff(rawFloats(params["b"]), p.tensors[1].raw) != "" {
		t.Errorf("graph %q, tensors %v", p.graph, p.tensors)
	}
}

// TestConvolutionAttributes: 28 is halved to 14 with a row left over, which
// the adjoint has to put back and the gradient of the kernel to leave out.
func TestConvolutionAttributes(t *testing.T) {
	c := op.Conv{Stride: 2, Pad: 1}
	for _, k := range []struct {
		o      op.Operator
		shapes [][]int
		kind   string
		want   map[string][]int64
	}{
		{op.ConvData{Conv: c, In: []int{28, 27}}, [][]int{{4, 1, 3, 3}, {2, 4, 14, 14}}, "ConvTranspose",
			map[string][]int64{"kernel_shape": {3, 3}, "strides": {2, 2}, "pads": {1, 1, 1, 1}, "output_padding": {1, 0}}},
		{op.ConvWeight{Conv: c, Kernel: []int{3, 3}}, [][]int{{2, 1, 28, 27}, {2, 4, 14, 14}}, "Conv",
			map[string][]int64{"kernel_shape": {14, 14}, "dilations": {2, 2}, "pads": {1, 1, 0, 1}}},
	} {
		g := gorgonia.NewGraph()
		y, err := op.Apply(k.o, leaf(g, "a", k.shapes[0]...), leaf(g, "b", k.shapes[1]...))
		if err != nil {
			t.Fatal(err)
		}
		m, err := Export(gorgonia.Nodes{y}, []string{"y"}, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, n := range parse(t, m).nodes {
			if n.kind == k.kind {
				found = true
				if d := cmp.Diff(k.want, n.attrs); d != "" {
					t.Errorf("%s (-want +got):\n%s", k.o.Name(), d)
				}
			}
		}
		if !found {
			t.Errorf("%s: no %s", k.o.Name(), k.kind)
		}
	}
}

// TestWhatNoOutputNeeds: the gradient of a sum does not depend on the summed
// values, so nothing is left of them.
func TestWhatNoOutputNeeds(t *testing.T) {
	g := gorgonia.NewGraph()
	b := op.Builder{}
	x, y := leaf(g, "x", 2, 3), leaf(g, "y", 2, 3)
	cost := b.SumRows(b.Add(b.Unary(op.Exp, x), b.Unary(op.Square, y)))
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	d, err := op.Grad(cost, y)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Export(d, []string{"dy"}, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := parse(t, m)
	wellFormed(t, "gradient", p)
	if len(p.inputs) != 1 || p.inputs[0].name != "y" {
		t.Errorf("inputs %v, want y alone", p.inputs)
	}
}

// stranger is an operator that this package does not know.
type stranger struct{ op.Unary }

func (stranger) Name() string { return "stranger" }

func TestExportRefuses(t *testing.T) {
	g := gorgonia.NewGraph()
	x := leaf(g, "x", 2, 3)
	d := gorgonia.NewTensor(g, tensor.Float64, 2, gorgonia.WithShape(2, 3), gorgonia.WithName("wide"))
	must := func(o op.Operator, in *gorgonia.Node) *gorgonia.Node {
		n, err := op.Apply(o, in)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	exp := must(op.Unary{F: op.Exp}, x)
	for name, c := range map[string]struct {
		outs   gorgonia.Nodes
		names  []string
		params map[string][]float32
		want   string
	}{
		"no output":        {nil, nil, nil, "0 outputs"},
		"names missing":    {gorgonia.Nodes{exp}, nil, nil, "0 names"},
		"empty name":       {gorgonia.Nodes{exp}, []string{""}, nil, "output 0"},
		"name of a leaf":   {gorgonia.Nodes{exp}, []string{"x"}, nil, `"x"`},
		"name twice":       {gorgonia.Nodes{exp, exp}, []string{"y", "y"}, nil, "output 1"},
		"two leaves":       {gorgonia.Nodes{exp, must(op.Unary{F: op.Abs}, leaf(g, "x", 9))}, []string{"y", "z"}, nil, "leaf"},
		"unknown operator": {gorgonia.Nodes{must(stranger{op.Unary{F: op.Exp}}, exp)}, []string{"y"}, nil, "stranger"},
		"of Gorgonia":      {gorgonia.Nodes{gorgonia.Must(gorgonia.Tanh(x))}, []string{"y"}, nil, "tanh"},
		"float64":          {gorgonia.Nodes{must(op.Unary{F: op.Exp}, d)}, []string{"y"}, nil, "wide"},
		"parameter size":   {gorgonia.Nodes{exp}, []string{"y"}, map[string][]float32{"x": make([]float32, 5)}, `"x"`},
	} {
		_, err := Export(c.outs, c.names, c.params, Options{})
		if !errors.Is(err, errGraph) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := Export(gorgonia.Nodes{exp}, []string{"y"}, nil, Options{Metadata: map[string]string{KeyIntendedUse: "diagnosis"}}); err == nil {
		t.Error("the intended use was replaced")
	}
}
