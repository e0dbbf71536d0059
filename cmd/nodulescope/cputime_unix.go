//go:build unix

package main

import (
	"syscall"
	"time"
)

// processorTime is that of all threads of this process until now; 0: not known.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
