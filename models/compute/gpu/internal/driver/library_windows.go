//go:build windows && !nogpu

package driver

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/windows"
)

var (
	openCLNames = []string{"OpenCL.dll"}
	cudaNames   = []string{"nvcuda.dll"}
)

// open looks in the system's folder only: a library beside the binary is none
// of the driver's.
func open(name string) (uintptr, error) {
	h, err := windows.LoadLibraryEx(name, 0, windows.LOAD_LIBRARY_SEARCH_SYSTEM32)
	if err != nil {
		return 0, fmt.Errorf("no driver: %s is %w", name, ErrUnavailable)
	}
	return uintptr(h), nil
}

func symbol(handle uintptr, name string) (uintptr, error) {
	return windows.GetProcAddress(windows.Handle(handle), name)
}

// call calls a C function whose arguments and result are integers and pointers.
//
//go:uintptrescapes
func call(f uintptr, args ...uintptr) uintptr {
	r, _, _ := syscall.SyscallN(f, args...)
	return r
}

// CardsMayBe is false where there can be no graphics card.
func CardsMayBe() bool { return true }
