package cpu

import (
	"math"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu/internal/kernel"
)

// chunk is how many weights are updated, and how many squares added up, as one
// part: the same whatever the number of workers, so that the norm of the
// gradient has one order. Small enough to share a layer among the workers, large
// enough that handing out parts takes no time.
const chunk = 1 << 15

// update is the last step of a training program: it clips the gradient and
// moves the weights.
type update struct {
	team              *team
	set               *kernel.Set
	adam              *compute.Adam
	parts             []updatePart
	squares           []float64 // per part, so that the sum has one order
	step              kernel.AdamStep
	doSquares, doAdam func(worker, part int)
}

type updatePart struct{ w, m, v, g []float32 }

func (x *builder) update(t *compute.Update) {
	u := update{team: x.team, set: x.set, adam: t.Adam}
	weights := 0
	for i, id := range t.Params {
		w, g := x.at[id], x.at[t.Grads[i]]
		for lo := 0; lo < len(w); lo += chunk {
			hi := min(lo+chunk, len(w))
			u.parts = append(u.parts, updatePart{w[lo:hi], t.Adam.M[i][lo:hi], t.Adam.V[i][lo:hi], g[lo:hi]})
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
	const perWeight = 14 // products, sums, the quotient and the root
	x.steps = append(x.steps, step{name: "clip and adam", flops: perWeight * weights, bytes: 4 * 7 * weights, run: u.run})
}

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
	u.step = kernel.NewAdamStep(scale, a.Beta1, a.Beta2, a.CorrectedRate(), a.Epsilon)
	a.Steps++
	u.team.each(len(u.parts), u.doAdam)
}
