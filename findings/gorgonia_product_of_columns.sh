#!/usr/bin/env bash
# One would guess: a product with a slice of a gorgonia tensor is that of what the slice shows, or an error; sums, +, Apply and printing all go by
# its shape and strides.
# Seen: MatMul and MatVecMul of some columns take the values as they lie in memory: columns 1 and 2 of [0 1 2; 3 4 5] times the identity are
# [1 2; 3 4], from either side. Repeat leaves the last rows at 0, and Zero of the slice clears all of the matrix, while
# Memset keeps to the slice. No error in any.
# Matters: features are picked by slicing columns before a linear layer or a PCA; the result has the right shape and is wrong from the second row
# on. Materialize the slice first. gorgonia's own Slice, in a graph, is right.
# gorgonia.org/tensor 0.9.24. Output seen:
#   times the identity: slice [1 2 3 4], from the right [1 2 3 4], Materialize [1 2 4 5]
#   row sums: times ones [3 7], Sum [3 9]
#   Repeat each row twice: [1 2 1 2 4 5 0 0]
#   Memset of the slice to 9: [0 9 9 3 9 9]; Zero of it: [0 0 0 0 0 0]
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

// columns are 1 and 2.
type columns struct{}

func (columns) Start() int { return 1 }
func (columns) End() int   { return 3 }
func (columns) Step() int  { return 1 }

func slice() (whole, view *tensor.Dense) {
	whole = tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{0, 1, 2, 3, 4, 5}))
	return whole, need(whole.Slice(nil, columns{})).(*tensor.Dense)
}

func main() {
	identity := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 0, 0, 1}))
	ones := tensor.New(tensor.WithBacking([]float32{1, 1}))
	whole, view := slice()
	copied := view.Materialize().(*tensor.Dense)
	fmt.Printf("times the identity: slice %v, from the right %v, Materialize %v\n",
		need(view.MatMul(identity)).Data(), need(identity.MatMul(view)).Data(), need(copied.MatMul(identity)).Data())
	fmt.Printf("row sums: times ones %v, Sum %v\n", need(view.MatVecMul(ones)).Data(), need(view.Sum(1)).Data())
	fmt.Printf("Repeat each row twice: %v\n", need(tensor.Repeat(view, 0, 2)).Data())
	if err := view.Memset(float32(9)); err != nil {
		panic(err)
	}
	fmt.Printf("Memset of the slice to 9: %v; ", whole.Data())
	view.Zero()
	fmt.Printf("Zero of it: %v\n", whole.Data())
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
times the identity: slice [1 2 3 4], from the right [1 2 3 4], Materialize [1 2 4 5]
row sums: times ones [3 7], Sum [3 9]
Repeat each row twice: [1 2 1 2 4 5 0 0]
Memset of the slice to 9: [0 9 9 3 9 9]; Zero of it: [0 0 0 0 0 0]
SEEN
