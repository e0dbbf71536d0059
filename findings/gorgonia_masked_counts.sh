#!/usr/bin/env bash
# One would guess: what is masked in a gorgonia tensor (WithMask, MaskedEqual and others; it is printed as --) does not count: sum and largest value
# are those of the rest, as in numpy's masked arrays, whose names these are; and the largest value is the one that Argmax points to.
# Seen: Argmax leaves out what is masked, Sum, Max and MatMul do not. Along an axis Sum and Max return an error, which where there is one number
# for all they do not. Square and others leave masked values alone and keep the mask.
# Matters: metal or padding that is masked is still the largest value of the lung and moves its sum, and with a product a whole layer. Multiply by 0
# and 1 yourself, and divide by their number.
# gorgonia.org/tensor 0.9.24. Output seen (3 100 2; 9 8 7, with 100 and 8 masked; true: sum 21, largest 9, row sums 5 16):
#   printed 3 -- 2 9 -- 7; argmax 3, largest 100, sum 129; times ones [105 24]; largest along rows: an error
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
	"strings"

	_ "go4.org/unsafe/assume-no-moving-gc"
	"gorgonia.org/tensor"
)

func main() {
	t := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float64{3, 100, 2, 9, 8, 7}), tensor.WithMask([]bool{false, true, false, false, true, false}))
	ones := tensor.New(tensor.WithShape(3, 1), tensor.WithBacking([]float64{1, 1, 1}))
	printed := strings.Join(strings.Fields(strings.NewReplacer("⎡", "", "⎤", "", "⎣", "", "⎦", "").Replace(fmt.Sprint(t))), " ")
	along := "no error"
	if _, err := t.Max(1); err != nil {
		along = "an error"
	}
	fmt.Printf("printed %s; argmax %v, largest %v, sum %v; times ones %v; largest along rows: %s\n", printed, need(tensor.Argmax(t, tensor.AllAxes)).Data(),
		need(t.Max()).Data(), need(tensor.Sum(t)).Data(), need(tensor.MatMul(t, ones)).Data(), along)
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
printed 3 -- 2 9 -- 7; argmax 3, largest 100, sum 129; times ones [105 24]; largest along rows: an error
SEEN
