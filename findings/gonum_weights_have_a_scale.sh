#!/usr/bin/env bash
# One would guess: weights of gonum's stat functions are relative: halving all of them changes nothing, as it changes no weighted mean.
# Seen: Variance, StdDev and Covariance count them as numbers of samples, and divide by their sum less one. Weights that sum up
# to 1, as probabilities and normalized weights do, give +Inf, smaller ones a negative variance and a StdDev of NaN. Doubled weights
# give another variance than none. Correlation and PopVariance do not change.
# Matters: importance or class weights, normalized as usual, turn a spread into +Inf or NaN, and with a sum a little above 1 into a large
# number that looks like one. Scale the weights to sum up to the number of samples first, or use PopVariance.
# gonum.org/v1/gonum 0.17.0. Output seen:
#   variance of 1, 2, 3, 4 without weights 1.67; each 1: 1.67, 2: 1.43, 0.25: +Inf, 0.1: -0.833 (standard deviation NaN); covariance 0.25: +Inf
#   population variance each 1: 1.25, 0.25: 1.25; correlation 1, 1
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
	x, y := []float64{1, 2, 3, 4}, []float64{2, 4, 6, 8}
	each := func(w float64) []float64 { return []float64{w, w, w, w} }
	fmt.Printf("variance of 1, 2, 3, 4 without weights %.3g; each 1: %.3g, 2: %.3g, 0.25: %.3g, 0.1: %.3g (standard deviation %.3g); covariance 0.25: %.3g\n",
		stat.Variance(x, nil), stat.Variance(x, each(1)), stat.Variance(x, each(2)), stat.Variance(x, each(0.25)), stat.Variance(x, each(0.1)),
		stat.StdDev(x, each(0.1)), stat.Covariance(x, y, each(0.25)))
	fmt.Printf("population variance each 1: %.3g, 0.25: %.3g; correlation %.3g, %.3g\n",
		stat.PopVariance(x, each(1)), stat.PopVariance(x, each(0.25)), stat.Correlation(x, y, each(1)), stat.Correlation(x, y, each(0.25)))
}
GO
GOFLAGS=-mod=mod go run . | tee out
diff out - <<'SEEN'
variance of 1, 2, 3, 4 without weights 1.67; each 1: 1.67, 2: 1.43, 0.25: +Inf, 0.1: -0.833 (standard deviation NaN); covariance 0.25: +Inf
population variance each 1: 1.25, 0.25: 1.25; correlation 1, 1
SEEN
