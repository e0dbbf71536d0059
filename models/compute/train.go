package compute

import (
	"fmt"
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/models/compute/kernel"
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

// chunk is how many weights are updated, and how many squares added up, as one
// part: the same whatever the number of workers.
const chunk = 1 << 15

// CompileTraining is Compile for a training step: after the outputs it updates
// the parameters, which are leaves bound to slices, in place by their
// gradients. The update is part of the plan: Run does the whole step.
func CompileTraining(outs, params, grads gorgonia.Nodes, bound map[string][]float32, a *Adam, o Options) (*Plan, error) {
	if len(params) != len(grads) {
		return nil, fmt.Errorf("compute: %d parameters and %d gradients", len(params), len(grads))
	}
	all := append(append(gorgonia.Nodes{}, outs...), grads...)
	if o.Backend != nil {
		p, err := trainOn(all, params, bound, a, o, func(o Options) (*Plan, error) { return CompileTraining(outs, params, grads, bound, a, o) })
		if p != nil || err != nil {
			return p, err
		}
		o.Backend = nil
	}
	p, err := Compile(all, bound, o)
	if err != nil {
		return nil, err
	}
	u := update{team: p.team, set: o.Kernels, adam: a}
	if u.set == nil {
		u.set = kernel.Best()
	}
	if err := a.fit(params, p.outs[len(outs):], bound); err != nil {
		return nil, err
	}
	weights := 0
	for i, n := range params {
		w, g := bound[n.Name()], p.outs[len(outs)+i]
		for lo := 0; lo < len(w); lo += chunk {
			hi := min(lo+chunk, len(w))
			u.parts = append(u.parts, updatePart{w[lo:hi], a.M[i][lo:hi], a.V[i][lo:hi], g[lo:hi]})
		}
		weights += len(w)
	}
	u.squares = make([]float64, len(u.parts))
	u.doSquares = func(_, i int) {
		var s float64
		for _, v := range u.parts[i].g {
			s += float64(v) * float64(v)
		}
		u.squares[i] = s
	}
	u.doAdam = func(_, i int) {
		p := &u.parts[i]
		u.set.Adam(p.w, p.m, p.v, p.g, &u.step)
	}
	p.steps = append(p.steps, step{name: "clip and adam", flops: 14 * weights, bytes: 4 * 7 * weights, run: u.run})
	return p, nil
}

// fit makes moments for the parameters, or checks those that are there.
func (a *Adam) fit(params gorgonia.Nodes, grads [][]float32, bound map[string][]float32) error {
	fresh := a.M == nil
	for i, n := range params {
		w, ok := bound[n.Name()]
		if !ok || len(w) != len(grads[i]) {
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

// trainOn is compileOn for a training step; the gradients are the last of all.
func trainOn(all, params gorgonia.Nodes, bound map[string][]float32, a *Adam, o Options, again func(Options) (*Plan, error)) (*Plan, error) {
	program, err := Lower(all, bound, o)
	if err != nil {
		return nil, err
	}
	grads := all[len(all)-len(params):]
	sizes := make([][]float32, len(grads))
	for i, n := range grads {
		sizes[i] = make([]float32, n.Shape().TotalSize())
	}
	if err := a.fit(params, sizes, bound); err != nil {
		return nil, err
	}
	program.Train = &Update{Adam: a, Grads: program.Outs[len(all)-len(params):]}
	for _, n := range params {
		at := slices.IndexFunc(program.Tensors, func(t Tensor) bool { return t.Kind == Parameter && t.Name == n.Name() })
		if at < 0 {
			return nil, fmt.Errorf("compute: no step reads parameter %q", n.Name())
		}
		program.Train.Params = append(program.Train.Params, at)
	}
	program.Outs = program.Outs[:len(all)-len(params)]
	return compileOn(program, o, again), nil
}

// update is the last step of a training plan.
type update struct {
	team              *team
	set               *kernel.Set
	adam              *Adam
	parts             []updatePart
	squares           []float64 // per part, so that the sum has one order
	step              kernel.AdamStep
	doSquares, doAdam func(worker, part int)
}

type updatePart struct{ w, m, v, g []float32 }

func (u *update) run() {
	a := u.adam
	u.team.each(len(u.parts), u.doSquares)
	var sum float64
	for _, s := range u.squares {
		sum += s
	}
	a.Norm = math.Sqrt(sum)
	scale := 1.0
	if a.Clip > 0 && a.Norm > a.Clip {
		scale = a.Clip / a.Norm
	}
	a.Steps++
	rate := a.Rate * math.Sqrt(1-math.Pow(a.Beta2, float64(a.Steps))) / (1 - math.Pow(a.Beta1, float64(a.Steps)))
	u.step = kernel.NewAdamStep(scale, a.Beta1, a.Beta2, rate, a.Epsilon)
	u.team.each(len(u.parts), u.doAdam)
}
