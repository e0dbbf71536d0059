package onnx

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// message is a protocol buffer in the making. Field numbers are those of
// onnx.proto (ONNX IR version 8).
type message []byte

func (m *message) number(field protowire.Number, v int64) {
	*m = protowire.AppendTag(*m, field, protowire.VarintType)
	*m = protowire.AppendVarint(*m, uint64(v)) //nolint:gosec // two's complement, as int64 fields are
}

func (m *message) single(field protowire.Number, v float32) {
	*m = protowire.AppendTag(*m, field, protowire.Fixed32Type)
	*m = protowire.AppendFixed32(*m, math.Float32bits(v))
}

func (m *message) bytes(field protowire.Number, b []byte) {
	*m = protowire.AppendTag(*m, field, protowire.BytesType)
	*m = protowire.AppendBytes(*m, b)
}

func (m *message) text(field protowire.Number, s string) {
	*m = protowire.AppendTag(*m, field, protowire.BytesType)
	*m = protowire.AppendString(*m, s)
}

// Element types of TensorProto.
const (
	typeFloat = 1
	typeInt64 = 7
)

// Kinds of AttributeProto.
const (
	kindFloat  = 1
	kindInt    = 2
	kindString = 3
	kindInts   = 7
)

// attr is an AttributeProto.
type attr message

func newAttr(name string, kind int64, value func(*message)) attr {
	var m message
	m.text(1, name)
	value(&m)
	m.number(20, kind)
	return attr(m)
}

func floatAttr(name string, v float32) attr {
	return newAttr(name, kindFloat, func(m *message) { m.single(2, v) })
}

func intAttr(name string, v int64) attr {
	return newAttr(name, kindInt, func(m *message) { m.number(3, v) })
}

func textAttr(name, v string) attr {
	return newAttr(name, kindString, func(m *message) { m.text(4, v) })
}

func intsAttr(name string, vs []int) attr {
	return newAttr(name, kindInts, func(m *message) {
		for _, v := range vs {
			m.number(8, int64(v))
		}
	})
}

// nodeProto is one operation; in and out are names of values.
func nodeProto(name, kind string, in []string, out string, attrs []attr) message {
	var m message
	for _, s := range in {
		m.text(1, s)
	}
	m.text(2, out)
	m.text(3, name)
	m.text(4, kind)
	for _, a := range attrs {
		m.bytes(5, a)
	}
	return m
}

// tensorProto is a constant, row-major, little-endian.
func tensorProto(name string, kind int64, dims []int, raw []byte) message {
	var m message
	for _, d := range dims {
		m.number(1, int64(d))
	}
	m.number(2, kind)
	m.text(8, name)
	m.bytes(9, raw)
	return m
}

// valueProto is a ValueInfoProto: a float32 input or output with its shape.
func valueProto(name string, dims []int) message {
	var shape, tensor, kind, value message
	for _, d := range dims {
		var dim message
		dim.number(1, int64(d))
		shape.bytes(1, dim)
	}
	tensor.number(1, typeFloat)
	tensor.bytes(2, shape)
	kind.bytes(1, tensor)
	value.text(1, name)
	value.bytes(2, kind)
	return value
}

// pairProto is a StringStringEntryProto.
func pairProto(key, value string) message {
	var m message
	m.text(1, key)
	m.text(2, value)
	return m
}

func rawFloats(x []float32) []byte {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func rawInts(x []int) []byte {
	b := make([]byte, 0, 8*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, uint64(v)) //nolint:gosec // two's complement
	}
	return b
}
