#!/usr/bin/env bash
# One would guess: WriteNpy of a gorgonia tensor writes what the tensor prints; transposing and slicing are views here as in numpy, and
# numpy.save of a view writes the view.
# Seen: the shape of the view, with the values as they lie in memory. The transpose of [0 1 2; 3 4 5] is written as [0 1; 2 3; 4 5], its
# columns 1 and 2 as [1 2; 3 4], no error in either. gob writes the transpose right and the slice so that it cannot be read again.
# ReadNpy, for its part, reads numpy's big-endian files without looking at their byte order: 1 becomes 4.6e-41.
# Matters: a feature matrix handed to Python has the right shape, the right range and mixed rows. Materialize or Transpose before writing.
# gorgonia.org/tensor 0.9.24. Output seen:
#   columns [1 2 4 5], npy (2, 2) [1 2 3 4], gob: sanity check failed: Shape mismatch. Expected (2, 2). Got 5
#   transpose [0 3 1 4 2 5], npy (3, 2) [0 1 2 3 4 5], gob [0 3 1 4 2 5]
#   big-endian 1: 4.6006e-41
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > go.mod <<'MOD'
module finding
go 1.26
require (
	go4.org/unsafe/assume-no-moving-gc v0.0.0-20231121144256-b99613f794b6
	gorgonia.org/tensor v0.9.24
)
MOD
cat > main.go <<'GO'
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"fmt"
	"strings"

	_ "go4.org/unsafe/assume-no-moving-gc"
	"gorgonia.org/tensor"
)

type columns struct{}

func (columns) Start() int { return 1 }
func (columns) End() int   { return 3 }
func (columns) Step() int  { return 1 }

func main() {
	m := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{0, 1, 2, 3, 4, 5}))
	slice := need(m.Slice(nil, columns{})).(*tensor.Dense)
	fmt.Printf("columns %v, npy %s, gob%s\n", values(slice), viaNpy(slice), viaGob(slice))
	check(m.T())
	fmt.Printf("transpose %v, npy %s, gob%s\n", values(m), viaNpy(m), viaGob(m))

	// As numpy.save(f, numpy.ones(1, ">f4")) writes it.
	header := fmt.Sprintf("%-117s\n", "{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }")
	file := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	file = binary.BigEndian.AppendUint32(append(file, header...), 0x3f800000)
	one := tensor.New(tensor.Of(tensor.Float32))
	check(one.ReadNpy(bytes.NewReader(file)))
	fmt.Printf("big-endian 1: %.5g\n", one.Data().([]float32)[0])
}

// values are those that t has by its shape and strides, row by row.
func values(t *tensor.Dense) (v []any) {
	for row := range t.Shape()[0] {
		for column := range t.Shape()[1] {
			v = append(v, need(t.At(row, column)))
		}
	}
	return v
}

func viaNpy(t *tensor.Dense) string {
	var b bytes.Buffer
	check(t.WriteNpy(&b))
	again := tensor.New(tensor.Of(tensor.Float32))
	check(again.ReadNpy(&b))
	return fmt.Sprint(again.Shape(), " ", values(again))
}

func viaGob(t *tensor.Dense) string {
	var b bytes.Buffer
	check(gob.NewEncoder(&b).Encode(t))
	var again tensor.Dense
	if err := gob.NewDecoder(&b).Decode(&again); err != nil {
		return ": " + strings.TrimSpace(err.Error())
	}
	return fmt.Sprint(" ", values(&again))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func need[T any](v T, err error) T {
	check(err)
	return v
}
GO
GOFLAGS=-mod=mod go run . | tee out
diff out - <<'SEEN'
columns [1 2 4 5], npy (2, 2) [1 2 3 4], gob: sanity check failed: Shape mismatch. Expected (2, 2). Got 5
transpose [0 3 1 4 2 5], npy (3, 2) [0 1 2 3 4 5], gob [0 3 1 4 2 5]
big-endian 1: 4.6006e-41
SEEN
