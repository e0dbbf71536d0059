package kernels

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"strings"
)

//go:embed *.cl
var sources embed.FS

//go:embed ptx/*.ptx
var ptx embed.FS

// Tile is a size of the tiled products.
type Tile struct {
	Name       string // added to the kernel's name
	Rows, Cols int
	wx, wy     int
	qx, qy     int
}

// Threads of a group of every tiled product.
const Threads = 64

// Tiles are the sizes that are compiled.
var Tiles = []Tile{tile(8, 8, 2, 2), tile(16, 4, 2, 2), tile(8, 8, 2, 1)}

func tile(wx, wy, qx, qy int) Tile {
	rows, cols := 4*wy*qy, 4*wx*qx
	return Tile{fmt.Sprintf("_%dx%d", rows, cols), rows, cols, wx, wy, qx, qy}
}

// Sizes that the host must know: see the sources.
const (
	Unit           = 32 // floats of a block, in which tensors are numbered
	ChainGroup     = 256
	ChainThreads   = 64
	ChainRegisters = 16
	convInts       = 18
	classInts      = 16
)

// Source is the whole program in OpenCL C. Programs of all precisions have the
// same kernels.
func Source(p Precision) string {
	var b strings.Builder
	part := func(name string) {
		text, err := sources.ReadFile(name)
		if err != nil {
			panic("kernels: " + err.Error()) // it is in the binary
		}
		b.Write(text)
		b.WriteByte('\n')
	}
	for _, name := range []string{"common.cl", "chain.cl", "reduce.cl", "window.cl"} {
		part(name)
	}
	switch products, _ := p.tensor(); {
	case products == 0:
		part("sums.cl")
	case p == BF16:
		part("tensor.cl")
		part("bf16.cl")
	default:
		part("tensor.cl")
		_, _ = fmt.Fprintf(&b, "#define SPLIT %d\n", products)
		part("tf32.cl")
	}
	for _, t := range Tiles {
		_, _ = fmt.Fprintf(&b, "#define WX %d\n#define WY %d\n#define QX %d\n#define QY %d\n#define KERNEL(name) name##%s\n", t.wx, t.wy, t.qx, t.qy, t.Name)
		part("gemm.cl")
		b.WriteString("#undef WX\n#undef WY\n#undef QX\n#undef QY\n#undef KERNEL\n")
	}
	return b.String()
}

// Digest is that of the source, by which PTX that is no longer fresh is told.
func Digest(p Precision) string {
	d := sha256.Sum256([]byte(Source(p)))
	return hex.EncodeToString(d[:])
}

// PTX is the program for CUDA, by capability.
func PTX(p Precision) map[int]string {
	m := map[int]string{}
	for _, c := range Capabilities(p) {
		if text, err := ptx.ReadFile("ptx/" + File(p, c)); err == nil {
			m[c] = string(text)
		}
	}
	return m
}

// File is the name of the PTX of a precision and capability.
func File(p Precision, capability int) string {
	name := fmt.Sprintf("sm_%d", capability)
	if p != Float32 {
		name += "_" + string(p)
	}
	return name + ".ptx"
}
