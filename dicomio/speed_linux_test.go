package dicomio

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// BenchmarkCodes decodes series that testdata/codes.py has compressed, each in a
// folder of its own below NODULESCOPE_CODES.
func BenchmarkCodes(b *testing.B) {
	root := os.Getenv("NODULESCOPE_CODES")
	dirs, _ := filepath.Glob(filepath.Join(root, "*"))
	if root == "" || len(dirs) == 0 {
		b.Skip("NODULESCOPE_CODES names no folder of compressed series: see testdata/codes.py")
	}
	for _, dir := range dirs {
		b.Run(filepath.Base(dir), func(b *testing.B) {
			s, err := OpenSeries(context.Background(), dir, "", Options{})
			if err != nil {
				b.Skip(err)
			}
			var block Block
			start := processorSeconds(b)
			for b.Loop() {
				if err := s.HUInto(context.Background(), 0, len(s.Slices), &block); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((processorSeconds(b)-start)*1e3/float64(b.N*len(s.Slices)), "processor-ms/slice")
		})
	}
}

// processorSeconds is how long this process has run, on all cores together.
func processorSeconds(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}
