#!/usr/bin/env bash
# One would guess: stat.Kendall of a constant with anything is 0 or NaN, and no tau depends on the order in which the pairs are given.
# Seen: a tie counts as ascending. Four equal scores against 1, 2, 3, 4 give 1, and against 4, 3, 2, 1, the same pairs in another order,
# -1. Two pairs of ties that have nothing to do with each other give 0.67.
# Matters: a score of a few steps (malignancy 1 to 5, a Lung-RADS category) is all ties. Sorting the rows by the other variable, which
# is harmless everywhere else, makes it look correlated. The tau-b of R and scipy has no such order.
# gonum.org/v1/gonum 0.17.0. Output seen:
#   equal scores, rows up: 1; the same rows down: -1; unrelated with ties: 0.67 (tau-b: undefined, undefined, 0)
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
printf 'module finding\ngo 1.26\nrequire gonum.org/v1/gonum v0.17.0\n' > go.mod
cat > main.go <<'GO'
package main

import (
	"fmt"

	"gonum.org/v1/gonum/stat"
)

func main() {
	equal := []float64{3, 3, 3, 3}
	fmt.Printf("equal scores, rows up: %v; the same rows down: %v; unrelated with ties: %.2f (tau-b: undefined, undefined, 0)\n",
		stat.Kendall(equal, []float64{1, 2, 3, 4}, nil), stat.Kendall(equal, []float64{4, 3, 2, 1}, nil),
		stat.Kendall([]float64{1, 1, 2, 2}, []float64{1, 2, 1, 2}, nil))
}
GO
GOFLAGS=-mod=mod go run . | tee out
grep -qxF 'equal scores, rows up: 1; the same rows down: -1; unrelated with ties: 0.67 (tau-b: undefined, undefined, 0)' out
