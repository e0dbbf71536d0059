package compute

import (
	"fmt"
	"io"
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

// profiler is an executable that times its steps.
type profiler interface {
	Profile(runs int) []StepTime
	String() string // the steps with their shapes, FLOPs, bytes and buffers
}

// Profile runs the plan a number of times and returns the median time of every
// step, or nil where its machine does not time them.
func (p *Plan) Profile(runs int) []StepTime {
	if e, ok := p.exec.(profiler); ok {
		return e.Profile(runs)
	}
	return nil
}

// String lists the steps, where the machine knows them.
func (p *Plan) String() string {
	if e, ok := p.exec.(profiler); ok {
		return e.String()
	}
	return "a plan for " + p.Machine().String() + "\n"
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
