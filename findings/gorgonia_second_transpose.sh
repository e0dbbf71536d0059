#!/usr/bin/env bash
# One would guess: T of a gorgonia tensor after another T permutes the axes once more, as a second transpose does anywhere, or returns an error; and it
# leaves the slice of axes that it is given alone.
# Seen: of three axes it is right only as the way back. Where the second T leads to the shape that the tensor had first, both are undone whatever axes were given,
# as it is taken for the way back by its shape: of a cube every second T is lost. Otherwise the first one's values are moved and read by
# strides from before, so that they are mixed. In the former case the caller's axes become 0 0 0, for all that uses them afterwards. No error. With
# Transpose, which moves the values, after each T it is right, and for matrices always.
# Matters: z y x to x y z and then a rotation for augmentation gives back the first patch, with the right shape, where patches are cubes, and a
# patch with all the right values at wrong places where they are not. Call Transpose after each T.
# gorgonia.org/tensor 0.9.24. Output seen (T(2, 0, 1), then T(0, 2, 1), of 0 1 2 ...):
#   (2, 2, 2): (2, 2, 2) [0 1 2 3 4 5 6 7], axes [0 0 0], with Transpose (2, 2, 2) [0 4 2 6 1 5 3 7], axes [2 0 1]
#   (3, 2, 2): (2, 2, 3) [0 8 5 4 1 9 2 10 7 6 3 11], axes [2 0 1], with Transpose (2, 2, 3) [0 4 8 2 6 10 1 5 9 3 7 11], axes [2 0 1]
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
	for _, shape := range []tensor.Shape{{2, 2, 2}, {3, 2, 2}} {
		fmt.Printf("%v: %s, with Transpose %s\n", shape, twice(shape, false), twice(shape, true))
	}
}

// twice is what two T make of 0, 1, 2 and so on in a shape, and of the axes of the first.
func twice(shape tensor.Shape, transpose bool) string {
	t := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(tensor.Range(tensor.Int, 0, shape.TotalSize())))
	first := []int{2, 0, 1}
	check(t.T(first...))
	if transpose {
		check(t.Transpose())
	}
	check(t.T(0, 2, 1))
	return fmt.Sprintf("%v %v, axes %v", t.Shape(), values(t), first)
}

// values are those that t has by its shape and strides, the last axis fastest.
func values(t *tensor.Dense) (v []any) {
	for i := range t.Shape()[0] {
		for j := range t.Shape()[1] {
			for k := range t.Shape()[2] {
				value, err := t.At(i, j, k)
				check(err)
				v = append(v, value)
			}
		}
	}
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
GO
GOFLAGS=-mod=mod go run . | tee out
diff out - <<'SEEN'
(2, 2, 2): (2, 2, 2) [0 1 2 3 4 5 6 7], axes [0 0 0], with Transpose (2, 2, 2) [0 4 2 6 1 5 3 7], axes [2 0 1]
(3, 2, 2): (2, 2, 3) [0 8 5 4 1 9 2 10 7 6 3 11], axes [2 0 1], with Transpose (2, 2, 3) [0 4 8 2 6 10 1 5 9 3 7 11], axes [2 0 1]
SEEN
