package models

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func someFlows() []Flow {
	return []Flow{
		{MADE, 4, 0, 1, 16}, {MADE, 4, 2, 1, 16}, {MAF, 4, 0, 3, 16}, {MAF, 5, 1, 2, 12}, {RealNVP, 4, 0, 4, 16}, {RealNVP, 3, 2, 4, 9},
	}
}

// randomFlow has weights that are nowhere zero.
func randomFlow(t *testing.T, f Flow) *TrainedFlow {
	t.Helper()
	rng := rand.New(rand.NewPCG(4, 4))
	flow := &TrainedFlow{Flow: f, Params: f.NewParams(rng)}
	for _, p := range flow.Params {
		for i := range p.Data {
			p.Data[i] = float32(0.2 * rng.NormFloat64())
		}
	}
	if err := flow.compile(compute.Options{Backends: cpu.List()}); err != nil {
		t.Fatal(err)
	}
	return flow
}

func randomRows(f Flow, n int, seed uint64) FlowRows {
	rng := rand.New(rand.NewPCG(seed, 4))
	draw := func(k int) []float64 {
		x := make([]float64, k)
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		return x
	}
	var r FlowRows
	for range n {
		r.Rows = append(r.Rows, draw(f.Columns))
		if f.Context > 0 {
			r.Given = append(r.Given, draw(f.Context))
		}
	}
	return r
}

// TestFlowIsADensity: with whatever weights, the density has an integral of one
// over the columns: the mean of density over a normal proposal's is 1. A mask that
// is wrong in one place breaks it.
func TestFlowIsADensity(t *testing.T) {
	for _, f := range someFlows() {
		flow := randomFlow(t, f)
		const n, wide = 60_000, 2.0
		r := randomRows(f, n, 7)
		proposal := make([]float64, n)
		for i := range r.Rows {
			for k := range r.Rows[i] {
				x := r.Rows[i][k]
				proposal[i] += x*x/2 + math.Log(wide) + 0.5*math.Log(2*math.Pi)
				r.Rows[i][k] = wide * x
			}
			if f.Context > 0 {
				r.Given[i] = r.Given[0]
			}
		}
		surprise, err := flow.Surprise(r)
		if err != nil {
			t.Fatal(err)
		}
		mean, square := 0.0, 0.0
		for i, s := range surprise {
			w := math.Exp(proposal[i] - s)
			mean, square = mean+w/n, square+w*w/n
		}
		if e := math.Sqrt((square - mean*mean) / n); e > 0.08 || math.Abs(mean-1) > 5*e {
			t.Errorf("%+v: the integral is %.3f ± %.3f", f, mean, e)
		}
	}
}

// TestFlowOnEveryMachine holds surprises and gradients on every kernel set against
// the plain operators in float64.
func TestFlowOnEveryMachine(t *testing.T) {
	const rows = 8
	for _, f := range someFlows() {
		ps := randomFlow(t, f).Params
		in := map[string][]float32{}
		data := randomRows(f, rows, 9)
		put := func(name string, x [][]float64) {
			for _, row := range x {
				for _, v := range row {
					in[name] = append(in[name], float32(v))
				}
			}
		}
		put("x", data.Rows)
		if f.Context > 0 {
			put("given", data.Given)
		}
		for l := range f.Layers {
			for part, size := range map[string]int{"first.mask": f.Columns * f.Hidden, "second.mask": f.Hidden * f.Hidden, "out.mask": f.Hidden * f.Columns} {
				in[flowLayer(l, part)] = make([]float32, size)
			}
		}
		f.fill(func(name string) []float32 { return in[name] })
		graph := func(dtype tensor.Dtype) (*Graph, gorgonia.Nodes) {
			g := f.NewGraph(dtype)
			x, given := f.leaves(g, rows)
			s := f.Surprise(g, x, given)
			return g, withGrads(t, g, g.Mean(s), ps, s)
		}
		g, outs := graph(tensor.Float64)
		want := tape(t, g, outs, ps, in)
		for _, name := range cpu.Names() {
			b, err := cpu.New(cpu.Options{Threads: 2, Kernels: name})
			if err != nil {
				t.Fatal(err)
			}
			_, outs := graph(tensor.Float32)
			p, err := compute.Compile(outs, ps.Bound(), compute.Options{Backends: []compute.Backend{b}})
			if err != nil {
				t.Fatal(err)
			}
			close64(t, fmt.Sprint(f, name), outputsOf(p, len(outs), in), want, 1e-4)
		}
	}
}

// TestTrainFlow: of two columns where one is the square of the other, and noise,
// every kind learns a better density than the best normal one, and the mean of a
// column that follows what is given.
func TestTrainFlow(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	draw := func(n int) (r FlowRows) {
		for range n {
			a, c := rng.NormFloat64(), rng.NormFloat64()
			r.Rows = append(r.Rows, []float64{a, (a*a - 1) / 1.5, c + 0.3*rng.NormFloat64()})
			r.Rows[len(r.Rows)-1][1] += 0.3 * rng.NormFloat64()
			r.Given = append(r.Given, []float64{c})
		}
		return r
	}
	train, validation, test := draw(600), draw(200), draw(400)
	// Three independent standard normals have 4.26 nats, less what the third owes
	// to the one given: ln(0.3).
	const independent = 3 * 1.4189
	for _, f := range []Flow{{MADE, 3, 1, 1, 32}, {MAF, 3, 1, 3, 32}, {RealNVP, 3, 1, 4, 32}} {
		flow, err := TrainFlow(context.Background(), f, train, validation, FlowSettings{Epochs: 120, Rate: 5e-3, Noise: 0.02, Seed: 1}, compute.Options{})
		if err != nil {
			t.Fatal(err)
		}
		surprise, err := flow.Surprise(test)
		if err != nil {
			t.Fatal(err)
		}
		mean := 0.0
		for _, s := range surprise {
			mean += s / float64(len(surprise))
		}
		if limit := independent - 1.2 - 0.3; mean > limit {
			t.Errorf("%s: %.2f nats, want below %.2f", f.Kind, mean, limit)
		}
		again, err := TrainFlow(context.Background(), f, train, validation, FlowSettings{Epochs: 120, Rate: 5e-3, Noise: 0.02, Seed: 1}, compute.Options{})
		if err != nil || again.Params.Digest() != flow.Params.Digest() {
			t.Errorf("%s: the same training gave other weights: %v", f.Kind, err)
		}
	}
}

func TestTrainFlowRefuses(t *testing.T) {
	good := Flow{MAF, 3, 1, 2, 8}
	rows := randomRows(good, 40, 1)
	for name, change := range map[string]func(f *Flow, train, validation *FlowRows){
		"kind":     func(f *Flow, _, _ *FlowRows) { f.Kind = "glow" },
		"columns":  func(f *Flow, _, _ *FlowRows) { f.Columns = 2 },
		"layers":   func(f *Flow, _, _ *FlowRows) { f.Kind = MADE },
		"nothing":  func(_ *Flow, train, _ *FlowRows) { *train = FlowRows{} },
		"no check": func(_ *Flow, _, validation *FlowRows) { *validation = FlowRows{} },
		"given":    func(_ *Flow, train, _ *FlowRows) { train.Given = train.Given[1:] },
		"NaN": func(_ *Flow, train, _ *FlowRows) {
			train.Rows = append([][]float64{{1, math.NaN(), 2}}, train.Rows[1:]...)
		},
	} {
		f, train, validation := good, rows, rows
		change(&f, &train, &validation)
		if _, err := TrainFlow(context.Background(), f, train, validation, FlowSettings{}, compute.Options{}); err == nil {
			t.Errorf("%s: trained", name)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := TrainFlow(ctx, good, rows, rows, FlowSettings{}, compute.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
