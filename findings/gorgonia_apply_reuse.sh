#!/usr/bin/env bash
# One would guess: x.Apply(f, WithReuse(y)) writes f of x into y, which only saves the memory, and WithIncr(y) adds it to y; so it is for Square, Add and
# all others that take these options.
# Seen: x is not looked at. y becomes f of what y held before, and with WithIncr that is added to it: for a y of zeros f(0) everywhere. No
# error. UseUnsafe and Apply without options are right.
# Matters: a window, a clip or an activation of one's own, made faster by keeping its output, shows its own last output again: from the second
# image on it is f(f(...)), in the right shape, and of zeros it stays zeros. Copy x into y and apply with UseUnsafe.
# gorgonia.org/tensor 0.9.24. Output seen (x is 0 1 2 3, y is 10 10 10 10, f is the square):
#   Square: without [0 1 4 9], WithReuse [0 1 4 9], WithIncr [10 11 14 19], UseUnsafe [0 1 4 9]
#   Apply: without [0 1 4 9], WithReuse [100 100 100 100], WithIncr [110 110 110 110], UseUnsafe [0 1 4 9]
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
	show("Square", tensor.Square)
	show("Apply", func(x tensor.Tensor, options ...tensor.FuncOpt) (tensor.Tensor, error) {
		return x.Apply(func(v float64) float64 { return v * v }, options...)
	})
}

func show(name string, square func(tensor.Tensor, ...tensor.FuncOpt) (tensor.Tensor, error)) {
	with := func(options ...tensor.FuncOpt) any {
		t, err := square(vector(0, 1, 2, 3), options...)
		if err != nil {
			panic(err)
		}
		return t.Data()
	}
	y := func() tensor.Tensor { return vector(10, 10, 10, 10) }
	fmt.Printf("%s: without %v, WithReuse %v, WithIncr %v, UseUnsafe %v\n", name, with(), with(tensor.WithReuse(y())), with(tensor.WithIncr(y())), with(tensor.UseUnsafe()))
}

func vector(v ...float64) *tensor.Dense { return tensor.New(tensor.WithBacking(v)) }
GO
GOFLAGS=-mod=mod go run . | tee out
diff out - <<'SEEN'
Square: without [0 1 4 9], WithReuse [0 1 4 9], WithIncr [10 11 14 19], UseUnsafe [0 1 4 9]
Apply: without [0 1 4 9], WithReuse [100 100 100 100], WithIncr [110 110 110 110], UseUnsafe [0 1 4 9]
SEEN
