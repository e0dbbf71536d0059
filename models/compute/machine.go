package compute

import "github.com/nodulescope/nodulescope/models/compute/kernel"

// Float32 is the precision of the processor, and of devices that have no other.
const Float32 = "float32"

// Machine is what computes, as a result tells it. Scores of different machines
// differ by rounding.
type Machine struct {
	Device    string // "cpu", or a device such as "cuda:0"
	Name      string // of the device, or the kernels of the processor such as "avx512"
	Precision string // of products and sums, such as Float32
}

// Processor is this machine's processor with a set of kernels; nil means the
// fastest.
func Processor(set *kernel.Set) Machine {
	if set == nil {
		set = kernel.Best()
	}
	return Machine{Device: "cpu", Name: set.Name, Precision: Float32}
}

// String is the machine on one line.
func (m Machine) String() string { return m.Device + " " + m.Name + " " + m.Precision }

// Machine is what computed the outputs of the last run: the processor where the
// device failed on the way.
func (p *Plan) Machine() Machine {
	switch {
	case p.device == nil:
		return p.machine
	case p.device.exec != nil:
		return p.device.backend.Machine()
	case p.device.spare != nil:
		return p.device.spare.machine
	}
	return Machine{}
}
