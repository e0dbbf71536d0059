#!/usr/bin/env bash
# One would guess: gorgonia's AdamW is Adam with the weight decay taken out of the gradient; what trains with the one trains with the other.
# Seen: its Step changes no weight at all, and returns no error. The weights times the decay go into a new tensor, the step is added to
# that, and nobody writes it back; the gradients are zeroed as after a step. Adam takes the same weights from 5 to 4 in ten steps.
# Matters: training runs to its end and saves a model with its initial weights, which nothing but the loss tells, and that hardly moves at
# small learning rates either. Use Adam, and take the decay from the weights yourself.
# gorgonia.org/gorgonia 0.9.18, tensor 0.9.24. Output seen:
#   ten steps down w·w from 5 at a learning rate of 0.1: Adam [4.01 4.01], AdamW [5.00 5.00]
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

	_ "go4.org/unsafe/assume-no-moving-gc"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// train takes ten steps down sum(w·w) and returns the weights.
func train(solver G.Solver) any {
	g := G.NewGraph()
	w := G.NewVector(g, tensor.Float64, G.WithShape(2), G.WithName("w"), G.WithValue(tensor.New(tensor.WithBacking([]float64{5, 5}))))
	need(G.Grad(need(G.Sum(need(G.Square(w)))), w))
	machine := G.NewTapeMachine(g, G.BindDualValues(w))
	for range 10 {
		check(machine.RunAll())
		check(solver.Step(G.NodesToValueGrads(G.Nodes{w})))
		machine.Reset()
	}
	return w.Value().Data()
}

func main() {
	fmt.Printf("ten steps down w·w from 5 at a learning rate of 0.1: Adam %.2f, AdamW %.2f\n",
		train(G.NewAdamSolver(G.WithLearnRate(0.1))), train(G.NewAdamW(G.WithLearnRate(0.1))))
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
grep -qxF 'ten steps down w·w from 5 at a learning rate of 0.1: Adam [4.01 4.01], AdamW [5.00 5.00]' out
