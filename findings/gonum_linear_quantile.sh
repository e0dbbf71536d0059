#!/usr/bin/env bash
# One would guess: gonum's stat.Quantile with LinInterp is the usual linear interpolation between order statistics (numpy's
# default, Hyndman and Fan's type 7): the median of 4, 6, 8 is 6.
# Seen: 5. It interpolates the empirical distribution function from 0 (type 4), so it lies below what other programs print, most
# in small samples and at low quantiles; Empirical gives 6 here.
# Matters: a threshold, interval or calibration that is compared with Python or R differs where samples are few.
# gonum.org/v1/gonum 0.17.0. Output seen:
#   quartiles of 4, 6, 8: 4 5 6.5 (numpy: 5 6 7)
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
	fmt.Print("quartiles of 4, 6, 8:")
	for _, p := range []float64{0.25, 0.5, 0.75} {
		fmt.Print(" ", stat.Quantile(p, stat.LinInterp, []float64{4, 6, 8}, nil))
	}
	fmt.Println(" (numpy: 5 6 7)")
}
GO
GOFLAGS=-mod=mod go run . | tee out
grep -qx 'quartiles of 4, 6, 8: 4 5 6.5 (numpy: 5 6 7)' out
