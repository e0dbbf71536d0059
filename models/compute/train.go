package compute

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/gorgonia"
)

// Adam is the optimiser of Kingma and Ba (2015), with the gradient clipped to
// a global norm first. AdamDefaults has the usual values.
type Adam struct {
	Rate         float64
	Beta1, Beta2 float64
	Epsilon      float64
	Clip         float64 // largest norm of the whole gradient; 0: none

	Steps int         // done so far
	M, V  [][]float32 // moments, one slice per parameter; nil before the first step
	Norm  float64     // of the last gradient, before clipping
}

// AdamDefaults has the rate given, betas 0.9 and 0.999 and epsilon 1e-8.
func AdamDefaults(rate float64) *Adam {
	return &Adam{Rate: rate, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
}

// CompileTraining is Compile for a training step: after the outputs it updates
// the parameters, which are leaves bound to slices, in place by their
// gradients. The update is part of the plan: Run does the whole step.
func CompileTraining(outs, params, grads gorgonia.Nodes, bound map[string][]float32, a *Adam, o Options) (*Plan, error) {
	if len(params) != len(grads) {
		return nil, fmt.Errorf("compute: %d parameters and %d gradients", len(params), len(grads))
	}
	if err := a.fit(params, grads, bound); err != nil {
		return nil, err
	}
	all := append(append(gorgonia.Nodes{}, outs...), grads...)
	l := newLowerer(all, bound, o)
	if err := l.nodes(all); err != nil {
		return nil, err
	}
	u := &Update{Adam: a}
	for i, n := range params {
		at := slices.IndexFunc(l.p.Tensors, func(t Tensor) bool { return t.Kind == Parameter && t.Name == n.Name() })
		if at < 0 { // no step reads it
			w := bound[n.Name()]
			at = l.add(Tensor{Kind: Parameter, Name: n.Name(), Size: len(w), Host: w})
		}
		u.Params, u.Grads = append(u.Params, at), append(u.Grads, l.at[grads[i]])
	}
	l.p.Train = u
	program, err := l.finish(outs, o)
	if err != nil {
		return nil, err
	}
	return newPlan(program, o.Backends)
}

// fit makes moments for the parameters, or checks those that are there.
func (a *Adam) fit(params, grads gorgonia.Nodes, bound map[string][]float32) error {
	fresh := a.M == nil
	for i, n := range params {
		w, ok := bound[n.Name()]
		if !ok || len(w) != grads[i].Shape().TotalSize() {
			return fmt.Errorf("compute: parameter %q is not bound to a slice of the size of its gradient", n.Name())
		}
		if fresh {
			a.M, a.V = append(a.M, make([]float32, len(w))), append(a.V, make([]float32, len(w)))
		}
		if len(a.M) <= i || len(a.V) <= i || len(a.M[i]) != len(w) || len(a.V[i]) != len(w) {
			return fmt.Errorf("compute: the moments of %q are those of another network", n.Name())
		}
	}
	return nil
}

// CorrectedRate is the rate of the next step with the bias of both moments
// corrected.
func (a *Adam) CorrectedRate() float64 {
	step := float64(a.Steps + 1)
	return a.Rate * math.Sqrt(1-math.Pow(a.Beta2, step)) / (1 - math.Pow(a.Beta1, step))
}

// Hold leaves the parameters and moments that a training plan updates where it
// runs, so that slices are not copied with every run; the bound slices are out
// of date until Fetch. On the processor they always lie in those slices.
func (p *Plan) Hold() {
	if p.OnDevice() {
		p.exec.Hold()
		p.held = true
	}
}

// Fetch copies what is held to the bound slices and to the moments.
func (p *Plan) Fetch() error {
	if !p.held || p.exec == nil {
		return p.err
	}
	if err := p.exec.Fetch(); err != nil {
		p.handOver(err)
	}
	return p.err
}
