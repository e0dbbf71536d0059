package onnx

import (
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
)

// needs are the nodes whose values the ONNX form of n reads.
func needs(n *gorgonia.Node) gorgonia.Nodes {
	o, ok := op.Of(n)
	if !ok {
		return nil
	}
	in := op.Inputs(n)
	switch o := o.(type) {
	case op.Unary:
		if o.F == op.Fill {
			return nil
		}
	case op.Binary:
		// ONNX broadcasts: what is expanded to the shape of the other operand
		// may stay small.
		if x, ok := expanded(in[1]); ok {
			return gorgonia.Nodes{in[0], x}
		}
		if x, ok := expanded(in[0]); ok {
			return gorgonia.Nodes{x, in[1]}
		}
	}
	return in
}

// expanded returns what n is the expansion of.
func expanded(n *gorgonia.Node) (*gorgonia.Node, bool) {
	o, _ := op.Of(n)
	if _, ok := o.(op.Expand); ok {
		return op.Inputs(n)[0], true
	}
	return nil, false
}

// lower writes operator o of node n, or returns false where it is not known.
func (e *exporter) lower(n *gorgonia.Node, o op.Operator) bool {
	nodes := needs(n)
	in := make([]string, len(nodes))
	for i, m := range nodes {
		in[i] = e.name[m]
	}
	out := e.name[n]
	switch o := o.(type) {
	case op.Conv:
		e.conv(o, out, in, nodes[1].Shape())
	case op.ConvData:
		e.convData(o, out, in, nodes[0].Shape(), nodes[1].Shape())
	case op.ConvWeight:
		e.convWeight(o, out, in, nodes[0].Shape(), nodes[1].Shape())
	case op.Upsample:
		e.upsample(out, in, nodes[0].Shape(), n.Shape())
	case op.BlockSum:
		e.blockSum(out, in, nodes[0].Shape(), n.Shape())
	case op.MatMul:
		e.matMul(o, out, in)
	case op.Reshape:
		e.put("Reshape", out, append(in, e.ints(o.Out...)))
	case op.Expand:
		e.put("Expand", out, append(in, e.ints(o.Out...)))
	case op.SumTo:
		e.sumTo(out, in, nodes[0].Shape(), o.Out)
	case op.Unary:
		return e.unary(o, out, in, n.Shape())
	case op.Binary:
		kind, ok := binaries[o.F]
		if ok {
			e.put(kind, out, in)
		}
		return ok
	default:
		return false
	}
	return true
}

var binaries = map[byte]string{'+': "Add", '-': "Sub", '*': "Mul", '/': "Div"}

// unaries are the functions that ONNX has under one name.
var unaries = map[op.Func]string{
	op.Exp: "Exp", op.Log: "Log", op.Sqrt: "Sqrt", op.Abs: "Abs", op.Sign: "Sign", op.Recip: "Reciprocal",
	op.Sigmoid: "Sigmoid", op.Tanh: "Tanh", op.Softplus: "Softplus",
}

func (e *exporter) unary(u op.Unary, out string, in []string, shape []int) bool {
	switch u.F {
	case op.Square:
		e.put("Mul", out, []string{in[0], in[0]})
	case op.Scale:
		e.put("Mul", out, append(in, e.scalar(u.C)))
	case op.Shift:
		e.put("Add", out, append(in, e.scalar(u.C)))
	case op.LeakyReLU:
		e.put("LeakyRelu", out, in, floatAttr("alpha", float32(u.C)))
	case op.LeakyGate:
		above := e.via("Greater", append(in, e.scalar(0)))
		e.put("Where", out, []string{above, e.scalar(1), e.scalar(u.C)})
	case op.Fill:
		e.put("Expand", out, []string{e.scalar(u.C), e.ints(shape...)})
	default:
		kind, ok := unaries[u.F]
		if ok {
			e.put(kind, out, in)
		}
		return ok
	}
	return true
}

func (e *exporter) matMul(m op.MatMul, out string, in []string) {
	if !m.TransA && !m.TransB {
		e.put("MatMul", out, in)
		return
	}
	var attrs []attr
	if m.TransA {
		attrs = append(attrs, intAttr("transA", 1))
	}
	if m.TransB {
		attrs = append(attrs, intAttr("transB", 1))
	}
	e.put("Gemm", out, in, attrs...)
}

func (e *exporter) sumTo(out string, in []string, large, small []int) {
	var axes []int
	for i := range large {
		if large[i] != small[i] {
			axes = append(axes, i)
		}
	}
	if len(axes) == 0 { // ReduceSum without axes would reduce them all
		e.put("Identity", out, in)
		return
	}
	e.put("ReduceSum", out, append(in, e.ints(axes...)), intAttr("keepdims", 1))
}
