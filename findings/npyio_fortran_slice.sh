#!/usr/bin/env bash
# One would guess: npyio gives the values of an array row by row, whatever the order they are stored in; numpy writes a transposed array with
# fortran_order True, and a flat slice in Go has no other order.
# Seen: only into a mat.Dense. Into a slice the values come as they lie in the file, column by column, with no error; the shape in the header is
# that of the array. [0 1 2; 3 4 5] is 0 3 1 4 2 5. Big-endian files, in contrast, are turned round in both.
# Matters: a volume or a matrix that Python saved after a transpose, as one does from x y z to z y x, has all the right values at wrong places. Look at
# Header.Descr.Fortran, or have Python write numpy.ascontiguousarray.
# github.com/sbinet/npyio 0.6.0, gonum 0.17.0, input made with Debian 12 python3-numpy 1:1.24.2-1+deb12u1. Output seen:
#   C order: slice [0 1 2 3 4 5], mat.Dense [0 1 2 3 4 5]
#   transposed: shape [2 3], slice [0 3 1 4 2 5], mat.Dense [0 1 2 3 4 5]
set -euo pipefail
[ "$(dpkg-query -W -f '${Version}' python3-numpy)" = 1:1.24.2-1+deb12u1 ] || { echo "needs python3-numpy 1:1.24.2-1+deb12u1 of Debian 12"; exit 1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
/usr/bin/python3 - <<'PY'
import numpy

numpy.save("c.npy", numpy.arange(6.0).reshape(2, 3))
numpy.save("transposed.npy", numpy.array([[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]).T)
PY
cat > go.mod <<'MOD'
module finding
go 1.26
require (
	github.com/sbinet/npyio v0.6.0
	gonum.org/v1/gonum v0.17.0
)
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/sbinet/npyio"
	"gonum.org/v1/gonum/mat"
)

func main() {
	var flat []float64
	var dense mat.Dense
	read("c.npy", &flat)
	read("c.npy", &dense)
	fmt.Printf("C order: slice %v, mat.Dense %v\n", flat, dense.RawMatrix().Data)
	flat, dense = nil, mat.Dense{}
	shape := read("transposed.npy", &flat)
	read("transposed.npy", &dense)
	fmt.Printf("transposed: shape %v, slice %v, mat.Dense %v\n", shape, flat, dense.RawMatrix().Data)
}

func read(name string, into any) []int {
	f, err := os.Open(name)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	r, err := npyio.NewReader(f)
	if err == nil {
		err = r.Read(into)
	}
	if err != nil {
		panic(err)
	}
	return r.Header.Descr.Shape
}
GO
GOFLAGS=-mod=mod go run . | tee out
diff out - <<'SEEN'
C order: slice [0 1 2 3 4 5], mat.Dense [0 1 2 3 4 5]
transposed: shape [2 3], slice [0 3 1 4 2 5], mat.Dense [0 1 2 3 4 5]
SEEN
