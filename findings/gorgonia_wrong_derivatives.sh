#!/usr/bin/env bash
# One would guess: the derivatives of gorgonia's elementary functions are right; each is a line, and a value next to it gives it away.
# Seen: two of seventeen are not. That of Log2 is ln 2 / x and not 1 / (x ln 2), half of what it should be. That of InverseSqrt divides by the cube
# of the value where it should multiply: 64 times too large at 4, 64 times too small at 1/4. No error; the values themselves are right.
# Matters: an entropy in bits has half of its weight in the loss; a normalization made of InverseSqrt gets steps that grow with the variance instead
# of falling, and training diverges or crawls. Use Log over ln 2, and Inverse of Sqrt.
# gorgonia.org/gorgonia 0.9.18, tensor 0.9.24. Output seen (a difference quotient in brackets):
#   InverseSqrt at 0.25: -0.0625 (-4), at 4: -4 (-0.0625)
#   Log2 at 0.25: 2.77259 (5.77078), at 4: 0.173287 (0.360674)
#   right: Abs Cos Cube Exp Expm1 Inverse Log Log1p Neg Sigmoid Sin Softplus Sqrt Square Tanh
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

	_ "go4.org/unsafe/assume-no-moving-gc"
	g "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var functions = []struct {
	name string
	f    func(*g.Node) (*g.Node, error)
}{
	{"Abs", g.Abs}, {"Cos", g.Cos}, {"Cube", g.Cube}, {"Exp", g.Exp}, {"Expm1", g.Expm1}, {"Inverse", g.Inverse}, {"InverseSqrt", g.InverseSqrt},
	{"Log", g.Log}, {"Log1p", g.Log1p}, {"Log2", g.Log2}, {"Neg", g.Neg}, {"Sigmoid", g.Sigmoid}, {"Sin", g.Sin}, {"Softplus", g.Softplus},
	{"Sqrt", g.Sqrt}, {"Square", g.Square}, {"Tanh", g.Tanh},
}

func main() {
	right := ""
	for _, fn := range functions {
		var at [2]float64
		var slope [2]float64
		wrong := false
		for i, x := range []float64{0.25, 4} {
			const h = 1e-4
			lower, _ := run(fn.f, x-h)
			upper, _ := run(fn.f, x+h)
			_, at[i] = run(fn.f, x)
			slope[i] = (upper - lower) / (2 * h)
			wrong = wrong || math.Abs(at[i]-slope[i]) > 1e-4*(1+math.Abs(slope[i]))
		}
		if !wrong {
			right += " " + fn.name
			continue
		}
		fmt.Printf("%s at 0.25: %.6g (%.6g), at 4: %.6g (%.6g)\n", fn.name, at[0], slope[0], at[1], slope[1])
	}
	fmt.Printf("right:%s\n", right)
}

func run(f func(*g.Node) (*g.Node, error), at float64) (value, derivative float64) {
	graph := g.NewGraph()
	x := g.NewVector(graph, tensor.Float64, g.WithName("x"), g.WithShape(2), g.WithValue(tensor.New(tensor.WithBacking([]float64{at, at}))))
	y := g.Must(f(x))
	var read g.Value
	g.Read(y, &read)
	if _, err := g.Grad(g.Must(g.Sum(y)), x); err != nil {
		panic(err)
	}
	if err := g.NewTapeMachine(graph, g.BindDualValues(x)).RunAll(); err != nil {
		panic(err)
	}
	gradient, err := x.Grad()
	if err != nil {
		panic(err)
	}
	return read.Data().([]float64)[0], gradient.Data().([]float64)[0]
}
GO
GOFLAGS=-mod=mod go run . | tee out
diff out - <<'SEEN'
InverseSqrt at 0.25: -0.0625 (-4), at 4: -4 (-0.0625)
Log2 at 0.25: 2.77259 (5.77078), at 4: 0.173287 (0.360674)
right: Abs Cos Cube Exp Expm1 Inverse Log Log1p Neg Sigmoid Sin Softplus Sqrt Square Tanh
SEEN
