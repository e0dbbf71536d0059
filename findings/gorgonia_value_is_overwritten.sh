#!/usr/bin/env bash
# One would guess: after RunAll the Value of a node is what the node computed, for the prediction as for the loss.
# Seen: an operation whose operand nobody needs any more writes into it. The prediction, sigmoid of 0.1 to 0.4, reads as its difference to the target,
# since the loss begins with that: -0.475 from a sigmoid. With Grad it reads as something else again. The loss is right.
# Matters: accuracy and scores printed during training are those of other numbers, and whether they are hangs on what the loss does next.
# Ask for it with gorgonia.Read before the machine is made.
# gorgonia.org/gorgonia 0.9.18, tensor 0.9.24. Output seen:
#   run: loss 0.2669, Value of the prediction [-0.475 0.550 -0.426 0.599]; Read [0.525 0.550 0.574 0.599]
#   run with Grad: loss 0.2669, Value of the prediction [-0.059 0.068 -0.052 0.072]; Read [0.525 0.550 0.574 0.599]
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
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func main() {
	for _, train := range []bool{false, true} {
		for _, read := range []bool{false, true} {
			graph := gorgonia.NewGraph()
			vector := func(name string, values ...float64) *gorgonia.Node {
				return gorgonia.NewVector(graph, tensor.Float64, gorgonia.WithName(name), gorgonia.WithShape(len(values)), gorgonia.WithValue(tensor.New(tensor.WithBacking(values))))
			}
			x, w, target := vector("x", 1, 2, 3, 4), vector("w", 0.1, 0.1, 0.1, 0.1), vector("target", 1, 0, 1, 0)
			prediction := need(gorgonia.Sigmoid(need(gorgonia.HadamardProd(x, w))))
			loss := need(gorgonia.Mean(need(gorgonia.Square(need(gorgonia.Sub(prediction, target))))))
			var asked gorgonia.Value
			if read {
				gorgonia.Read(prediction, &asked)
			}
			name := "run"
			if train {
				need(gorgonia.Grad(loss, w))
				name = "run with Grad"
			}
			if err := gorgonia.NewTapeMachine(graph).RunAll(); err != nil {
				panic(err)
			}
			if read {
				fmt.Printf("; Read %.3f\n", asked.Data())
			} else {
				fmt.Printf("%s: loss %.4f, Value of the prediction %.3f", name, loss.Value().Data(), prediction.Value().Data())
			}
		}
	}
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
run: loss 0.2669, Value of the prediction [-0.475 0.550 -0.426 0.599]; Read [0.525 0.550 0.574 0.599]
run with Grad: loss 0.2669, Value of the prediction [-0.059 0.068 -0.052 0.072]; Read [0.525 0.550 0.574 0.599]
SEEN
