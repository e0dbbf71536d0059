package models

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// FlowSettings of a training. The zero value of a field takes the default named
// behind it.
type FlowSettings struct {
	Epochs   int     // 200, at most
	Patience int     // 20: epochs without a better validation before it ends
	Batch    int     // 64
	Rate     float64 // 1e-3, of Adam
	Noise    float64 // 0.1: deviation of what is added to every number in training
	Seed     uint64
}

func (s FlowSettings) inUse() FlowSettings {
	return fillIn(s, FlowSettings{Epochs: 200, Patience: 20, Batch: 64, Rate: 1e-3, Noise: 0.1})
}

// FlowRows are standardised rows with what is given of them.
type FlowRows struct {
	Rows  [][]float64 // [n][Columns]
	Given [][]float64 // [n][Context]; nil without a context
}

// check says whether rows fit the flow and are numbers.
func (r FlowRows) check(f Flow) error {
	if f.Context > 0 && len(r.Given) != len(r.Rows) {
		return fmt.Errorf("models: %d rows and what is given of %d", len(r.Rows), len(r.Given))
	}
	for i := range r.Rows {
		all := r.Rows[i]
		if len(all) != f.Columns || f.Context > 0 && len(r.Given[i]) != f.Context {
			return fmt.Errorf("models: row %d has not %d columns and %d given numbers", i, f.Columns, f.Context)
		}
		if f.Context > 0 {
			all = append(append([]float64{}, all...), r.Given[i]...)
		}
		for _, v := range all {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("%w: row %d has a value that is no number; leave it out", errSample, i)
			}
		}
	}
	return nil
}

// TrainedFlow scores rows. It is used by one goroutine at a time.
type TrainedFlow struct {
	Flow   Flow
	Params Params
	Epochs int     // that it was trained for
	Loss   float64 // of the validation, nats a row

	plan *compute.Plan
}

// flowBatch is how many rows are scored at once.
const flowBatch = 64

// TrainFlow maximises the likelihood of train by Adam and keeps the weights of
// the epoch with the best likelihood of validation. A cancelled ctx ends it with
// the context's error.
func TrainFlow(ctx context.Context, f Flow, train, validation FlowRows, s FlowSettings, o compute.Options) (*TrainedFlow, error) {
	s = s.inUse()
	if err := errors.Join(f.Validate(), checkEpochs(s.Epochs, s.Batch, s.Rate), train.check(f), validation.check(f)); err != nil {
		return nil, err
	}
	if len(train.Rows) == 0 || len(validation.Rows) == 0 {
		return nil, errors.New("models: a flow needs rows to train on, and others to choose the epoch by")
	}
	o = listed(o)
	params := f.NewParams(rand.New(rand.NewPCG(s.Seed, 1))) //nolint:gosec // weights, no secret
	g := f.NewGraph(tensor.Float32)
	rows, given := f.leaves(g, s.Batch)
	loss := g.Mean(f.Surprise(g, rows, given))
	if g.Err != nil {
		return nil, g.Err
	}
	grads, err := op.Grad(loss, g.Params(params)...)
	if err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	adam := compute.AdamDefaults(s.Rate)
	adam.Clip = 10
	plan, err := compute.CompileTraining(gorgonia.Nodes{loss}, g.Params(params), grads, params.Bound(), adam, o)
	if err != nil {
		return nil, err
	}
	f.fill(plan.Input)
	now := &TrainedFlow{Flow: f, Params: params}
	if err := now.compile(o); err != nil {
		return nil, err
	}
	best := &TrainedFlow{Flow: f, Params: params.clone(), Loss: math.Inf(1)}
	rng := rand.New(rand.NewPCG(s.Seed, 2)) //nolint:gosec // noise, no secret
	for epoch := 1; epoch <= s.Epochs && epoch <= best.Epochs+s.Patience; epoch++ {
		order := rng.Perm(len(train.Rows))
		for at := 0; at < len(order); at += s.Batch {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			for b := range s.Batch { // the last batch is filled up from the front
				f.load(plan, train, b, order[(at+b)%len(order)], s.Noise, rng)
			}
			plan.Run()
			if err := plan.Err(); err != nil {
				return nil, err
			}
		}
		held, err := now.Surprise(validation)
		if err != nil {
			return nil, err
		}
		mean := 0.0
		for _, v := range held {
			mean += v / float64(len(held))
		}
		if mean < best.Loss {
			best.Params, best.Loss, best.Epochs = params.clone(), mean, epoch
		}
	}
	if math.IsInf(best.Loss, 0) {
		return nil, errors.New("models: the flow has found no density: lower the learning rate")
	}
	return best, best.compile(o)
}

func (f Flow) leaves(g *Graph, n int) (rows, given *gorgonia.Node) {
	rows = g.Input("x", n, f.Columns)
	if f.Context > 0 {
		given = g.Input("given", n, f.Context)
	}
	return rows, given
}

// load writes row i as row b of a batch, with noise where there is an rng.
func (f Flow) load(p *compute.Plan, from FlowRows, b, i int, noise float64, rng *rand.Rand) {
	write := func(dst []float32, src []float64) {
		for k, v := range src {
			if rng != nil {
				v += noise * rng.NormFloat64()
			}
			dst[b*len(src)+k] = float32(v)
		}
	}
	write(p.Input("x"), from.Rows[i])
	if f.Context > 0 {
		write(p.Input("given"), from.Given[i])
	}
}

func (t *TrainedFlow) compile(o compute.Options) error {
	g := t.Flow.NewGraph(tensor.Float32)
	rows, given := t.Flow.leaves(g, flowBatch)
	out := t.Flow.Surprise(g, rows, given)
	if g.Err != nil {
		return g.Err
	}
	plan, err := compute.Compile(gorgonia.Nodes{out}, t.Params.Bound(), o)
	if err != nil {
		return err
	}
	t.Flow.fill(plan.Input)
	t.plan = plan
	return nil
}

// Surprise is the negative logarithm of the density of every row, nats.
func (t *TrainedFlow) Surprise(r FlowRows) ([]float64, error) {
	if err := r.check(t.Flow); err != nil {
		return nil, err
	}
	out := make([]float64, 0, len(r.Rows))
	for at := 0; at < len(r.Rows); at += flowBatch {
		n := min(flowBatch, len(r.Rows)-at)
		for b := range flowBatch {
			t.Flow.load(t.plan, r, b, at+b%n, 0, nil)
		}
		t.plan.Run()
		if err := t.plan.Err(); err != nil {
			return nil, err
		}
		for _, v := range t.plan.Output(0)[:n] {
			out = append(out, float64(v))
		}
	}
	return out, nil
}
