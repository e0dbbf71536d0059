#!/usr/bin/env bash
# One would guess: an option of gorgonia's solvers does what its name says, or New... refuses it: WithLearnRate sets the learning rate
# ("or step size for the solver"), WithMomentum the momentum, WithL2Reg pulls the weights towards 0.
# Seen: AdaGrad drops WithLearnRate (0.1 and 10 end at the same weight, that of its own 0.001). Momentum has none for a scalar weight:
# the velocity is not kept. And for a tensor its WithL2Reg decays the velocity instead of the weight: with a gradient of 0 the weight
# stays 5, where Vanilla takes it to 4.5 in one step.
# Matters: no error, and a search over these settings finds that they make no difference; biases and temperatures are scalars.
# gorgonia.org/gorgonia 0.9.18, tensor 0.9.24. Output seen:
#   AdaGrad, ten steps from 5 at 0.1: 4.995; at 10: 4.995
#   Momentum, two steps, vector: 0.5 gives 2.700, 0 gives 3.200; scalar: 0.5 gives 3.200, 0 gives 3.200
#   WithL2Reg(1), gradient 0, one step at 0.1: Vanilla 4.500, Momentum 5.000
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

// train takes steps down scale·w·w from 5, w a scalar or a vector of one, and returns w.
func train(solver G.Solver, steps int, scalar bool, scale float64) float64 {
	g := G.NewGraph()
	var w *G.Node
	if scalar {
		w = G.NewScalar(g, tensor.Float64, G.WithName("w"), G.WithValue(5.0))
	} else {
		w = G.NewVector(g, tensor.Float64, G.WithShape(2), G.WithName("w"), G.WithValue(tensor.New(tensor.WithBacking([]float64{5, 5}))))
	}
	loss := need(G.Mul(need(G.Square(w)), G.NewConstant(scale)))
	if !scalar {
		loss = need(G.Sum(loss))
	}
	need(G.Grad(loss, w))
	machine := G.NewTapeMachine(g, G.BindDualValues(w))
	for range steps {
		check(machine.RunAll())
		check(solver.Step(G.NodesToValueGrads(G.Nodes{w})))
		machine.Reset()
	}
	if scalar {
		return w.Value().Data().(float64)
	}
	return w.Value().Data().([]float64)[0]
}

func main() {
	rate := G.WithLearnRate(0.1)
	fmt.Printf("AdaGrad, ten steps from 5 at 0.1: %.3f; at 10: %.3f\n",
		train(G.NewAdaGradSolver(rate), 10, false, 1), train(G.NewAdaGradSolver(G.WithLearnRate(10)), 10, false, 1))
	momentum := func(m float64, scalar bool) float64 { return train(G.NewMomentum(rate, G.WithMomentum(m)), 2, scalar, 1) }
	fmt.Printf("Momentum, two steps, vector: 0.5 gives %.3f, 0 gives %.3f; scalar: 0.5 gives %.3f, 0 gives %.3f\n",
		momentum(0.5, false), momentum(0, false), momentum(0.5, true), momentum(0, true))
	fmt.Printf("WithL2Reg(1), gradient 0, one step at 0.1: Vanilla %.3f, Momentum %.3f\n",
		train(G.NewVanillaSolver(rate, G.WithL2Reg(1)), 1, false, 0), train(G.NewMomentum(rate, G.WithL2Reg(1)), 1, false, 0))
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
AdaGrad, ten steps from 5 at 0.1: 4.995; at 10: 4.995
Momentum, two steps, vector: 0.5 gives 2.700, 0 gives 3.200; scalar: 0.5 gives 3.200, 0 gives 3.200
WithL2Reg(1), gradient 0, one step at 0.1: Vanilla 4.500, Momentum 5.000
SEEN
