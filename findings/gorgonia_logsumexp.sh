#!/usr/bin/env bash
# One would guess: gorgonia.LogSumExp(x, axis) is log(sum(exp(x))), in the form that does not overflow: the log of two ones' exponentials
# is 1 + log 2 = 1.693.
# Seen: 1.099 = log(1 + 2). The maximum is added before the logarithm is taken and not after it, so only a maximum of 0 gives the right
# value; for two times 1000 it is 6.91, and for two times -3, where it should be -2.307, NaN.
# Matters: a cross entropy made as LogSumExp(x) - x[class] is wrong and falls below 0 for a sure sample, and its gradient with it;
# training goes on. Make it of Max, Sub, Exp, Sum and Log.
# gorgonia.org/gorgonia 0.9.18, tensor 0.9.24. Output seen:
#   LogSumExp of twice 0: 0.693 (true: 0.693), of twice 1: 1.099 (true: 1.693), of twice 1000: 6.910 (true: 1000.693), of twice -3: NaN (true: -2.307)
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
	"math"
	"strings"

	_ "go4.org/unsafe/assume-no-moving-gc"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func main() {
	var seen []string
	for _, v := range []float64{0, 1, 1000, -3} {
		g := G.NewGraph()
		x := G.NewVector(g, G.Float64, G.WithName("x"), G.WithShape(2), G.WithValue(tensor.New(tensor.WithBacking([]float64{v, v}))))
		y := G.Must(G.LogSumExp(x, 0))
		if err := G.NewTapeMachine(g).RunAll(); err != nil {
			panic(err)
		}
		seen = append(seen, fmt.Sprintf("of twice %v: %.3f (true: %.3f)", v, y.Value().Data(), v+math.Ln2))
	}
	fmt.Println("LogSumExp " + strings.Join(seen, ", "))
}
GO
GOFLAGS=-mod=mod go run . | tee out
grep -qxF 'LogSumExp of twice 0: 0.693 (true: 0.693), of twice 1: 1.099 (true: 1.693), of twice 1000: 6.910 (true: 1000.693), of twice -3: NaN (true: -2.307)' out
