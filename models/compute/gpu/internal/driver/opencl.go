package driver

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// Numbers of the OpenCL 1.2 specification (cl.h) and of cl_nv_device_attribute_query.
const (
	clDeviceTypeCPU, clDeviceTypeGPU, clDeviceTypeAll = 2, 4, 0xFFFFFFFF

	clPlatformName                                                         = 0x0902
	clDeviceType, clDeviceUnits, clDeviceGroup, clDeviceLargest            = 0x1000, 0x1002, 0x1004, 0x1010
	clDeviceMemory, clDeviceLocal, clDeviceAvailable, clDeviceCompiler     = 0x101F, 0x1023, 0x1027, 0x1028
	clDeviceName, clDeviceVendor, clDriverVersion                          = 0x102B, 0x102C, 0x102D
	clDeviceMajorNV, clDeviceMinorNV                                       = 0x4000, 0x4001
	clProgramBuildLog, clEventStatus, clMemReadWrite, clPlatformNotFoundID = 0x1183, 0x11D3, 1, -1001
)

var openCLFunctions = []string{
	"clGetPlatformIDs", "clGetPlatformInfo", "clGetDeviceIDs", "clGetDeviceInfo",
	"clCreateContext", "clReleaseContext", "clCreateCommandQueue", "clReleaseCommandQueue",
	"clCreateBuffer", "clReleaseMemObject", "clCreateProgramWithSource", "clBuildProgram", "clGetProgramBuildInfo", "clReleaseProgram",
	"clCreateKernel", "clSetKernelArg", "clReleaseKernel", "clEnqueueNDRangeKernel",
	"clEnqueueReadBuffer", "clEnqueueWriteBuffer", "clEnqueueCopyBuffer", "clEnqueueFillBuffer", "clEnqueueMarkerWithWaitList",
	"clFlush", "clFinish", "clGetEventInfo", "clReleaseEvent",
}

var openCL once

// loadOpenCL opens the library at the first call.
func loadOpenCL() (*library, error) {
	openCL.Do(func() { openCL.lib, openCL.err = load(openCLNames, openCLFunctions, nil) })
	return openCL.lib, openCL.err
}

// clKinds are codes of which the kind is known; those of NVIDIA's faults among
// them.
var clKinds = map[int]error{
	-4: ErrMemory, -6: ErrMemory, -61: ErrMemory,
	-2: ErrLost, -5: ErrLost, -14: ErrLost, -33: ErrLost, -34: ErrLost, -36: ErrLost, -9999: ErrLost,
	-3: errBuild, -11: errBuild, -15: errBuild, -17: errBuild, -45: errBuild, -46: errBuild,
}

// clError makes an error of a code that is not CL_SUCCESS.
func clError(name string, code int) error {
	if code == 0 {
		return nil
	}
	kind := clKinds[code]
	if kind == nil {
		kind = errCall
	}
	return &Error{Call: name, Code: code, Kind: kind}
}

// cl calls a function that returns a code.
//
//go:uintptrescapes
func (l *library) cl(name string, args ...uintptr) error {
	return clError(name, int(int32(call(l.funcs[name], args...)))) //nolint:gosec // cl_int
}

// listOpenCL lists the devices of all platforms that can compile. A device
// that does not say what it is, is left out.
func listOpenCL() ([]Device, error) {
	l, err := loadOpenCL()
	if err != nil {
		return nil, err
	}
	var n uint32
	if err := l.cl("clGetPlatformIDs", 0, 0, uintptr(unsafe.Pointer(&n))); err != nil || n == 0 {
		var e *Error
		if err == nil || (errors.As(err, &e) && e.Code == clPlatformNotFoundID) {
			return nil, fmt.Errorf("the OpenCL library is there, but no driver: %w", ErrUnavailable)
		}
		return nil, err
	}
	platforms := make([]uintptr, n)
	if err := l.cl("clGetPlatformIDs", uintptr(n), uintptr(unsafe.Pointer(&platforms[0])), 0); err != nil {
		return nil, err
	}
	var all []Device
	for _, p := range platforms {
		var n uint32
		if l.cl("clGetDeviceIDs", p, clDeviceTypeAll, 0, 0, uintptr(unsafe.Pointer(&n))) != nil || n == 0 {
			continue
		}
		ids := make([]uintptr, n)
		if l.cl("clGetDeviceIDs", p, clDeviceTypeAll, uintptr(n), uintptr(unsafe.Pointer(&ids[0])), 0) != nil {
			continue
		}
		platform, _ := l.clText("clGetPlatformInfo", p, clPlatformName)
		for _, id := range ids {
			d, err := l.clDevice(id)
			if err != nil {
				continue
			}
			d.Index, d.Platform = len(all), platform
			d.open = func() (Context, error) { return openCLContext(l, d, id) }
			all = append(all, d)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no OpenCL driver offers a device: %w", ErrUnavailable)
	}
	return all, nil
}

func (l *library) clText(call string, id uintptr, what uintptr) (string, error) {
	b := make([]byte, 1024)
	var n uintptr
	if err := l.cl(call, id, what, uintptr(len(b)), uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&n))); err != nil {
		return "", err
	}
	return strings.TrimSpace(untilZero(b)), nil
}

// clNumber reads a number of up to 8 bytes.
func (l *library) clNumber(id, what uintptr) (int64, error) {
	var v int64
	err := l.cl("clGetDeviceInfo", id, what, 8, uintptr(unsafe.Pointer(&v)), 0)
	return v, err
}

func (l *library) clDevice(id uintptr) (Device, error) {
	d := Device{API: OpenCL}
	var errs []error
	for what, s := range map[uintptr]*string{clDeviceName: &d.Name, clDeviceVendor: &d.Vendor, clDriverVersion: &d.Driver} {
		var err error
		*s, err = l.clText("clGetDeviceInfo", id, what)
		errs = append(errs, err)
	}
	var kind, units, group, available, compiler int64
	for what, v := range map[uintptr]*int64{clDeviceType: &kind, clDeviceUnits: &units, clDeviceGroup: &group, clDeviceMemory: &d.Memory,
		clDeviceLargest: &d.Largest, clDeviceLocal: &d.Local, clDeviceAvailable: &available, clDeviceCompiler: &compiler} {
		var err error
		*v, err = l.clNumber(id, what)
		errs = append(errs, err)
	}
	d.Units, d.Group = int(units), int(group)
	switch {
	case kind&clDeviceTypeGPU != 0:
		d.Type = GPU
	case kind&clDeviceTypeCPU != 0:
		d.Type = CPU
	default:
		d.Type = accelerator
	}
	if major, err := l.clNumber(id, clDeviceMajorNV); err == nil && major > 0 && major < 100 {
		minor, _ := l.clNumber(id, clDeviceMinorNV)
		d.Capability = fmt.Sprintf("%d.%d", major, minor)
	}
	if err := errors.Join(errs...); err != nil {
		return d, err
	}
	if available&1 == 0 || compiler&1 == 0 {
		return d, ErrUnavailable
	}
	return d, nil
}
