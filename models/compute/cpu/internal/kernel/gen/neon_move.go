package main

// transpose takes squares of 8 as two halves of 4 columns, each of two squares
// of 4.
func (a *arm64) transpose() {
	a.begin("transposeNEON", 40, "n int, src *float32, stride int, dst *float32, off *int)", transposeDoc("NEON", 8))
	a.load("n", "src", "stride", "dst", "off")
	a.op("LSL $2, R2")
	a.label("loop")
	for half := range 2 {
		a.op("ADD $%d, R1, R5", 16*half)
		for r := range 8 {
			a.op("FMOVQ (R5), F%d", r)
			a.op("ADD R2, R5")
		}
		for r := 0; r < 8; r += 4 {
			t := 8 + r
			for i := 0; i < 4; i += 2 {
				a.op("VTRN1 V%d.S4, V%d.S4, V%d.S4", r+i+1, r+i, t+i)
				a.op("VTRN2 V%d.S4, V%d.S4, V%d.S4", r+i+1, r+i, t+i+1)
			}
			for j := range 2 {
				a.op("VTRN1 V%d.D2, V%d.D2, V%d.D2", t+2+j, t+j, r+j)
				a.op("VTRN2 V%d.D2, V%d.D2, V%d.D2", t+2+j, t+j, r+2+j)
			}
		}
		for j := range 4 {
			a.op("MOVD %d(R4), R7", 8*(4*half+j))
			a.op("ADD R7<<2, R3, R7")
			a.op("FSTPQ (F%d, F%d), (R7)", j, 4+j)
		}
	}
	a.op("SUB $16, R5, R1") // the next square
	a.op("ADD $32, R3")
	a.op("SUB $1, R0")
	a.op("CBNZ R0, loop")
	a.op("RET")
}

func (a *arm64) scatter() {
	a.begin("scatterNEON", 56, "rows int, n int, src *float32, lds int, dst *float32, ldd int, moves *[2]int32)", scatterDoc("NEON", 8))
	a.load("rows", "n", "src", "lds", "dst", "ldd", "moves")
	a.op("LSL $2, R3")
	a.op("LSL $2, R5")
	a.label("row")
	a.op("MOVD R1, R7")
	a.op("MOVD R6, R8")
	a.label("move")
	a.op("MOVW.P 4(R8), R9")
	a.op("MOVW.P 4(R8), R10")
	a.op("ADD R9<<2, R2, R9")
	a.op("ADD R10<<2, R4, R10")
	a.op("FLDPQ (R9), (F0, F1)")
	a.op("FSTPQ (F0, F1), (R10)")
	a.op("SUB $1, R7")
	a.op("CBNZ R7, move")
	a.op("ADD R3, R2")
	a.op("ADD R5, R4")
	a.op("SUB $1, R0")
	a.op("CBNZ R0, row")
	a.op("RET")
}
