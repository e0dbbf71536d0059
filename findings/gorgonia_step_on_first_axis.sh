#!/usr/bin/env bash
# One would guess: a slice of a gorgonia tensor with a step, S(start, end, step), takes what numpy's start:end:step takes, on every axis: rows 0 3 6 9 of
# ten with a step of 3.
# Seen: on the first axis, and so for vectors, the length is rounded down where on the others it is rounded up: the last row is left out unless the step
# divides the length. Where one is left, though 0:5:3 has two, the axis is gone as if a single row had been asked for: of a vector a scalar
# comes back. No error in any.
# Matters: every third slice of a scan loses the end of the lung, with all else right; strides of 2 over an odd number too, while tests
# with even ones and those along other axes pass. Put a first axis of 1 before it (Reshape) and step along the second.
# gorgonia.org/tensor 0.9.24. Output seen (of 0 1 2 ...; numpy's in brackets):
#   vector of 10, 0:10:3: (3) [0 3 6] ([0 3 6 9])
#   vector of 9, 0:9:2: (4) [0 2 4 6] ([0 2 4 6 8])
#   vector of 9, 0:9:3: (3) [0 3 6] ([0 3 6])
#   vector of 5, 0:5:3: () [0] ([0 3])
#   rows of 10 × 1, 0:10:3: (3, 1) [0 3 6] ([0 3 6 9])
#   columns of 1 × 10, 0:10:3: (1, 4) [0 3 6 9] ([0 3 6 9])
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
	"fmt"

	_ "go4.org/unsafe/assume-no-moving-gc"
	"gorgonia.org/tensor"
)

func main() {
	for _, c := range [][2]int{{10, 3}, {9, 2}, {9, 3}, {5, 3}} {
		show("vector of %d", tensor.Shape{c[0]}, c[1])
	}
	show("rows of %d × %d", tensor.Shape{10, 1}, 3)
	show("columns of %d × %d", tensor.Shape{1, 10}, 3)
}

// show slices the longer axis of 0, 1, 2 and so on, and writes what is left of it.
func show(name string, shape tensor.Shape, step int) {
	n := shape.TotalSize()
	t := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(tensor.Range(tensor.Int, 0, n)))
	slices := make([]tensor.Slice, len(shape))
	var sizes []any
	var want []int
	for axis, length := range shape {
		sizes = append(sizes, length)
		if length == n {
			slices[axis] = tensor.S(0, n, step)
		}
	}
	for i := 0; i < n; i += step {
		want = append(want, i)
	}
	got := need(t.Slice(slices...))
	fmt.Printf(name+", 0:%d:%d: %v %v (%v)\n", append(sizes, n, step, got.Shape(), values(got), want)...)
}

// values are those that t has by its shape and strides.
func values(t tensor.View) (v []any) {
	it := t.Iterator()
	for i, err := it.Next(); err == nil; i, err = it.Next() {
		v = append(v, t.(*tensor.Dense).Get(i))
	}
	return v
}

func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
GO
GOFLAGS=-mod=mod go run . | tee out
diff out - <<'SEEN'
vector of 10, 0:10:3: (3) [0 3 6] ([0 3 6 9])
vector of 9, 0:9:2: (4) [0 2 4 6] ([0 2 4 6 8])
vector of 9, 0:9:3: (3) [0 3 6] ([0 3 6])
vector of 5, 0:5:3: () [0] ([0 3])
rows of 10 × 1, 0:10:3: (3, 1) [0 3 6] ([0 3 6 9])
columns of 1 × 10, 0:10:3: (1, 4) [0 3 6 9] ([0 3 6 9])
SEEN
