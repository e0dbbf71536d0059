#!/usr/bin/env bash
# One would guess: every NewMatrix of gorgonia makes a node of its own, and WithName is for reading graphs ("especially useful in debugging").
# Seen: the name is what tells two inputs apart. A second one of the same type and shape and the same name, or none as the first, is the
# first: the same node comes back, the value given with it is dropped, and no error. x times w, both 2 × 2 and unnamed, is x times x;
# two layers made by one function that calls its weight "w" are one layer. With another shape they are two.
# Matters: a network of equal hidden layers trains with tied weights, or an input is taken for a weight, and only the number of its weights, or
# a value computed by hand, tells. Give each node a name of its own.
# gorgonia.org/gorgonia 0.9.18, tensor 0.9.24. Output seen (x is 1 2 3 4, w is 0.1 0 0 0.1, so x·w is 0.1 0.2 0.3 0.4):
#   unnamed: x·w = [7 10 15 22], one node: true, nodes in the graph: 2
#   both named w: x·w = [7 10 15 22], one node: true, nodes in the graph: 2
#   named x and w: x·w = [0.1 0.2 0.3 0.4], one node: false, nodes in the graph: 3
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
	product("unnamed", nil, nil)
	product("both named w", []gorgonia.NodeConsOpt{gorgonia.WithName("w")}, []gorgonia.NodeConsOpt{gorgonia.WithName("w")})
	product("named x and w", []gorgonia.NodeConsOpt{gorgonia.WithName("x")}, []gorgonia.NodeConsOpt{gorgonia.WithName("w")})
}

func product(names string, nameX, nameW []gorgonia.NodeConsOpt) {
	graph := gorgonia.NewGraph()
	matrix := func(name []gorgonia.NodeConsOpt, values ...float64) *gorgonia.Node {
		value := gorgonia.WithValue(tensor.New(tensor.WithShape(2, 2), tensor.WithBacking(values)))
		return gorgonia.NewMatrix(graph, tensor.Float64, append(name, gorgonia.WithShape(2, 2), value)...)
	}
	x, w := matrix(nameX, 1, 2, 3, 4), matrix(nameW, 0.1, 0, 0, 0.1)
	y, err := gorgonia.Mul(x, w)
	if err != nil {
		panic(err)
	}
	if err := gorgonia.NewTapeMachine(graph).RunAll(); err != nil {
		panic(err)
	}
	fmt.Printf("%s: x·w = %.3g, one node: %t, nodes in the graph: %d\n", names, y.Value().Data(), x == w, len(graph.AllNodes()))
}
GO
GOFLAGS=-mod=mod go run . | tee out
diff out - <<'SEEN'
unnamed: x·w = [7 10 15 22], one node: true, nodes in the graph: 2
both named w: x·w = [7 10 15 22], one node: true, nodes in the graph: 2
named x and w: x·w = [0.1 0.2 0.3 0.4], one node: false, nodes in the graph: 3
SEEN
