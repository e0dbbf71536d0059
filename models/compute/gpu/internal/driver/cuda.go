package driver

import (
	"fmt"
	"unsafe"
)

// Numbers of the CUDA driver's interface (cuda.h).
const (
	cuAttributeGroup, cuAttributeLocal, cuAttributeUnits = 1, 8, 16
	cuAttributeMajor, cuAttributeMinor                   = 75, 76
	cuJITErrorLog, cuJITErrorLogSize                     = 5, 6
	cuStreamNonBlocking, cuCaptureThreadLocal            = 1, 1
	cuNotReady                                           = 600
)

var cudaFunctions = []string{
	"cuInit", "cuDriverGetVersion", "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName", "cuDeviceTotalMem_v2", "cuDeviceGetAttribute",
	"cuCtxCreate_v2", "cuCtxDestroy_v2", "cuCtxSetCurrent", "cuCtxSynchronize", "cuMemGetInfo_v2", "cuMemAlloc_v2", "cuMemFree_v2", "cuMemsetD8_v2",
	"cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuMemcpyDtoDAsync_v2",
	"cuModuleLoadDataEx", "cuModuleGetFunction", "cuModuleUnload", "cuLaunchKernel",
	"cuStreamCreate", "cuStreamDestroy_v2", "cuStreamQuery",
}

var cudaOptional = []string{
	"cuGetErrorName", "cuMemHostRegister_v2", "cuMemHostUnregister",
	"cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags", "cuGraphLaunch", "cuGraphExecDestroy", "cuGraphDestroy",
}

var cuda once

// loadCUDA opens the library at the first call.
func loadCUDA() (*library, error) {
	cuda.Do(func() {
		if cuda.lib, cuda.err = load(cudaNames, cudaFunctions, cudaOptional); cuda.err == nil {
			cuda.err = cuda.lib.cu("cuInit", 0)
		}
	})
	return cuda.lib, cuda.err
}

// cuKind is the kind of a code: a context that has met a fault answers with it
// from then on.
func cuKind(code int) error {
	switch {
	case code == 2:
		return ErrMemory
	case code == 100, code == 101, code == 3, code == 34, code == 35, code == 803, code == 804:
		return ErrUnavailable
	case code == 200, code == 209, code == 218, code == 221, code == 222, code == 223, code == 301, code == 500:
		return errBuild
	case code == 4, code == 46, code == 201, code == 214, code == 220, code == 226, code == 700, code == 702, code == 709,
		code >= 714 && code <= 719, code == 999:
		return ErrLost
	}
	return errCall
}

// cu calls a function that returns a CUresult.
//
//go:uintptrescapes
func (l *library) cu(name string, args ...uintptr) error {
	code := int(int32(call(l.funcs[name], args...))) //nolint:gosec // an enumeration
	if code == 0 {
		return nil
	}
	e := &Error{Call: name, Code: code, Kind: cuKind(code)}
	if l.has("cuGetErrorName") {
		var at *byte
		if call(l.funcs["cuGetErrorName"], uintptr(code), uintptr(unsafe.Pointer(&at))) == 0 {
			e.Name = atAddress(at)
		}
	}
	return e
}

func listCUDA() ([]Device, error) {
	l, err := loadCUDA()
	if err != nil {
		return nil, err
	}
	var n, version int32
	if err := l.cu("cuDeviceGetCount", uintptr(unsafe.Pointer(&n))); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, fmt.Errorf("the driver sees no card: %w", ErrUnavailable)
	}
	if err := l.cu("cuDriverGetVersion", uintptr(unsafe.Pointer(&version))); err != nil {
		return nil, err
	}
	var all []Device
	for i := range n {
		d, err := l.cuDevice(int(i))
		if err != nil {
			return all, err
		}
		d.Driver = fmt.Sprintf("CUDA %d.%d", version/1000, version%1000/10)
		all = append(all, d)
	}
	return all, nil
}

func (l *library) cuDevice(index int) (Device, error) {
	d := Device{API: CUDA, Index: index, Type: GPU, Vendor: "NVIDIA"}
	var id int32
	if err := l.cu("cuDeviceGet", uintptr(unsafe.Pointer(&id)), uintptr(index)); err != nil {
		return d, err
	}
	name := make([]byte, 256)
	if err := l.cu("cuDeviceGetName", uintptr(unsafe.Pointer(&name[0])), uintptr(len(name)), uintptr(id)); err != nil {
		return d, err
	}
	var memory uintptr
	if err := l.cu("cuDeviceTotalMem_v2", uintptr(unsafe.Pointer(&memory)), uintptr(id)); err != nil {
		return d, err
	}
	var v [5]int32
	for i, what := range []uintptr{cuAttributeGroup, cuAttributeLocal, cuAttributeUnits, cuAttributeMajor, cuAttributeMinor} {
		if err := l.cu("cuDeviceGetAttribute", uintptr(unsafe.Pointer(&v[i])), what, uintptr(id)); err != nil {
			return d, err
		}
	}
	d.Name, d.Memory, d.Largest = untilZero(name), int64(memory), int64(memory) //nolint:gosec // less than 2^63
	d.Group, d.Local, d.Units, d.Capability = int(v[0]), int64(v[1]), int(v[2]), fmt.Sprintf("%d.%d", v[3], v[4])
	capability := int(10*v[3] + v[4])
	d.open = func() (Context, error) { return openCUDA(l, d, id, capability) }
	return d, nil
}
