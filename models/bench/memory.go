package bench

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/nodulescope/nodulescope/models/compute"
)

// SearchMemory is how far a latent search of 16 patches raises the peak of
// this process's resident memory above what it holds with the weights loaded,
// in MiB. Call it first in a process: an earlier peak hides a later one. It
// needs Linux.
func SearchMemory(o compute.Options) (float64, error) {
	ps := searchParams()
	return PeakMemory(func() error {
		w, err := searchWith(ps, o)
		if err != nil {
			return err
		}
		for range 3 {
			w.Run()
		}
		return nil
	})
}

// PeakMemory is how far run raises the peak of this process's resident memory
// above what it holds before, in MiB; see [SearchMemory].
func PeakMemory(run func() error) (float64, error) {
	debug.FreeOSMemory()
	before, err := status("VmRSS")
	if err != nil {
		return 0, err
	}
	if err := run(); err != nil {
		return 0, err
	}
	after, err := status("VmHWM")
	return (after - before) / 1024, err
}

// status reads a line of /proc/self/status in KiB.
func status(name string) (float64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("bench: resident memory: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	for s := bufio.NewScanner(f); s.Scan(); {
		var kib float64
		if rest, ok := strings.CutPrefix(s.Text(), name+":"); ok {
			_, err := fmt.Sscan(rest, &kib)
			return kib, err
		}
	}
	return 0, errors.New("bench: no " + name + " in /proc/self/status")
}
