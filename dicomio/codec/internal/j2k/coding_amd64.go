package j2k

import (
	"math/bits"

	"golang.org/x/sys/cpu"
)

// fast: this machine runs the passes of coding_amd64.s, which do what those of
// coding.go do.
var fast = cpu.X86.HasBMI1 && cpu.X86.HasBMI2 && hasLZCNT()

func hasLZCNT() bool

// significanceFast, refineFast and cleanupFast are for the stripe of b whose flags
// and samples begin there. value is that of a sample: when it becomes significant,
// or by how much it is refined.
//
//go:noescape
func significanceFast(b *blockDecoder, flags *uint64, data *int32, rows uint64, value int32)

//go:noescape
func refineFast(b *blockDecoder, flags *uint64, data *int32, rows uint64, value int32)

//go:noescape
func cleanupFast(b *blockDecoder, flags *uint64, data *int32, rows uint64, value int32)

// assembly decodes what a pass has of a stripe where it is fast.
func (b *blockDecoder) assembly(s *stripe, pass, plane int) bool {
	if !fast {
		return false
	}
	// The last row of the stripe is there, all of whose columns have flags.
	flags, data, value := &s.flags[1], &s.data[0], int32(1)<<(plane&31)
	_, _, _ = s.up[b.w+1], s.flags[b.w+1], s.down[b.w+1]
	_ = s.data[b.offset(bits.Len64(s.rows)-1)+b.w-1]
	switch pass {
	case 0:
		significanceFast(b, flags, data, s.rows, 3*value)
	case 1:
		refineFast(b, flags, data, s.rows, value)
	default:
		cleanupFast(b, flags, data, s.rows, 3*value)
	}
	return true
}
