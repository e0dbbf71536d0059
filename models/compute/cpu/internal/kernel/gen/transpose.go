package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose writes transposeGo for squares of one vector's width.
func transpose(suffix string, v []reg.VecPhysical, bytes int) {
	width := bytes / 4
	TEXT("transpose"+suffix, NOSPLIT, "func(n int, src *float32, stride int, dst *float32, off *int)")
	Doc(transposeDoc(suffix, width)...)
	n := Load(Param("n"), GP64())
	src := Load(Param("src"), GP64())
	stride := Load(Param("stride"), GP64())
	dst := Load(Param("dst"), GP64())
	off := Load(Param("off"), GP64())
	SHLQ(Imm(2), stride)
	r, t := v[:width], v[width:2*width]
	o := GP64()
	Label("loop")
	for _, r := range r { // leaves src at the next square
		VMOVUPS(Mem{Base: src}, r)
		ADDQ(stride, src)
	}
	for i := 0; i < width; i += 2 {
		VUNPCKLPS(r[i+1], r[i], t[i])
		VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	for i := 0; i < width; i += 4 { // r[i+j]: in piece p of four, column 4p+j of rows i to i+3
		VUNPCKLPD(t[i+2], t[i], r[i])
		VUNPCKHPD(t[i+2], t[i], r[i+1])
		VUNPCKLPD(t[i+3], t[i+1], r[i+2])
		VUNPCKHPD(t[i+3], t[i+1], r[i+3])
	}
	columns := make([]reg.VecPhysical, width)
	for j := range 4 {
		if width == 8 {
			VPERM2F128(Imm(0x20), r[4+j], r[j], t[j])
			VPERM2F128(Imm(0x31), r[4+j], r[j], t[4+j])
			columns[j], columns[4+j] = t[j], t[4+j]
			continue
		}
		VSHUFF32X4(Imm(0x88), r[4+j], r[j], t[j])      // even pieces of rows 0 to 7
		VSHUFF32X4(Imm(0xdd), r[4+j], r[j], t[4+j])    // odd
		VSHUFF32X4(Imm(0x88), r[12+j], r[8+j], t[8+j]) // of rows 8 to 15
		VSHUFF32X4(Imm(0xdd), r[12+j], r[8+j], t[12+j])
		VSHUFF32X4(Imm(0x88), t[8+j], t[j], r[j])
		VSHUFF32X4(Imm(0xdd), t[8+j], t[j], r[8+j])
		VSHUFF32X4(Imm(0x88), t[12+j], t[4+j], r[4+j])
		VSHUFF32X4(Imm(0xdd), t[12+j], t[4+j], r[12+j])
		for i := range 4 {
			columns[4*i+j] = r[4*i+j]
		}
	}
	for j, c := range columns {
		MOVQ(Mem{Base: off, Disp: 8 * j}, o)
		VMOVUPS(c, Mem{Base: dst, Index: o, Scale: 4})
	}
	ADDQ(Imm(uint64(bytes)), dst) //nolint:gosec // 32 or 64
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// scatter writes scatterGo for vectors of one width.
func scatter(suffix string, v []reg.VecPhysical, bytes int) {
	TEXT("scatter"+suffix, NOSPLIT, "func(rows, n int, src *float32, lds int, dst *float32, ldd int, moves *[2]int32)")
	Doc(scatterDoc(suffix, bytes/4)...)
	rows := Load(Param("rows"), GP64())
	n := Load(Param("n"), GP64())
	src := Load(Param("src"), GP64())
	lds := Load(Param("lds"), GP64())
	dst := Load(Param("dst"), GP64())
	ldd := Load(Param("ldd"), GP64())
	moves := Load(Param("moves"), GP64())
	SHLQ(Imm(2), lds)
	SHLQ(Imm(2), ldd)
	from, to, left, m := GP64(), GP64(), GP64(), GP64()
	Label("row")
	MOVQ(n, left)
	MOVQ(moves, m)
	Label("move")
	MOVLQSX(Mem{Base: m}, from)
	MOVLQSX(Mem{Base: m, Disp: 4}, to)
	VMOVUPS(Mem{Base: src, Index: from, Scale: 4}, v[0])
	VMOVUPS(v[0], Mem{Base: dst, Index: to, Scale: 4})
	ADDQ(Imm(8), m)
	DECQ(left)
	JNZ(LabelRef("move"))
	ADDQ(lds, src)
	ADDQ(ldd, dst)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
