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

// Capabilities are those that PTX is made for, ten times the number: newer
// cards compile it when it is loaded.
var Capabilities = []int{75, 80}

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
	ConvInts       = 18
	ClassInts      = 16
)

// Source is the whole program in OpenCL C.
func Source() string {
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
	for _, t := range Tiles {
		_, _ = fmt.Fprintf(&b, "#define WX %d\n#define WY %d\n#define QX %d\n#define QY %d\n#define KERNEL(name) name##%s\n", t.wx, t.wy, t.qx, t.qy, t.Name)
		part("gemm.cl")
		b.WriteString("#undef WX\n#undef WY\n#undef QX\n#undef QY\n#undef KERNEL\n")
	}
	return b.String()
}

// Digest is that of the source, by which PTX that is no longer fresh is told.
func Digest() string {
	d := sha256.Sum256([]byte(Source()))
	return hex.EncodeToString(d[:])
}

// PTX is the program for CUDA, by capability.
func PTX() map[int]string {
	m := map[int]string{}
	for _, c := range Capabilities {
		if text, err := ptx.ReadFile(fmt.Sprintf("ptx/sm_%d.ptx", c)); err == nil {
			m[c] = string(text)
		}
	}
	return m
}
