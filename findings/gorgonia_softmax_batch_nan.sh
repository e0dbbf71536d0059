#!/usr/bin/env bash
# One would guess: SoftMax of a batch works row by row, and no row can overflow or vanish, since the largest value is subtracted first;
# what the other samples of the batch are does not matter.
# Seen: the largest value of the whole batch is subtracted from every row. A row that lies far enough below it (88 in float32,
# 746 in float64) has only zeros to divide: NaN, without an error. Alone, the same row gives the right probabilities.
# Matters: one sample with large logits makes the loss and then all weights NaN, and which sample it meets depends on the shuffling.
# At the test, a score depends on the batch. Subtract each row's own maximum before SoftMax.
# gorgonia.org/gorgonia 0.9.18, tensor 0.9.24, on the CPU. Output seen:
#   batch: [0.5 0.5] [NaN NaN]; second row alone: [0.5 0.5]
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

// softMax gives the probabilities of two classes for each sample.
func softMax(logits ...float32) []float32 {
	g := G.NewGraph()
	shape := tensor.Shape{len(logits) / 2, 2}
	x := G.NewMatrix(g, G.Float32, G.WithName("x"), G.WithShape(shape...), G.WithValue(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(logits))))
	y := G.Must(G.SoftMax(x))
	if err := G.NewTapeMachine(g).RunAll(); err != nil {
		panic(err)
	}
	return y.Value().Data().([]float32)
}

func main() {
	batch, alone := softMax(120, 120, 1, 1), softMax(1, 1)
	fmt.Printf("batch: %v %v; second row alone: %v\n", batch[:2], batch[2:], alone)
}
GO
GOFLAGS=-mod=mod go run . | tee out
grep -qxF 'batch: [0.5 0.5] [NaN NaN]; second row alone: [0.5 0.5]' out
