#!/usr/bin/env bash
# One would guess: gorgonia.Grad of a node that Grad made is the second derivative: for y = x·x·x at x = 3 it is 6x = 18.
# Seen: 6, and no error. Grad skips every node that an earlier Grad has visited, so whole paths of the product rule are lost; the
# first derivative, 27, is right.
# Matters: anything with a gradient inside its loss (the gradient penalty of WGAN-GP, Hessian products) trains on wrong gradients
# and still converges to something. Sum the derivatives over the graph yourself from each operation's SymDiff.
# gorgonia.org/gorgonia 0.9.18. Output seen:
#   dy/dx = 27, second derivative = 6 (true: 18)
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat > go.mod <<'MOD'
module finding
go 1.26
require (
	go4.org/unsafe/assume-no-moving-gc v0.0.0-20231121144256-b99613f794b6
	gorgonia.org/gorgonia v0.9.18
	gorgonia.org/tensor v0.9.24
)
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	_ "go4.org/unsafe/assume-no-moving-gc"
	G "gorgonia.org/gorgonia"
)

func main() {
	g := G.NewGraph()
	x := G.NewScalar(g, G.Float64, G.WithName("x"), G.WithValue(3.0))
	y := G.Must(G.Mul(G.Must(G.Square(x)), x))
	first := need(G.Grad(y, x))[0]
	second := need(G.Grad(first, x))[0]
	if err := G.NewTapeMachine(g).RunAll(); err != nil {
		panic(err)
	}
	fmt.Printf("dy/dx = %v, second derivative = %v (true: 18)\n", first.Value(), second.Value())
	if first.Value().Data() != 27.0 || second.Value().Data() != 6.0 {
		fmt.Println("changed")
		os.Exit(1)
	}
}

func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
GO
GOFLAGS=-mod=mod go run .
