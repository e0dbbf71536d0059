package gpu

import (
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/kernels"
)

// segment is how many weights one group updates.
const segment = 256 * kernels.Unit

// stateFloats is the length of the optimiser's state: see norm in reduce.cl.
const stateFloats = 9

// trainer is the optimiser on the device.
type trainer struct {
	update  *compute.Update
	m, v    []ref
	state   ref
	host    []float32 // of the state
	moments [2][][]float32
}

// update appends the clipping of the gradient and the step of Adam.
func (l *lowerer) update(u *compute.Update) *trainer {
	t := &trainer{update: u, state: l.tensor(stateFloats, true), host: make([]float32, stateFloats), moments: [2][][]float32{u.Adam.M, u.Adam.V}}
	var segments []any
	n := 0
	for i, p := range u.Params {
		size := l.prog.Tensors[p].Size
		t.m, t.v = append(t.m, l.tensor(size, true)), append(t.v, l.tensor(size, true))
		for at := 0; at < size; at += segment {
			k := at / kernels.Unit
			segments = append(segments, part{l.at[p], k}, part{t.m[i], k}, part{t.v[i], k}, part{l.at[u.Grads[i]], k}, min(segment, size-at))
			n++
		}
	}
	sums := l.tensor(n, true)
	table := l.table(segments...)
	gradients := append([]ref(nil), l.pending...)
	l.run("squares", [3]int{n, 1, 1}, 256, sums, table)
	l.run("norm", [3]int{1, 1, 1}, 256, sums, n, t.state)
	l.pending = append(l.pending, gradients...)
	l.run("adam", [3]int{n, 1, 1}, 256, t.state, table)
	return t
}

// before writes the numbers of the next step to the state.
func (t *trainer) before() {
	a := t.update.Adam
	for i, v := range []float64{0, 1, a.Clip, a.Beta1, 1 - a.Beta1, a.Beta2, 1 - a.Beta2, a.CorrectedRate(), a.Epsilon} {
		t.host[i] = float32(v)
	}
}

// after counts the step.
func (t *trainer) after() {
	t.update.Adam.Steps++
	t.update.Adam.Norm = float64(t.host[0])
}
