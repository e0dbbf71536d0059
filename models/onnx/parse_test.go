package onnx

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/nodulescope/nodulescope/internal/use"
)

// field is one field of a parsed message.
type field struct {
	num  protowire.Number
	n    uint64
	data []byte
}

// fields parses one level of a message.
func fields(t testing.TB, b []byte) []field {
	t.Helper()
	var fs []field
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatalf("tag: %v", protowire.ParseError(n))
		}
		b = b[n:]
		f := field{num: num}
		switch kind {
		case protowire.VarintType:
			f.n, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			f.n = uint64(v)
		case protowire.BytesType:
			f.data, n = protowire.ConsumeBytes(b)
		default:
			t.Fatalf("field %d has wire type %d", num, kind)
		}
		if n < 0 {
			t.Fatalf("field %d: %v", num, protowire.ParseError(n))
		}
		b = b[n:]
		fs = append(fs, f)
	}
	return fs
}

// all returns the fields of one number.
func all(fs []field, num protowire.Number) []field {
	var r []field
	for _, f := range fs {
		if f.num == num {
			r = append(r, f)
		}
	}
	return r
}

// first returns the first field of a number, or an empty one.
func first(fs []field, num protowire.Number) field {
	if r := all(fs, num); len(r) > 0 {
		return r[0]
	}
	return field{}
}

type parsedNode struct {
	kind    string
	in, out []string
	attrs   map[string][]int64 // those of integers
}

type parsedValue struct {
	name string
	dims []int
}

type parsedTensor struct {
	parsedValue
	kind int
	raw  []byte
}

// parsed is a model as a reader sees it.
type parsed struct {
	ir, opset       int
	producer, doc   string
	graph           string
	meta            map[string]string
	nodes           []parsedNode
	inputs, outputs []parsedValue
	tensors         []parsedTensor
}

func parse(t testing.TB, b []byte) parsed {
	t.Helper()
	m := fields(t, b)
	p := parsed{
		ir: int(first(m, 1).n), producer: string(first(m, 2).data), doc: string(first(m, 6).data),
		opset: int(first(fields(t, first(m, 8).data), 2).n), meta: map[string]string{},
	}
	for _, f := range all(m, 14) {
		kv := fields(t, f.data)
		p.meta[string(first(kv, 1).data)] = string(first(kv, 2).data)
	}
	g := fields(t, first(m, 7).data)
	p.graph = string(first(g, 2).data)
	for _, f := range all(g, 1) {
		p.nodes = append(p.nodes, parseNode(t, f.data))
	}
	for _, f := range all(g, 5) {
		x := fields(t, f.data)
		v := parsedTensor{parsedValue{name: string(first(x, 8).data)}, int(first(x, 2).n), first(x, 9).data}
		for _, d := range all(x, 1) {
			v.dims = append(v.dims, int(d.n))
		}
		p.tensors = append(p.tensors, v)
	}
	value := func(b []byte) parsedValue {
		x := fields(t, b)
		v := parsedValue{name: string(first(x, 1).data)}
		kind := fields(t, first(fields(t, first(x, 2).data), 1).data)
		if first(kind, 1).n != typeFloat {
			t.Errorf("%s is no float32", v.name)
		}
		for _, d := range all(fields(t, first(kind, 2).data), 1) {
			v.dims = append(v.dims, int(first(fields(t, d.data), 1).n))
		}
		return v
	}
	for _, f := range all(g, 11) {
		p.inputs = append(p.inputs, value(f.data))
	}
	for _, f := range all(g, 12) {
		p.outputs = append(p.outputs, value(f.data))
	}
	return p
}

func parseNode(t testing.TB, b []byte) parsedNode {
	t.Helper()
	x := fields(t, b)
	n := parsedNode{kind: string(first(x, 4).data), attrs: map[string][]int64{}}
	for _, s := range all(x, 1) {
		n.in = append(n.in, string(s.data))
	}
	for _, s := range all(x, 2) {
		n.out = append(n.out, string(s.data))
	}
	for _, a := range all(x, 5) {
		at := fields(t, a.data)
		name := string(first(at, 1).data)
		switch first(at, 20).n {
		case kindInt:
			n.attrs[name] = []int64{int64(first(at, 3).n)}
		case kindInts:
			for _, i := range all(at, 8) {
				n.attrs[name] = append(n.attrs[name], int64(i.n))
			}
		case kindFloat, kindString:
		default:
			t.Errorf("attribute %s of %s has no kind", name, n.kind)
		}
	}
	return n
}

// wellFormed checks what every reader of ONNX asks for: each value is written
// once and before it is read, tensors hold as many bytes as their shape says.
func wellFormed(t testing.TB, what string, p parsed) {
	t.Helper()
	known := map[string]bool{"": true}
	define := func(name string) {
		if known[name] {
			t.Errorf("%s: value %q is defined twice", what, name)
		}
		known[name] = true
	}
	for _, v := range p.inputs {
		define(v.name)
	}
	for _, v := range p.tensors {
		define(v.name)
		size := map[int]int{typeFloat: 4, typeInt64: 8}[v.kind]
		for _, d := range v.dims {
			size *= d
		}
		if size == 0 || len(v.raw) != size {
			t.Errorf("%s: tensor %q %v has %d bytes, want %d", what, v.name, v.dims, len(v.raw), size)
		}
	}
	for i, n := range p.nodes {
		for _, s := range n.in {
			if !known[s] {
				t.Errorf("%s: node %d (%s) reads %q before it is written", what, i, n.kind, s)
			}
		}
		for _, s := range n.out {
			define(s)
		}
	}
	for _, v := range p.outputs {
		if !known[v.name] {
			t.Errorf("%s: output %q is not computed", what, v.name)
		}
	}
	if p.ir != 8 || p.opset != 17 || p.producer != "nodulescope" || p.graph == "" {
		t.Errorf("%s: header %s", what, fmt.Sprint(p.ir, p.opset, p.producer, p.graph))
	}
	if p.doc != use.Statement || p.meta[KeyIntendedUse] != use.Statement {
		t.Errorf("%s: the intended use is missing", what)
	}
}
