#!/usr/bin/env bash
# One would guess: the distributions of gonum hold at the ends of what they allow, as those of scipy and R: with P = 1 ten hits of ten are
# certain, with a rate of 0 there is no event, chi-square with 2 degrees of freedom is 0.5 at 0, and nothing log-normal is below 0.
# Seen: NaN for each, from 0 times the logarithm of 0, and no panic, though P = 0, P = 1 and Lambda = 0 are allowed; impossible
# outcomes give the right 0, and CDF is right but for LogNormal.
# Matters: a likelihood or an interval over a table breaks at the reader with a sensitivity of 1 or the scan without a false mark, and one
# NaN in a sum hides the rest. Take these cases out before.
# gonum.org/v1/gonum 0.17.0. Output seen:
#   Binomial{10, 1}: Prob(10) NaN, Prob(9) 0, CDF(9) 0; Binomial{10, 0}: Prob(0) NaN, Prob(1) 0, CDF(0) 1
#   Poisson{0}: Prob(0) NaN, Prob(1) 0, CDF(0) 1; ChiSquared{2}: Prob(0) NaN, Exponential{0.5}: Prob(0) 0.5; LogNormal: CDF(-1) NaN
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
printf 'module finding\ngo 1.26\nrequire gonum.org/v1/gonum v0.17.0\n' > go.mod
cat > main.go <<'GO'
package main

import (
	"fmt"

	d "gonum.org/v1/gonum/stat/distuv"
)

func main() {
	all, none, quiet := d.Binomial{N: 10, P: 1}, d.Binomial{N: 10, P: 0}, d.Poisson{Lambda: 0}
	fmt.Printf("Binomial{10, 1}: Prob(10) %v, Prob(9) %v, CDF(9) %v; Binomial{10, 0}: Prob(0) %v, Prob(1) %v, CDF(0) %v\n",
		all.Prob(10), all.Prob(9), all.CDF(9), none.Prob(0), none.Prob(1), none.CDF(0))
	fmt.Printf("Poisson{0}: Prob(0) %v, Prob(1) %v, CDF(0) %v; ChiSquared{2}: Prob(0) %v, Exponential{0.5}: Prob(0) %v; LogNormal: CDF(-1) %v\n",
		quiet.Prob(0), quiet.Prob(1), quiet.CDF(0), d.ChiSquared{K: 2}.Prob(0), d.Exponential{Rate: 0.5}.Prob(0), d.LogNormal{Sigma: 1}.CDF(-1))
}
GO
GOFLAGS=-mod=mod go run . | tee out
diff out - <<'SEEN'
Binomial{10, 1}: Prob(10) NaN, Prob(9) 0, CDF(9) 0; Binomial{10, 0}: Prob(0) NaN, Prob(1) 0, CDF(0) 1
Poisson{0}: Prob(0) NaN, Prob(1) 0, CDF(0) 1; ChiSquared{2}: Prob(0) NaN, Exponential{0.5}: Prob(0) 0.5; LogNormal: CDF(-1) NaN
SEEN
