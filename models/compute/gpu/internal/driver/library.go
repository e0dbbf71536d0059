package driver

import (
	"fmt"
	"sync"
	"unsafe"
)

// library is an opened shared library and the functions found in it.
type library struct {
	funcs map[string]uintptr
}

// load opens the first library of names that is there and finds functions. Of
// the optional ones those that are missing stay 0.
func load(names, functions, optional []string) (*library, error) {
	var first error
	for _, name := range names {
		handle, err := open(name)
		if err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		l := &library{map[string]uintptr{}}
		for _, f := range functions {
			at, err := symbol(handle, f)
			if err != nil {
				return nil, fmt.Errorf("%s has no %s: update the driver (%w)", name, f, ErrUnavailable)
			}
			l.funcs[f] = at
		}
		for _, f := range optional {
			if at, err := symbol(handle, f); err == nil {
				l.funcs[f] = at
			}
		}
		return l, nil
	}
	return nil, first
}

// has tells whether an optional function is there.
func (l *library) has(name string) bool { return l.funcs[name] != 0 }

// once loads a library at its first use.
type once struct {
	sync.Once
	lib *library
	err error
}

// text is a string that ends with a zero.
func text(s string) []byte { return append([]byte(s), 0) }

// untilZero is the text before the first zero.
func untilZero(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// atAddress reads the text that a library points to, at most 200 bytes.
func atAddress(p *byte) string {
	if p == nil {
		return ""
	}
	b := unsafe.Slice(p, 200) //nolint:gosec // read up to the first zero only
	for i := range b {
		if b[i] == 0 {
			return string(b[:i])
		}
	}
	return ""
}
