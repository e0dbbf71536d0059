// Command gen writes the assembly of package kernel: go generate ./models/compute/cpu/internal/kernel
package main

import (
	"fmt"
	"os"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var (
	zmm = []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10,
		reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15, reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22,
		reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31}
	ymm = []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10,
		reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}
	xmm = []reg.VecPhysical{reg.X0, reg.X1, reg.X2, reg.X3, reg.X4, reg.X5, reg.X6, reg.X7, reg.X8, reg.X9, reg.X10,
		reg.X11, reg.X12, reg.X13, reg.X14, reg.X15}
)

func main() {
	ConstraintExpr("amd64")
	tile("tile12x32AVX512", zmm, 64, 12, 2)
	tile("tile8x48AVX512", zmm, 64, 8, 3)
	tile("tile8x32AVX512", zmm, 64, 8, 2)
	tile("tile24x16AVX512", zmm, 64, 24, 1)
	tile("tile1x256AVX512", zmm, 64, 1, 16)
	tile("tile1x64AVX512", zmm, 64, 1, 4)
	tile("tile6x16AVX2", ymm, 32, 6, 2)
	tile("tile4x24AVX2", ymm, 32, 4, 3)
	tile("tile12x8AVX2", ymm, 32, 12, 1)
	tile("tile1x64AVX2", ymm, 32, 1, 8)
	vectors("AVX512", zmm, 64)
	vectors("AVX2", ymm, 32)
	adam("AVX512", zmm, 64)
	adam("AVX2", ymm, 32)
	sum("AVX512", zmm, 64)
	sum("AVX2", ymm, 32)
	transpose("AVX512", zmm, 64)
	transpose("AVX2", ymm, 32)
	scatter("AVX512", zmm, 64)
	scatter("AVX2", ymm, 32)
	if err := newARM64().write("kernel_arm64.s", "stubs_arm64.go"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	Generate()
}

// tile keeps rows x vecs vectors of sums in registers.
func tile(name string, v []reg.VecPhysical, bytes, rows, vecs int) {
	TEXT(name, NOSPLIT, "func(k int, a, b *float32, off, at *int, c *float32, ldc int, add bool)")
	Doc(tileDoc(name, rows, vecs*bytes/4)...)
	k := Load(Param("k"), GP64())
	a := Load(Param("a"), GP64())
	b := Load(Param("b"), GP64())
	off := Load(Param("off"), GP64())
	at := Load(Param("at"), GP64())
	columns := make([]reg.Register, vecs) // where the vectors of b begin
	for j := range vecs {
		if rows == 1 && j > 0 {
			columns[j] = columns[0] // one piece
			continue
		}
		columns[j] = GP64()
		MOVQ(Mem{Base: at, Disp: 8 * j}, columns[j])
		LEAQ(Mem{Base: b, Index: columns[j], Scale: 4}, columns[j])
	}
	sums := v[len(v)-rows*vecs:]
	right, left := v[:vecs], v[vecs:len(v)-rows*vecs]
	if rows == 1 { // each vector of b is used once: straight from memory
		right, left = nil, v[:2]
	}
	for _, s := range sums {
		VXORPS(low(s, bytes), low(s, bytes), low(s, bytes))
	}
	TESTQ(k, k)
	JZ(LabelRef("store"))
	Label("loop")
	o := GP64()
	MOVQ(Mem{Base: off}, o)
	for j := range right {
		VMOVUPS(Mem{Base: columns[j], Index: o, Scale: 4}, right[j])
	}
	for i := range rows {
		w := left[i%len(left)]
		VBROADCASTSS(Mem{Base: a, Disp: 4 * i}, w)
		for j := range vecs {
			if rows == 1 {
				VFMADD231PS(Mem{Base: columns[j], Index: o, Scale: 4, Disp: j * bytes}, w, sums[j])
			} else {
				VFMADD231PS(right[j], w, sums[i*vecs+j])
			}
		}
	}
	ADDQ(Imm(uint64(4*rows)), a)
	ADDQ(Imm(8), off)
	DECQ(k)
	JNZ(LabelRef("loop"))
	Label("store")
	c := Load(Param("c"), GP64())
	ldc := Load(Param("ldc"), GP64())
	SHLQ(Imm(2), ldc)
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JZ(LabelRef("write"))
	d := GP64()
	MOVQ(c, d)
	for i := range rows {
		for j := range vecs {
			VADDPS(Mem{Base: d, Disp: j * bytes}, sums[i*vecs+j], sums[i*vecs+j])
		}
		if i < rows-1 {
			ADDQ(ldc, d)
		}
	}
	Label("write")
	for i := range rows {
		for j := range vecs {
			VMOVUPS(sums[i*vecs+j], Mem{Base: c, Disp: j * bytes})
		}
		if i < rows-1 {
			ADDQ(ldc, c)
		}
	}
	VZEROUPPER()
	RET()
}

// low is the register to clear: VXORPS of the low part clears the whole, but
// the upper sixteen registers need the full width.
func low(r reg.VecPhysical, bytes int) reg.VecPhysical {
	if bytes == 64 {
		for i, z := range zmm {
			if z == r && i < len(xmm) {
				return xmm[i]
			}
		}
	}
	return r
}
