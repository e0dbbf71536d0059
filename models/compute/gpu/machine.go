package gpu

import "github.com/nodulescope/nodulescope/models/compute"

// Machine implements compute.Backend.
func (b *Backend) Machine() compute.Machine {
	return compute.Machine{Device: b.device.ID(), Name: b.device.Name, Precision: string(b.Precision())}
}
