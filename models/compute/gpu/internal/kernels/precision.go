package kernels

import "slices"

// Precision is how the tiled products are computed: those of convolutions, of
// their gradients and of matrices. Everything else is float32 in each.
type Precision string

// Precisions. The relative error of a product of two factors is at most
// Precision.Error; sums are float32, or what tensor cores make of it.
const (
	Float32 Precision = "float32" // the default
	TF32    Precision = "tf32"    // factors rounded to 10 bits behind the point; tensor cores
	TF32x3  Precision = "tf32x3"  // each factor as the sum of two of TF32: three products on tensor cores
	BF16    Precision = "bf16"    // factors rounded to 7 bits behind the point; tensor cores
)

// Precisions are all, the default first.
var Precisions = []Precision{Float32, TF32, TF32x3, BF16}

// Error is the largest error of a product, relative to it: each factor is off by
// 2^-11 of itself with TF32, by 2^-8 of itself with BF16. With TF32x3 it is the product of the low parts,
// 2^-11 each, which is left out, and the rounding of these, 2^-22 of a factor.
func (p Precision) Error() float64 {
	switch p {
	case TF32:
		return 0x1p-10 + 0x1p-22
	case TF32x3:
		return 3 * 0x1p-22
	case BF16:
		return 0x1p-7 + 0x1p-16
	}
	return 0x1p-24
}

// Valid says whether there is such a precision.
func (p Precision) Valid() bool { return slices.Contains(Precisions, p) }

// Names are all precisions, for messages: "float32, tf32, tf32x3 or bf16".
func Names() string {
	var s string
	for i, p := range Precisions {
		switch {
		case i == len(Precisions)-1:
			s += " or "
		case i > 0:
			s += ", "
		}
		s += string(p)
	}
	return s
}

// tensor says how tensor cores make one product: how many of theirs, and how
// many terms of the inner index each takes. 0: they do not.
func (p Precision) tensor() (products, terms int) {
	switch p {
	case TF32:
		return 1, 8
	case TF32x3:
		return 3, 8
	case BF16:
		return 1, 16
	}
	return 0, 0
}

// Capabilities are those that PTX is made for, ten times the number: newer cards
// compile it when it is loaded. Tensor cores take TF32 and BF16 from 8.0 on.
func Capabilities(p Precision) []int {
	if products, _ := p.tensor(); products > 0 {
		return []int{80}
	}
	return []int{75, 80}
}
