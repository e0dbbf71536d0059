//go:build linux && !nogpu

package driver

import (
	"fmt"
	"path/filepath"

	"github.com/ebitengine/purego"
)

var (
	openCLNames = []string{"libOpenCL.so.1", "libOpenCL.so"}
	cudaNames   = []string{"libcuda.so.1", "libcuda.so"}
)

func open(name string) (uintptr, error) {
	h, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return 0, fmt.Errorf("no driver: %s is %w", name, ErrUnavailable)
	}
	return h, nil
}

func symbol(handle uintptr, name string) (uintptr, error) { return purego.Dlsym(handle, name) }

// call calls a C function whose arguments and result are integers and pointers.
//
//go:uintptrescapes
func call(f uintptr, args ...uintptr) uintptr {
	r, _, _ := purego.SyscallN(f, args...)
	return r
}

// CardsMayBe is false where the system has no file of any graphics card, so
// that libraries need not be opened to find none.
func CardsMayBe() bool {
	for _, pattern := range []string{"/dev/nvidia*", "/dev/dri/*", "/dev/kfd", "/dev/dxg", "/dev/mali*"} {
		if files, _ := filepath.Glob(pattern); len(files) > 0 {
			return true
		}
	}
	return false
}
