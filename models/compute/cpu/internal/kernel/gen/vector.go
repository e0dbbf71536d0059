package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectors writes the element-wise loops for one width. Every function takes n
// values, a multiple of the lanes, and a constant.
func vectors(suffix string, v []reg.VecPhysical, bytes int) {
	w := width{suffix, v, bytes, map[string]reg.VecPhysical{}}
	w.loop("add", true, nil, func(x, y reg.VecPhysical) { VADDPS(y, x, x) })
	w.loop("sub", true, nil, func(x, y reg.VecPhysical) { VSUBPS(y, x, x) })
	w.loop("mul", true, nil, func(x, y reg.VecPhysical) { VMULPS(y, x, x) })
	w.loop("div", true, nil, func(x, y reg.VecPhysical) { VDIVPS(y, x, x) })
	w.loop("scale", false, nil, func(x, _ reg.VecPhysical) { VMULPS(w.c(), x, x) })
	w.loop("shift", false, nil, func(x, _ reg.VecPhysical) { VADDPS(w.c(), x, x) })
	w.loop("square", false, nil, func(x, _ reg.VecPhysical) { VMULPS(x, x, x) })
	w.loop("leaky", false, nil, func(x, y reg.VecPhysical) {
		VMULPS(w.c(), x, y)
		w.choose(x, x, y, x)
	})
	w.loop("gate", false, []string{"one"}, func(x, _ reg.VecPhysical) {
		w.choose(x, w.k["one"], w.c(), x)
	})
	w.loop("exp", false, expConstants, func(x, y reg.VecPhysical) { w.exp(x, y) })
	w.loop("sigmoid", false, expConstants, func(x, y reg.VecPhysical) {
		VXORPS(y, y, y)
		VSUBPS(x, y, x)
		w.exp(x, y)
		VADDPS(w.k["one"], x, x)
		VDIVPS(x, w.k["one"], x)
	})
}

// adam writes the update of Adam (see adamGo) for one width.
func adam(suffix string, v []reg.VecPhysical, bytes int) {
	TEXT("adam"+suffix, NOSPLIT, "func(n int, w, m, v, grad *float32, k *[7]float32)")
	Doc(adamDoc(suffix)...)
	n := Load(Param("n"), GP64())
	w := Load(Param("w"), GP64())
	m := Load(Param("m"), GP64())
	s := Load(Param("v"), GP64())
	g := Load(Param("grad"), GP64())
	k := Load(Param("k"), GP64())
	for i := range 7 {
		VBROADCASTSS(Mem{Base: k, Disp: 4 * i}, v[8+i])
	}
	scale, b1, c1, b2, c2, rate, eps := v[8], v[9], v[10], v[11], v[12], v[13], v[14]
	i := GP64()
	XORQ(i, i)
	SHLQ(Imm(2), n)
	at := func(p reg.Register) Mem { return Mem{Base: p, Index: i, Scale: 1} }
	Label("loop")
	VMULPS(at(g), scale, v[0]) // d
	VMULPS(v[0], v[0], v[1])
	VMULPS(c1, v[0], v[0])
	VFMADD231PS(at(m), b1, v[0])
	VMOVUPS(v[0], at(m))
	VMULPS(c2, v[1], v[1])
	VFMADD231PS(at(s), b2, v[1])
	VMOVUPS(v[1], at(s))
	VSQRTPS(v[1], v[1])
	VADDPS(eps, v[1], v[1])
	VMULPS(rate, v[0], v[0])
	VDIVPS(v[1], v[0], v[0])
	VMOVUPS(at(w), v[2])
	VSUBPS(v[0], v[2], v[2])
	VMOVUPS(v[2], at(w))
	ADDQ(Imm(uint64(bytes)), i) //nolint:gosec // 32 or 64
	CMPQ(i, n)
	JL(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// sum writes the sum of a run of values, in lanes of float64, for one width.
func sum(suffix string, v []reg.VecPhysical, bytes int) {
	TEXT("sum"+suffix, NOSPLIT, "func(n int, x *float32) float64")
	Doc(sumDoc(suffix)...)
	n := Load(Param("n"), GP64())
	x := Load(Param("x"), GP64())
	const chains = 4
	for j := range chains {
		VXORPS(low(v[j], bytes), low(v[j], bytes), low(v[j], bytes))
	}
	i := GP64()
	XORQ(i, i)
	SHLQ(Imm(2), n)
	Label("loop")
	for j := range chains {
		VCVTPS2PD(Mem{Base: x, Index: i, Scale: 1, Disp: j * bytes / 2}, v[chains+j])
		VADDPD(v[chains+j], v[j], v[j])
	}
	ADDQ(Imm(uint64(chains*bytes/2)), i) //nolint:gosec // 64 or 128
	CMPQ(i, n)
	JL(LabelRef("loop"))
	VADDPD(v[1], v[0], v[0])
	VADDPD(v[3], v[2], v[2])
	VADDPD(v[2], v[0], v[0])
	if bytes == 64 {
		VEXTRACTF64X4(Imm(1), v[0], ymm[1])
		VADDPD(ymm[1], ymm[0], ymm[0])
	}
	VEXTRACTF128(Imm(1), ymm[0], xmm[1])
	VADDPD(xmm[1], xmm[0], xmm[0])
	VHADDPD(xmm[0], xmm[0], xmm[0])
	Store(xmm[0], ReturnIndex(0))
	VZEROUPPER()
	RET()
}

type width struct {
	suffix string
	v      []reg.VecPhysical
	bytes  int
	k      map[string]reg.VecPhysical
}

// choose sets dst to yes where x > 0 and to no elsewhere.
func (w *width) choose(x, yes, no, dst reg.VecPhysical) {
	zero := w.v[3]
	VXORPS(zero, zero, zero)
	if w.bytes == 64 {
		VCMPPS(Imm(0x1e), zero, x, reg.K1)
		VBLENDMPS(yes, no, reg.K1, dst)
		return
	}
	VCMPPS(Imm(0x1e), zero, x, zero)
	VBLENDVPS(zero, yes, no, dst)
}

// c is the register of the constant parameter.
func (w *width) c() reg.VecPhysical { return w.v[2] }

// loop writes one function: body leaves its result in x, and may use y, which
// holds the second input where there is one, and registers 3 to 5.
func (w *width) loop(name string, binary bool, constants []string, body func(x, y reg.VecPhysical)) {
	TEXT(name+w.suffix, NOSPLIT, "func(n int, dst, x, y *float32, c float32)")
	Doc(elementDoc(name, w.suffix)...)
	n := Load(Param("n"), GP64())
	dst := Load(Param("dst"), GP64())
	x := Load(Param("x"), GP64())
	y := GP64()
	if binary {
		Load(Param("y"), y)
	}
	c, err := Param("c").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(c.Addr, w.c())
	for i, k := range constants {
		w.k[k] = w.v[len(xmm)-1-i]
		VBROADCASTSS(constant(k), w.k[k])
	}
	i := GP64()
	XORQ(i, i)
	SHLQ(Imm(2), n)
	Label("loop")
	VMOVUPS(Mem{Base: x, Index: i, Scale: 1}, w.v[0])
	if binary {
		VMOVUPS(Mem{Base: y, Index: i, Scale: 1}, w.v[1])
	}
	body(w.v[0], w.v[1])
	VMOVUPS(w.v[0], Mem{Base: dst, Index: i, Scale: 1})
	ADDQ(Imm(uint64(w.bytes)), i) //nolint:gosec // 32 or 64
	CMPQ(i, n)
	JL(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

var expConstants = []string{"one", "log2e", "ln2hi", "ln2lo", "p0", "p1", "p2", "p3", "p4", "p5"}

var constantValues = map[string]float32{
	"one": 1, "log2e": 1.44269504088896341, "ln2hi": 0.693359375, "ln2lo": -2.12194440e-4,
	"lowest": -104, "highest": 89,
	// Polynomial of (e^r - 1 - r)/r^2 on |r| <= ln(2)/2, of the Cephes library.
	"p0": 1.9875691500e-4, "p1": 1.3981999507e-3, "p2": 8.3334519073e-3, "p3": 4.1665795894e-2, "p4": 1.6666665459e-1, "p5": 5.0000001201e-1,
}

var constantMems = map[string]Mem{}

func constant(name string) Mem {
	m, ok := constantMems[name]
	if !ok {
		m = ConstData(name, U32(math.Float32bits(constantValues[name]))) // F32(1) would be the integer
		constantMems[name] = m
	}
	return m
}

// exp computes e^x in x: with n = round(x/ln 2) and r = x - n ln 2 it is
// 2^n (1 + r + r^2 p(r)). The power of two is applied in two halves, so that
// results near the largest and below the smallest normal number come out.
func (w *width) exp(x, y reg.VecPhysical) {
	n, t := w.v[3], w.v[4]
	VBROADCASTSS(constant("lowest"), t)
	VMAXPS(x, t, x) // NaN stays: the second operand wins
	VBROADCASTSS(constant("highest"), t)
	VMINPS(x, t, x)
	VMULPS(w.k["log2e"], x, n)
	if w.bytes == 64 {
		VRNDSCALEPS(Imm(0), n, n)
	} else {
		VROUNDPS(Imm(0), n, n)
	}
	VFNMADD231PS(w.k["ln2hi"], n, x)
	VFNMADD231PS(w.k["ln2lo"], n, x)
	VMOVAPS(w.k["p0"], y)
	for _, p := range []string{"p1", "p2", "p3", "p4", "p5"} {
		VFMADD213PS(w.k[p], x, y)
	}
	VMULPS(x, x, t)
	VFMADD213PS(x, t, y) // y = y*r^2 + r
	VADDPS(w.k["one"], y, x)
	VCVTPS2DQ(n, n)
	VPSRAD(Imm(1), n, t)
	VPSUBD(t, n, n)
	for _, h := range []reg.VecPhysical{t, n} {
		VPSLLD(Imm(23), h, h)
		VPADDD(w.k["one"], h, h) // the bits of 1 hold the bias of the exponent
		VMULPS(h, x, x)
	}
}
