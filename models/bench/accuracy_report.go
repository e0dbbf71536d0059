package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// What is wanted of every tensor.
const (
	outputBound   = 5e-6 // largest error of an output
	gradientRatio = 2    // largest error of a gradient, in those of the peer in float32
)

// TensorError are the errors of one tensor, the largest of all seeds that
// count: max|x - ref| / max|ref| with the peer's float64 as ref. Where ref is
// zero throughout they are max|x|.
type TensorError struct {
	Network string    `json:"network"`
	Tensor  string    `json:"tensor"` // "grad." and a name: gradient of the loss
	Shape   []int     `json:"shape"`
	Seeds   int       `json:"seeds"` // that count; without one, errors are 0
	Peer    float64   `json:"peer"`  // the peer in float32
	Ours    []float64 `json:"ours"`  // per kernel set
}

// Flips tells in how many places an input of LeakyReLU or of an absolute value
// is on the other side of 0 than in float64.
type Flips struct {
	Network string `json:"network"`
	Seed    uint64 `json:"seed"`
	Peer    int    `json:"peer"`
	Ours    []int  `json:"ours"` // per kernel set
}

func (f Flips) any() bool {
	return f.Peer > 0 || slices.Max(f.Ours) > 0
}

// Agreement compares one kernel set with what is wanted.
type Agreement struct {
	Kernels       string  `json:"kernels"`
	WorstOutput   float64 `json:"worst_output"`
	OutputAt      string  `json:"worst_output_at"`
	Outputs       int     `json:"outputs"`
	OutputsWithin int     `json:"outputs_within"` // of OutputBound
	WorstRatio    float64 `json:"worst_ratio"`    // of gradients, to the peer; those without an error of the peer do not count
	RatioAt       string  `json:"worst_ratio_at"`
	Gradients     int     `json:"gradients"`
	GradsWithin   int     `json:"gradients_within"` // gradientRatio times the error of the peer
}

// OK says whether everything is within its bound.
func (v Agreement) OK() bool { return v.Outputs == v.OutputsWithin && v.Gradients == v.GradsWithin }

// AccuracyReport holds all tensors of all networks.
type AccuracyReport struct {
	Peer       string        `json:"peer"`
	Sets       []string      `json:"kernels"`
	Threads    int           `json:"threads"`
	Batch      int           `json:"batch"`
	Seeds      int           `json:"seeds"`
	Tensors    []TensorError `json:"tensors"`
	LeftOut    []Flips       `json:"left_out,omitempty"` // networks and seeds whose gradients do not count
	Agreements []Agreement   `json:"verdicts"`           // per kernel set
}

// add takes the errors of a network with one seed.
func (r *AccuracyReport) add(rows []TensorError, f Flips) {
	if f.any() {
		r.LeftOut = append(r.LeftOut, f)
	}
	for _, e := range rows {
		if gradient(e.Tensor) && f.any() {
			e.Seeds, e.Peer, e.Ours = 0, 0, make([]float64, len(e.Ours))
		}
		at := slices.IndexFunc(r.Tensors, func(o TensorError) bool { return o.Network == e.Network && o.Tensor == e.Tensor })
		if at < 0 {
			r.Tensors = append(r.Tensors, e)
			continue
		}
		old := &r.Tensors[at]
		old.Seeds += e.Seeds
		old.Peer = max(old.Peer, e.Peer)
		for i, v := range e.Ours {
			old.Ours[i] = max(old.Ours[i], v)
		}
	}
}

// judge fills in the agreements.
func (r *AccuracyReport) judge() {
	for k, set := range r.Sets {
		v := Agreement{Kernels: set}
		for _, e := range r.Tensors {
			ours, at := e.Ours[k], e.Network+" "+e.Tensor
			if !gradient(e.Tensor) {
				v.Outputs++
				if ours <= outputBound {
					v.OutputsWithin++
				}
				if ours >= v.WorstOutput {
					v.WorstOutput, v.OutputAt = ours, at
				}
				continue
			}
			v.Gradients++
			if e.Seeds > 0 && ours <= gradientRatio*e.Peer {
				v.GradsWithin++
			}
			if e.Peer > 0 && ours/e.Peer >= v.WorstRatio {
				v.WorstRatio, v.RatioAt = ours/e.Peer, at
			}
		}
		r.Agreements = append(r.Agreements, v)
	}
}

// WriteTable prints a row per tensor and the agreement per kernel set. The ratio is
// that of the kernel set which errs most.
func (r *AccuracyReport) WriteTable(w io.Writer) error {
	var b strings.Builder
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format, args...) }
	p("max|error| / max|reference| per tensor, the largest of %d seeds, batch %d, %d workers\n", r.Seeds, r.Batch, r.Threads)
	p("peer: %s; the reference is the peer in float64\n\n", r.Peer)
	p("%-8s %-27s %8s", "network", "tensor", "peer f32")
	for _, s := range r.Sets {
		p(" %8s", s)
	}
	p(" %6s\n", "ratio")
	for _, e := range r.Tensors {
		p("%-8s %-27s", e.Network, e.Tensor)
		if e.Seeds == 0 {
			p(" not compared: see below\n")
			continue
		}
		p(" %8.1e", e.Peer)
		for _, x := range e.Ours {
			p(" %8.1e", x)
		}
		if e.Peer > 0 {
			p(" %6.2f", slices.Max(e.Ours)/e.Peer)
		}
		p("\n")
	}
	for _, f := range r.LeftOut {
		p("\nleft out: gradients of %s with seed %d; an activation is on the other side of 0 than in float64 (peer: %d", f.Network, f.Seed, f.Peer)
		for i, n := range f.Ours {
			p(", %s: %d", r.Sets[i], n)
		}
		p(")\n")
	}
	for _, v := range r.Agreements {
		p("\n%-7s outputs within %.0e: %s, %d of %d, the worst %.1e (%s)\n", v.Kernels, outputBound, yes(v.Outputs == v.OutputsWithin), v.OutputsWithin, v.Outputs, v.WorstOutput, v.OutputAt)
		p("        gradients within %d times the peer's error: %s, %d of %d, the worst %.2f times (%s)\n", gradientRatio, yes(v.Gradients == v.GradsWithin), v.GradsWithin, v.Gradients, v.WorstRatio, v.RatioAt)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func yes(ok bool) string {
	if ok {
		return "yes"
	}
	return "no"
}
