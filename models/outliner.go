package models

import (
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/models/compute"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Outliner runs a trained UNet. It is used by one goroutine at a time.
type Outliner struct{ plan *compute.Plan }

// NewOutliner compiles the network.
func NewOutliner(t *TrainedUNet, o compute.Options) (*Outliner, error) {
	u, ps := t.UNet, t.Params
	if err := u.Check(ps); err != nil {
		return nil, err
	}
	o = listed(o)
	o.Frozen = true
	g := u.NewGraph(tensor.Float32)
	logits := u.Outline(g, g.Input("x", edges(3, OutlineEdge, 1, outlineInputs)...))
	if g.Err != nil {
		return nil, g.Err
	}
	p, err := compute.Compile(gorgonia.Nodes{logits}, ps.Bound(), o)
	if err != nil {
		return nil, err
	}
	return &Outliner{p}, nil
}

// Outline returns the probability of every voxel to be the nodule's,
// [32,32,32]. x [2,32,32,32] holds intensities of 0 to 1 and the mark of the
// point. It fails where x is no number somewhere or no machine could run.
func (o *Outliner) Outline(x []float32) ([]float32, error) {
	in := o.plan.Input("x")
	if len(x) != len(in) {
		return nil, fmt.Errorf("models: %d values to outline, want %d", len(x), len(in))
	}
	for i, v := range x {
		if !finite(v) {
			return nil, fmt.Errorf("models: voxel %d to outline is %g", i, v)
		}
	}
	copy(in, x)
	o.plan.Run()
	if err := o.plan.Err(); err != nil {
		return nil, fmt.Errorf("models: outline: %w", err)
	}
	p := make([]float32, len(x)/outlineInputs)
	for i, l := range o.plan.Output(0) {
		p[i] = float32(1 / (1 + math.Exp(-float64(l))))
	}
	return p, nil
}

// Machine is what computes outlines.
func (o *Outliner) Machine() compute.Machine { return o.plan.Machine() }
