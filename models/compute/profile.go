package compute

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// StepTime is the time of one step of a plan.
type StepTime struct {
	Name   string  `json:"name"`
	Shape  []int   `json:"shape"` // of its output
	MS     float64 `json:"ms"`    // median
	FLOPs  int     `json:"flops"` // needed
	Bytes  int     `json:"bytes"` // of the tensors that it reads and writes
	Buffer int     `json:"buffer"`
}

// Profile runs the plan a number of times and returns the median time of every
// step.
func (p *Plan) Profile(runs int) []StepTime {
	ms := make([][]float64, len(p.steps))
	for range runs {
		for i := range p.steps {
			start := time.Now()
			p.steps[i].run()
			ms[i] = append(ms[i], float64(time.Since(start))/1e6)
		}
	}
	times := make([]StepTime, len(p.steps))
	for i, s := range p.steps {
		slices.Sort(ms[i])
		times[i] = StepTime{s.name, s.out, ms[i][len(ms[i])/2], s.flops, s.bytes, s.buffer}
	}
	return times
}

// String lists the steps with their shapes, FLOPs, bytes and buffers.
func (p *Plan) String() string {
	var b strings.Builder
	for i, s := range p.steps {
		_, _ = fmt.Fprintf(&b, "%3d %-40s %-22v %10.3f MFLOP %9.2f MB  buffer %d\n", i, s.name, s.out, float64(s.flops)/1e6, float64(s.bytes)/1e6, s.buffer)
	}
	_, _ = fmt.Fprintf(&b, "    %.3f GFLOP, buffers %.1f MiB\n", float64(p.FLOPs())/1e9, float64(p.bufs)*4/(1<<20))
	return b.String()
}

// WriteTable writes step times as a table. peak, in GFLOP/s, may be 0.
func WriteTable(w io.Writer, times []StepTime, peak float64) error {
	for i, t := range times {
		rate := float64(t.FLOPs) / t.MS / 1e6
		share := ""
		if peak > 0 && t.FLOPs > 0 {
			share = fmt.Sprintf("%3.0f%%", 100*rate/peak)
		}
		if _, err := fmt.Fprintf(w, "%3d %-40s %-22s %9.3f ms %9.2f MFLOP %8.1f GFLOP/s %4s %8.2f MB  buffer %d\n",
			i, t.Name, fmt.Sprint(t.Shape), t.MS, float64(t.FLOPs)/1e6, rate, share, float64(t.Bytes)/1e6, t.Buffer); err != nil {
			return err
		}
	}
	return nil
}
