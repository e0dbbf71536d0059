#!/usr/bin/env bash
# One would guess: Normal.Survival is there because 1 - CDF loses small tails: at 10 standard deviations it is 7.6e-24, as CDF(-10) says.
# Seen: 0. It subtracts from 1 in another form, so it is 2 % off at 8 and 0 a little above; ChiSquared keeps its tail.
# Matters: p-values of a z test become 0, their logarithm -Inf, and whatever combines or ranks them breaks. Use CDF(-z).
# gonum.org/v1/gonum 0.17.0. Output seen:
#   Survival(8) 6.11e-16, CDF(-8) 6.22e-16; Survival(10) 0, CDF(-10) 7.62e-24; ChiSquared{1}.Survival(100) 1.52e-23
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
printf 'module finding\ngo 1.26\nrequire gonum.org/v1/gonum v0.17.0\n' > go.mod
cat > main.go <<'GO'
package main

import (
	"fmt"

	"gonum.org/v1/gonum/stat/distuv"
)

func main() {
	n := distuv.UnitNormal
	fmt.Printf("Survival(8) %.3g, CDF(-8) %.3g; Survival(10) %.3g, CDF(-10) %.3g; ChiSquared{1}.Survival(100) %.3g\n",
		n.Survival(8), n.CDF(-8), n.Survival(10), n.CDF(-10), distuv.ChiSquared{K: 1}.Survival(100))
}
GO
GOFLAGS=-mod=mod go run . | tee out
grep -qxF 'Survival(8) 6.11e-16, CDF(-8) 6.22e-16; Survival(10) 0, CDF(-10) 7.62e-24; ChiSquared{1}.Survival(100) 1.52e-23' out
