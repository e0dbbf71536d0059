package gpu

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"
)

// Settings that Choose takes, beside the id of a device such as "cuda:0".
const (
	Auto = "auto" // a graphics card where there is one, else the processor
	CPU  = "cpu"  // the processor
	GPU  = "gpu"  // a graphics card, or an error
)

// ErrNoDevice says that a device was asked for which is not there.
var ErrNoDevice = errors.New("gpu: no such device")

// leastMemory of a card that Auto takes: the plans of both detectors for a batch
// of 16. leastLocal and leastGroup of any device are what the kernels take.
const (
	leastMemory = 1 << 30
	leastLocal  = 32 << 10
	leastGroup  = 256
)

// Refused says why Auto does not take a device, or "".
func Refused(d driver.Device) string {
	switch {
	case d.Type != driver.GPU:
		return "it is no graphics card: name it to use it"
	case d.Group < leastGroup || d.Local < leastLocal:
		return fmt.Sprintf("its groups have %d work items and %d bytes, %d and %d are needed", d.Group, d.Local, leastGroup, leastLocal)
	case d.Memory < leastMemory:
		return fmt.Sprintf("it has %d MiB, %d are needed", d.Memory>>20, leastMemory>>20)
	case d.API == driver.CUDA && strings.HasPrefix(d.Capability, "7.") && d.Capability < "7.5", d.API == driver.CUDA && len(d.Capability) == 3 && d.Capability < "7":
		return fmt.Sprintf("it has compute capability %s, 7.5 is needed", d.Capability)
	}
	return ""
}

// Choose returns the devices that a setting allows, those to try first in
// front, and why. None is no error where the setting leaves the choice: the
// processor then does the work.
func Choose(setting string, all []driver.Device, missing []driver.Missing) (try []driver.Device, why string, err error) {
	switch setting {
	case CPU:
		return nil, "the setting says so", nil
	case "", Auto, GPU:
		for _, d := range all {
			if Refused(d) == "" {
				try = append(try, d)
			}
		}
		if len(try) > 0 {
			return try, "it is the first usable graphics card", nil
		}
		why = "there is no usable graphics card (" + reasons(all, missing) + ")"
		if setting == GPU {
			return nil, why, fmt.Errorf("%w: %s", ErrNoDevice, why)
		}
		return nil, why, nil
	}
	i := slices.IndexFunc(all, func(d driver.Device) bool { return d.ID() == setting })
	if i < 0 {
		return nil, "", fmt.Errorf("%w: %q: choose auto, cpu, gpu%s (%s)", ErrNoDevice, setting, ids(all), reasons(nil, missing))
	}
	return all[i : i+1], "the setting names it", nil
}

func ids(all []driver.Device) string {
	var b strings.Builder
	for _, d := range all {
		b.WriteString(", " + d.ID())
	}
	return b.String()
}

// reasons says of every device and interface why there is no card.
func reasons(all []driver.Device, missing []driver.Missing) string {
	var parts []string
	for _, d := range all {
		parts = append(parts, d.ID()+" ("+d.Name+"): "+Refused(d))
	}
	for _, m := range missing {
		parts = append(parts, m.API+": "+m.Reason)
	}
	if len(parts) == 0 {
		return "nothing was found wrong"
	}
	return strings.Join(parts, "; ")
}

// OpenFirst opens the first device of a list that can be opened and passes the
// self-check. Every failure is logged. It returns the failures of all where
// none is left, and nil twice for an empty list.
func OpenFirst(try []driver.Device, o Options) (*Backend, error) {
	var errs []error
	for _, d := range try {
		b, err := Open(d, o)
		if err == nil {
			if err = b.selfCheck(); err == nil {
				return b, nil
			}
			b.Close()
		}
		if o.Log != nil {
			o.Log.Warn("device cannot be used", "device", d.ID(), "name", d.Name, "reason", err.Error())
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
