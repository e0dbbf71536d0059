package gpu

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/kernels"
)

// Precision is how products of matrices and convolutions are computed: see
// kernels.Precision.
type Precision = kernels.Precision

// Precisions, of which Float32 is the default everywhere.
const (
	Float32 = kernels.Float32
	TF32    = kernels.TF32
	TF32x3  = kernels.TF32x3
	BF16    = kernels.BF16
)

// Precisions are all, the default first.
var Precisions = kernels.Precisions

// errPrecision says that a device does not compute in the precision asked for.
var errPrecision = errors.New("gpu: no such precision on this device")

// Lacks says why a device does not compute in a precision, or "". Tensor cores
// are used through CUDA, from compute capability 8.0 on. OpenCL on a processor
// does what they do, slowly: that is for tests.
func Lacks(d driver.Device, p Precision) string {
	switch {
	case !p.Valid():
		return fmt.Sprintf("there is no precision %q: choose %s", p, kernels.Names())
	case p == Float32 || (d.API == driver.OpenCL && d.Type == driver.CPU):
		return ""
	case d.API != driver.CUDA:
		return "tensor cores are used through CUDA alone"
	}
	if c, err := strconv.ParseFloat(d.Capability, 64); err != nil || c < 8 {
		return fmt.Sprintf("it has compute capability %s, tensor cores take TF32 and BF16 from 8.0 on", d.Capability)
	}
	return ""
}

// PrecisionsOf are the precisions that a device computes in, Float32 first.
func PrecisionsOf(d driver.Device) []Precision {
	return slices.DeleteFunc(slices.Clone(kernels.Precisions), func(p Precision) bool { return Lacks(d, p) != "" })
}

// Precision is how the back end computes products.
func (b *Backend) Precision() Precision { return b.o.Precision }

// Able are the devices of a list that compute in a precision. None of several is
// an error that says why.
func Able(all []driver.Device, p Precision) (able []driver.Device, err error) {
	if !p.Valid() {
		return nil, fmt.Errorf("%w: %s", errPrecision, Lacks(driver.Device{}, p))
	}
	for _, d := range all {
		if why := Lacks(d, p); why != "" {
			err = errors.Join(err, fmt.Errorf("%w: %s: %s (%s): %s", errPrecision, p, d.ID(), d.Name, why))
			continue
		}
		able = append(able, d)
	}
	if len(able) > 0 {
		return able, nil
	}
	return nil, err
}
