package driver

import (
	"fmt"
	"time"
	"unsafe"
)

// Names of the libraries' interfaces.
const (
	OpenCL = "opencl"
	CUDA   = "cuda"
)

// Types of device.
const (
	GPU         = "gpu"
	CPU         = "cpu" // OpenCL on the processor, such as PoCL
	accelerator = "accelerator"
)

// Device is a device that a driver offers.
type Device struct {
	API        string `json:"api"`                  // OpenCL or CUDA
	Index      int    `json:"index"`                // among those of the API
	Type       string `json:"type"`                 // GPU, CPU or Accelerator
	Name       string `json:"name"`                 // of the card
	Vendor     string `json:"vendor"`               //
	Driver     string `json:"driver"`               // its version
	Platform   string `json:"platform,omitempty"`   // of OpenCL
	Capability string `json:"capability,omitempty"` // compute capability of NVIDIA, such as "9.0"
	Memory     int64  `json:"memory_bytes"`
	Largest    int64  `json:"largest_allocation_bytes"`
	Units      int    `json:"units"`       // compute units, or multiprocessors
	Group      int    `json:"group"`       // most work items of a group
	Local      int64  `json:"local_bytes"` // memory of a group

	open func() (Context, error)
}

// ID is how settings name a device, such as "cuda:0".
func (d Device) ID() string { return fmt.Sprintf("%s:%d", d.API, d.Index) }

// Open makes a context on the device.
func (d Device) Open() (Context, error) {
	if d.open == nil {
		return nil, fmt.Errorf("driver: open %s: %w", d.ID(), ErrUnavailable)
	}
	c, err := d.open()
	if err != nil {
		return nil, fmt.Errorf("driver: open %s (%s): %w", d.ID(), d.Name, err)
	}
	return c, nil
}

// Missing is an interface that offers no device, and why.
type Missing struct {
	API    string `json:"api"`
	Reason string `json:"reason"`
}

// List returns the devices of all drivers, CUDA first, and the interfaces that
// have none.
func List() ([]Device, []Missing) {
	var all []Device
	var missing []Missing
	for _, api := range []struct {
		name string
		list func() ([]Device, error)
	}{{CUDA, listCUDA}, {OpenCL, listOpenCL}} {
		devices, err := api.list()
		if err != nil {
			missing = append(missing, Missing{api.name, err.Error()})
		}
		all = append(all, devices...)
	}
	return all, missing
}

// Program is the source of all kernels: OpenCL C for OpenCL, and PTX by the
// least compute capability (75 for 7.5) for CUDA.
type Program struct {
	Source  string
	Options string // of the OpenCL compiler
	PTX     map[int]string
}

// Context is an open device. Its methods may be called by several goroutines.
type Context interface {
	Device() Device
	// Load compiles a program, whose kernels recordings then name. ErrBuild
	// carries what the compiler said.
	Load(Program) error
	// Alloc returns zeroed memory.
	Alloc(bytes int) (Memory, error)
	// Free is the free memory in bytes, or false where the driver does not
	// tell.
	Free() (int64, bool)
	// Pin locks host memory so that copies need no intermediate one, where the
	// driver can. The returned function undoes it.
	Pin(b []byte) func()
	// Queue makes a queue.
	Queue() (Queue, error)
	// Close releases everything that belongs to the context.
	Close()
}

// Memory is a block of device memory.
type Memory interface {
	Size() int
	Release()
}

// Op is one recorded operation: a kernel where Kernel is set, else a copy.
// Kernels take their memories and then their numbers as arguments.
type Op struct {
	Kernel string
	Groups [3]int
	Local  int // work items of a group, along the first axis
	Mem    []Memory
	Ints   []int32

	To, From   Memory // a copy: one of the two, or both
	Host       []byte // the other end; it must neither move nor die while the recording lives
	ToAt, Size int    // bytes; Size only for copies between memories
	FromAt     int
}

// Recording is a list of operations that a queue can run.
type Recording interface {
	Release()
}

// Times is a recording and how many times it runs.
type Times struct {
	Recording Recording
	N         int
}

// Queue runs recordings in order. It is used by one goroutine at a time.
type Queue interface {
	Record(ops []Op) (Recording, error)
	// Submit runs recordings one after the other and waits until all are done.
	// After limit (0: none) it gives up with ErrLost.
	Submit(limit time.Duration, parts ...Times) error
	// Finish waits, however long, until nothing that was submitted still runs.
	Finish()
	Release()
}

// Bytes is the memory of a slice of numbers.
func Bytes[T float32 | int32](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x)) //nolint:gosec // the same memory
}

// wait calls ready until it says true, fails, or limit is over: at once, then
// every few microseconds, then less often.
func wait(limit time.Duration, ready func() (bool, error)) error {
	start := time.Now()
	for i := 0; ; i++ {
		ok, err := ready()
		if err != nil || ok {
			return err
		}
		waited := time.Since(start)
		switch {
		case limit > 0 && waited > limit:
			return &Error{Call: "wait", Name: fmt.Sprintf("no answer in %v", limit), Kind: ErrLost}
		case waited > 20*time.Millisecond:
			time.Sleep(200 * time.Microsecond)
		case waited > 2*time.Millisecond:
			time.Sleep(20 * time.Microsecond)
		}
	}
}
