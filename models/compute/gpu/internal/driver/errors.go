package driver

import (
	"errors"
	"fmt"
)

// Kinds of failure.
var (
	ErrUnavailable = errors.New("not available")
	ErrMemory      = errors.New("not enough memory on the device")
	ErrLost        = errors.New("the device failed")
	errBuild       = errors.New("the driver does not take the program")
	errCall        = errors.New("the driver refused")
)

// Error is a call of a driver's library that failed. It wraps one of the kinds.
type Error struct {
	Call string // such as "clCreateBuffer"
	Code int    // of the library
	Name string // of the code, where the library tells it
	Kind error
}

// Error says which call failed, and how.
func (e *Error) Error() string {
	name := ""
	if e.Name != "" {
		name = " " + e.Name
	}
	return fmt.Sprintf("%s: %v (code %d%s)", e.Call, e.Kind, e.Code, name)
}

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }
