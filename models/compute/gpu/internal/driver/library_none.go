//go:build nogpu || (!linux && !windows)

package driver

import "fmt"

// noSupport says why there are no devices.
const noSupport = "this binary was built without GPU support"

var openCLNames, cudaNames = []string{""}, []string{""}

func open(string) (uintptr, error) { return 0, fmt.Errorf("%s: %w", noSupport, ErrUnavailable) }

func symbol(uintptr, string) (uintptr, error) { return 0, ErrUnavailable }

func call(uintptr, ...uintptr) uintptr { panic("driver: " + noSupport) }

// CardsMayBe is false where there can be no graphics card that is used.
func CardsMayBe() bool { return false }
