package onnx

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Versions of the format that is written.
const (
	irVersion = 8
	opset     = 17
)

// Metadata keys that Export writes itself.
const (
	KeyIntendedUse = "intended_use"
	keyDigest      = "model_digest" // of the weights, as models.Params.Digest writes it
)

// errGraph says that a graph cannot be written as ONNX.
var errGraph = errors.New("onnx: graph cannot be exported")

// Options of Export.
type Options struct {
	Name     string            // of the graph; "" is "nodulescope"
	Version  string            // of the program, as producer version
	Digest   string            // of the weights; "" leaves it out
	Metadata map[string]string // more metadata; may not hold the keys above

	// Clip cuts outputs, by name, to [low, high]: what a graph of package op
	// leaves to the loop that runs it.
	Clip map[string][2]float32
}

// Export writes the graph behind outs as an ONNX model (a serialised
// ModelProto). outs[i] is the output outNames[i]. Leaves are found by name:
// those in params become initialisers with these values (row-major, one per
// element), the others inputs, in the order in which the graph reaches them.
// A leaf whose value no output depends on is left out.
//
// Errors wrap ErrGraph and name the node: an operator from elsewhere than
// package op, a value that is not float32, a parameter of another size, a name
// that is missing or used twice.
func Export(outs gorgonia.Nodes, outNames []string, params map[string][]float32, o Options) ([]byte, error) {
	if len(outs) == 0 || len(outs) != len(outNames) {
		return nil, fmt.Errorf("%w: %d outputs with %d names", errGraph, len(outs), len(outNames))
	}
	e := exporter{name: map[*gorgonia.Node]string{}, taken: map[string]bool{}, consts: map[string]string{}}
	order := op.SortBy(needs, outs...)
	if err := e.reserve(order, outs, outNames, o.Clip); err != nil {
		return nil, err
	}
	for _, n := range order {
		if err := e.add(n, params); err != nil {
			return nil, err
		}
	}
	for i, n := range outs {
		limits, cut := o.Clip[outNames[i]]
		switch {
		case cut:
			e.put("Clip", outNames[i], []string{e.name[n], e.floats(nil, limits[0]), e.floats(nil, limits[1])})
		case e.name[n] != outNames[i]: // a leaf, or an output under a second name
			e.put("Identity", outNames[i], []string{e.name[n]})
		}
		e.outputs.bytes(12, valueProto(outNames[i], n.Shape()))
	}
	return e.model(o)
}

// exporter collects the parts of a GraphProto.
type exporter struct {
	nodes, initialisers, inputs, outputs message

	name   map[*gorgonia.Node]string // of the value of a node
	taken  map[string]bool           // names of values
	consts map[string]string         // content of a constant to its name
	count  int                       // of values that were named here
}

// reserve takes the names of leaves and outputs, so that no other value gets
// them. What is cut before it is put out keeps a name of its own.
func (e *exporter) reserve(order, outs gorgonia.Nodes, outNames []string, cut map[string][2]float32) error {
	take := func(name, what string) error {
		if name == "" || e.taken[name] {
			return fmt.Errorf("%w: %s is called %q, which is empty or taken", errGraph, what, name)
		}
		e.taken[name] = true
		return nil
	}
	for _, n := range order {
		if n.Op() != nil {
			continue
		}
		if err := take(n.Name(), fmt.Sprintf("a leaf %v", n.Shape())); err != nil {
			return err
		}
		e.name[n] = n.Name()
	}
	for i, n := range outs {
		if err := take(outNames[i], fmt.Sprintf("output %d", i)); err != nil {
			return err
		}
		if _, ok := cut[outNames[i]]; e.name[n] == "" && !ok {
			e.name[n] = outNames[i]
		}
	}
	return nil
}

// add writes one node, whose inputs are written already.
func (e *exporter) add(n *gorgonia.Node, params map[string][]float32) error {
	if n.Dtype() != tensor.Float32 {
		return fmt.Errorf("%w: %s %v holds %v, want float32", errGraph, n.Name(), n.Shape(), n.Dtype())
	}
	if n.Op() == nil {
		x, bound := params[n.Name()]
		switch {
		case !bound:
			e.inputs.bytes(11, valueProto(n.Name(), n.Shape()))
		case len(x) != n.Shape().TotalSize():
			return fmt.Errorf("%w: %q has %d values, the graph wants %v", errGraph, n.Name(), len(x), n.Shape())
		default:
			e.initialisers.bytes(5, tensorProto(n.Name(), typeFloat, n.Shape(), rawFloats(x)))
		}
		return nil
	}
	o, ok := op.Of(n)
	if !ok {
		return fmt.Errorf("%w: %s (%v) is no operator of models/op", errGraph, n.Name(), n.Op())
	}
	if e.name[n] == "" {
		e.name[n] = e.fresh()
	}
	if !e.lower(n, o) {
		return fmt.Errorf("%w: %s: ONNX form of operator %s is not known", errGraph, n.Name(), o.Name())
	}
	return nil
}

// fresh is a name that no value has.
func (e *exporter) fresh() string {
	for {
		e.count++
		if s := fmt.Sprintf("v%d", e.count); !e.taken[s] {
			e.taken[s] = true
			return s
		}
	}
}

// put writes an operation whose value is called out.
func (e *exporter) put(kind, out string, in []string, attrs ...attr) {
	e.nodes.bytes(1, nodeProto(kind+"/"+out, kind, in, out, attrs))
}

// via is put for a value that nothing outside knows; it returns its name.
func (e *exporter) via(kind string, in []string, attrs ...attr) string {
	out := e.fresh()
	e.put(kind, out, in, attrs...)
	return out
}

// constant returns the name of an initialiser; equal ones are written once.
func (e *exporter) constant(kind int64, dims []int, raw []byte) string {
	key := fmt.Sprint(kind, dims, string(raw))
	if e.consts[key] == "" {
		e.consts[key] = e.fresh()
		e.initialisers.bytes(5, tensorProto(e.consts[key], kind, dims, raw))
	}
	return e.consts[key]
}

// ints is a constant vector of int64: a shape, axes.
func (e *exporter) ints(v ...int) string { return e.constant(typeInt64, []int{len(v)}, rawInts(v)) }

// floats is a constant float32 tensor.
func (e *exporter) floats(dims []int, v ...float32) string {
	return e.constant(typeFloat, dims, rawFloats(v))
}

// scalar is a constant number that broadcasts to any shape.
func (e *exporter) scalar(v float64) string { return e.floats(nil, float32(v)) }

func (e *exporter) model(o Options) ([]byte, error) {
	meta := map[string]string{}
	for k, v := range o.Metadata {
		if k == KeyIntendedUse || k == keyDigest {
			return nil, fmt.Errorf("onnx: metadata key %q is written by Export", k)
		}
		meta[k] = v
	}
	meta[KeyIntendedUse] = use.Statement
	if o.Digest != "" {
		meta[keyDigest] = o.Digest
	}
	if o.Name == "" {
		o.Name = "nodulescope"
	}
	graph := slices.Clone(e.nodes)
	graph.text(2, o.Name)
	graph = append(append(append(graph, e.initialisers...), e.inputs...), e.outputs...)
	if len(graph) > math.MaxInt32-1<<20 {
		return nil, fmt.Errorf("%w: %d bytes, a protocol buffer holds 2 GiB", errGraph, len(graph))
	}
	var m, set message
	m.number(1, irVersion)
	m.text(2, "nodulescope")
	if o.Version != "" {
		m.text(3, o.Version)
	}
	m.text(6, use.Statement)
	m.bytes(7, graph)
	set.text(1, "")
	set.number(2, opset)
	m.bytes(8, set)
	for _, k := range slices.Sorted(maps.Keys(meta)) {
		m.bytes(14, pairProto(k, meta[k]))
	}
	return m, nil
}
