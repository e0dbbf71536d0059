package cpu

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu/internal/kernel"
)

// Options of New. The zero value of a field takes the default named behind it.
type Options struct {
	Threads int    // one per processor: workers
	Kernels string // the fastest that this machine runs: one of Names
}

// Backend runs programs on the processor. It is safe for concurrent use.
type Backend struct {
	threads int
	set     *kernel.Set
}

var _ compute.Backend = (*Backend)(nil)

// New makes a back end. It is an error to ask for kernels that this machine
// does not run.
func New(o Options) (*Backend, error) {
	b := &Backend{o.Threads, kernel.Best()}
	if o.Kernels != "" {
		if b.set = kernel.Named(o.Kernels); b.set == nil {
			return nil, fmt.Errorf("cpu: this machine does not run the kernels %q: choose one of %s", o.Kernels, strings.Join(Names(), ", "))
		}
	}
	return b, nil
}

// Names are the sets of kernels that this machine runs, the fastest first.
func Names() []string { return kernel.Names() }

// List is the list of back ends for a plan: those given, but for nil, and the
// processor behind them, with all its workers and its fastest kernels, unless
// it is there already.
func List(before ...compute.Backend) []compute.Backend {
	var list []compute.Backend
	for _, b := range before {
		if b == nil {
			continue
		}
		list = append(list, b)
		if _, ok := b.(*Backend); ok {
			return list
		}
	}
	return append(list, &Backend{set: kernel.Best()})
}

// Machine implements compute.Backend.
func (b *Backend) Machine() compute.Machine {
	return compute.Machine{Device: compute.Processor, Name: b.set.Name, Precision: compute.Float32}
}

// workers is the number of workers.
func (b *Backend) workers() int {
	if b.threads <= 0 {
		return runtime.GOMAXPROCS(0)
	}
	return b.threads
}

// Lanes implements compute.Backend: one run keeps all workers busy.
func (b *Backend) Lanes() int { return 1 }

// Alive implements compute.Backend.
func (b *Backend) Alive() bool { return true }

// Failed implements compute.Backend. A program that could not be built says
// nothing about the next.
func (b *Backend) Failed(error) {}
