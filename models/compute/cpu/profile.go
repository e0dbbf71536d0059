package cpu

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/models/compute"
)

// Profile runs the program a number of times and returns the median time of
// every step.
func (e *executable) Profile(runs int) []compute.StepTime {
	ms := make([][]float64, len(e.steps))
	for range runs {
		for i := range e.steps {
			start := time.Now()
			e.steps[i].run()
			ms[i] = append(ms[i], float64(time.Since(start))/1e6)
		}
	}
	times := make([]compute.StepTime, len(e.steps))
	for i, s := range e.steps {
		slices.Sort(ms[i])
		times[i] = compute.StepTime{Name: s.name, Shape: s.out, MS: ms[i][len(ms[i])/2], FLOPs: s.flops, Bytes: s.bytes, Buffer: s.buffer}
	}
	return times
}

// String lists the steps with their shapes, FLOPs, bytes and buffers.
func (e *executable) String() string {
	var b strings.Builder
	for i, s := range e.steps {
		_, _ = fmt.Fprintf(&b, "%3d %-40s %-22v %10.3f MFLOP %9.2f MB  buffer %d\n", i, s.name, s.out, float64(s.flops)/1e6, float64(s.bytes)/1e6, s.buffer)
	}
	_, _ = fmt.Fprintf(&b, "    %.3f GFLOP, buffers %.1f MiB\n", float64(e.FLOPs())/1e9, float64(e.bufs)*4/(1<<20))
	return b.String()
}
