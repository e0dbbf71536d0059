package main

import (
	"fmt"
	"math"
	"strings"
)

// Registers of the element-wise loops, which take four vectors at a time: 0 to 3
// hold x, 4 to 7 y, the second input or what is between, 8 to 15 more of that.
const (
	neonC = 16 // the constant parameter
	neonK = 17 // and up: constants
)

// neonConstants are in the order of the table from which loops load them.
var neonConstants = []string{"one", "lowest", "highest", "log2e", "ln2hi", "ln2lo", "p0", "p1", "p2", "p3", "p4", "p5"}

// k is the register of a constant.
func (a *arm64) k(name string) int {
	for i, n := range neonConstants {
		if n == name {
			return neonK + i
		}
	}
	panic("no constant " + name)
}

// four does a step for each of four vectors.
func four(step func(x, y, t, n int)) {
	for i := range 4 {
		step(i, 4+i, 8+i, 12+i)
	}
}

// vectors writes the element-wise loops.
func (a *arm64) vectors() {
	a.code.WriteString("\n")
	for i, name := range neonConstants {
		fmt.Fprintf(&a.code, "DATA numbers<>+%d(SB)/4, $0x%08x // %s\n", 4*i, math.Float32bits(constantValues[name]), name)
	}
	fmt.Fprintf(&a.code, "GLOBL numbers<>(SB), RODATA|NOPTR, $%d\n", 4*len(neonConstants))
	for _, b := range []struct {
		name string
		w    word
	}{{"add", fadd}, {"sub", fsub}, {"mul", fmul}, {"div", fdiv}} {
		a.loop(b.name, true, 0, func() { four(func(x, y, _, _ int) { a.three(b.w, x, x, y) }) })
	}
	a.loop("scale", false, 0, func() { four(func(x, _, _, _ int) { a.three(fmul, x, x, neonC) }) })
	a.loop("shift", false, 0, func() { four(func(x, _, _, _ int) { a.three(fadd, x, x, neonC) }) })
	a.loop("square", false, 0, func() { four(func(x, _, _, _ int) { a.three(fmul, x, x, x) }) })
	a.loop("leaky", false, 0, func() {
		four(func(x, y, t, _ int) {
			a.positive(t, x)
			a.three(fmul, y, x, neonC)
			a.choose(t, x, y, x)
		})
	})
	a.loop("gate", false, 1, func() {
		four(func(x, _, t, _ int) {
			a.positive(t, x)
			a.choose(t, a.k("one"), neonC, x)
		})
	})
	a.loop("exp", false, len(neonConstants), a.exp)
	a.loop("sigmoid", false, len(neonConstants), func() {
		four(func(x, _, _, _ int) { a.two(fneg, x, x) })
		a.exp()
		four(func(x, _, _, _ int) {
			a.three(fadd, x, x, a.k("one"))
			a.three(fdiv, x, a.k("one"), x)
		})
	})
}

// choose sets dst to yes where the bits of mask are set and to no elsewhere, and
// spoils mask.
func (a *arm64) choose(mask, yes, no, dst int) {
	a.op("VBSL V%d.B16, V%d.B16, V%d.B16", no, yes, mask)
	a.copy(mask, dst)
}

func (a *arm64) copy(src, dst int) { a.op("VMOV V%d.B16, V%d.B16", src, dst) }

// memory reads or writes four vectors from a register on.
func (a *arm64) memory(op string, first, pointer int) {
	var v []string
	for i := range 4 {
		v = append(v, fmt.Sprintf("V%d.S4", first+i))
	}
	list, from := "["+strings.Join(v, ", ")+"]", fmt.Sprintf("(R%d)", pointer)
	if strings.HasSuffix(op, ".P") {
		from = "64" + from
	}
	if strings.HasPrefix(op, "VST") {
		list, from = from, list
	}
	a.op("%s %s, %s", op, from, list)
}

// loop writes one function, with the first of the constants loaded: body leaves
// its result in x.
func (a *arm64) loop(name string, binary bool, constants int, body func()) {
	a.begin(name+"NEON", 36, "n int, dst *float32, x *float32, y *float32, c float32)", elementDoc(name, "NEON"))
	a.load("n", "dst", "x")
	if binary {
		a.op("MOVD y+24(FP), R3")
	}
	a.op("FMOVS c+32(FP), F%d", neonC)
	a.op("VDUP V%d.S[0], V%d.S4", neonC, neonC)
	if constants > 0 {
		a.op("MOVD $numbers<>(SB), R4")
	}
	for i := range constants {
		a.op("VLD1R.P 4(R4), [V%d.S4]", neonK+i)
	}
	a.label("loop")
	a.memory("VLD1.P", 0, 2)
	if binary {
		a.memory("VLD1.P", 4, 3)
	}
	body()
	a.memory("VST1.P", 0, 1)
	a.op("SUB $16, R0")
	a.op("CBNZ R0, loop")
	a.op("RET")
}

// exp computes e^x in x: see width.exp, of which this is each step.
func (a *arm64) exp() {
	four(func(x, _, _, n int) {
		a.three(fmax, x, x, a.k("lowest")) // NaN stays
		a.three(fmin, x, x, a.k("highest"))
		a.three(fmul, n, x, a.k("log2e"))
		a.two(frintn, n, n)
	})
	four(func(x, _, _, n int) {
		a.op("VFMLS V%d.S4, V%d.S4, V%d.S4", a.k("ln2hi"), n, x)
		a.op("VFMLS V%d.S4, V%d.S4, V%d.S4", a.k("ln2lo"), n, x)
	})
	four(func(_, y, _, _ int) { a.copy(a.k("p0"), y) })
	for i, p := range []string{"p1", "p2", "p3", "p4", "p5"} {
		four(func(x, y, t, _ int) {
			if i%2 == 1 {
				y, t = t, y
			}
			a.copy(a.k(p), t)
			a.op("VFMLA V%d.S4, V%d.S4, V%d.S4", x, y, t)
		})
	}
	four(func(x, y, t, n int) { // t is p(r)
		a.three(fmul, y, x, x)
		a.op("VFMLA V%d.S4, V%d.S4, V%d.S4", y, t, x)
		a.three(fadd, x, x, a.k("one"))
		a.two(fcvtns, n, n)
		a.half(t, n)
		a.op("VSUB V%d.S4, V%d.S4, V%d.S4", t, n, n)
	})
	four(func(x, _, t, n int) {
		for _, h := range []int{t, n} {
			a.op("VSHL $23, V%d.S4, V%d.S4", h, h)
			a.op("VADD V%d.S4, V%d.S4, V%d.S4", a.k("one"), h, h) // the bits of 1 hold the bias of the exponent
			a.three(fmul, x, x, h)
		}
	})
}

// adam writes the update of Adam (see adamGo).
func (a *arm64) adam() {
	a.begin("adamNEON", 48, "n int, w *float32, m *float32, v *float32, grad *float32, k *[7]float32)", adamDoc("NEON"))
	a.load("n", "w", "m", "v", "grad", "k")
	const scale, b1, c1, b2, c2, rate, eps = 16, 17, 18, 19, 20, 21, 22
	for i := range 7 {
		a.op("VLD1R.P 4(R5), [V%d.S4]", scale+i)
	}
	a.label("loop")
	a.memory("VLD1.P", 0, 4)
	a.memory("VLD1", 8, 2)
	four(func(d, s, m, _ int) {
		a.three(fmul, d, d, scale)
		a.three(fmul, s, d, d)
		a.three(fmul, d, d, c1)
		a.op("VFMLA V%d.S4, V%d.S4, V%d.S4", b1, m, d)
	})
	a.memory("VST1.P", 0, 2)
	a.memory("VLD1", 8, 3)
	four(func(_, s, v, _ int) {
		a.three(fmul, s, s, c2)
		a.op("VFMLA V%d.S4, V%d.S4, V%d.S4", b2, v, s)
	})
	a.memory("VST1.P", 4, 3)
	a.memory("VLD1", 8, 1)
	four(func(d, s, w, _ int) {
		a.two(fsqrt, s, s)
		a.three(fadd, s, s, eps)
		a.three(fmul, d, d, rate)
		a.three(fdiv, d, d, s)
		a.three(fsub, w, w, d)
	})
	a.memory("VST1.P", 8, 1)
	a.op("SUB $16, R0")
	a.op("CBNZ R0, loop")
	a.op("RET")
}

// sum adds up in the sixteen lanes of float64 that AVX2 has, in its order.
func (a *arm64) sum() {
	a.begin("sumNEON", 24, "n int, x *float32) float64", sumDoc("NEON"))
	a.load("n", "x")
	for s := 16; s < 24; s++ {
		a.zero(s)
	}
	a.label("loop")
	a.memory("VLD1.P", 0, 1)
	for s := range 8 {
		a.widen(8+s, s/2, s%2)
		a.three(faddD, 16+s, 16+s, 8+s)
	}
	a.op("SUB $16, R0")
	a.op("CBNZ R0, loop")
	for _, pair := range [][2]int{{16, 18}, {17, 19}, {20, 22}, {21, 23}, {16, 20}, {17, 21}, {16, 17}} {
		a.three(faddD, pair[0], pair[0], pair[1])
	}
	a.op("WORD $0x%08x // FADDP D0, V16.2D", 0x7e70d800|16<<5)
	a.op("FMOVD F0, ret+16(FP)")
	a.op("RET")
}
