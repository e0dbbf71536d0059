package kernels

// Precision is how the tiled products are computed: those of convolutions, of
// their gradients and of matrices. Everything else is float32 in each.
type Precision string

// Precisions. The relative error of a product of two factors is at most
// Precision.Error; sums are float32, or what tensor cores make of it.
const (
	Float32 Precision = "float32" // the default
	TF32    Precision = "tf32"    // factors rounded to 10 bits behind the point; tensor cores
	TF32x3  Precision = "tf32x3"  // each factor as the sum of two of TF32: three products on tensor cores
)

// Precisions are all, the default first.
var Precisions = []Precision{Float32, TF32, TF32x3}

// Error is the largest error of a product, relative to it: each factor is off by
// 2^-11 of itself with TF32. With TF32x3 it is the product of the low parts,
// 2^-11 each, which is left out, and the rounding of these, 2^-22 of a factor.
func (p Precision) Error() float64 {
	switch p {
	case TF32:
		return 0x1p-10 + 0x1p-22
	case TF32x3:
		return 3 * 0x1p-22
	}
	return 0x1p-24
}

// Valid says whether there is such a precision.
func (p Precision) Valid() bool { return p == Float32 || p.split() > 0 }

// split is how many products of TF32 make one; 0: none does.
func (p Precision) split() int {
	switch p {
	case TF32:
		return 1
	case TF32x3:
		return 3
	}
	return 0
}

// Capabilities are those that PTX is made for, ten times the number: newer cards
// compile it when it is loaded. Tensor cores take TF32 from 8.0 on.
func Capabilities(p Precision) []int {
	if p.split() > 0 {
		return []int{80}
	}
	return []int{75, 80}
}
