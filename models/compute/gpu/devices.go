package gpu

import "github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"

// Device is a device that a driver offers. Its Type is GPU, CPU (OpenCL on the
// processor, such as PoCL) or "accelerator".
type Device = driver.Device

// Missing is an interface of drivers that offers no device, and why.
type Missing = driver.Missing

// Interfaces of drivers.
const (
	OpenCL = driver.OpenCL
	CUDA   = driver.CUDA
)

// What can go wrong with a device: a program that does not fit leaves it in
// use, a device that failed is given up.
var (
	ErrMemory = driver.ErrMemory
	ErrLost   = driver.ErrLost
)

// Devices are those of all drivers, CUDA first, and the interfaces that have
// none.
func Devices() ([]Device, []Missing) { return driver.List() }

// CardsMayBe is false where the system has no file of any graphics card, so
// that no driver's library need be opened to find none.
func CardsMayBe() bool { return driver.CardsMayBe() }
