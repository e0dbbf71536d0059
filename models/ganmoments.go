package models

import (
	"context"
	"fmt"

	"github.com/nodulescope/nodulescope/models/compute"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// momentBatches is how many batches the population statistics are estimated
// over.
const momentBatches = 64

// statistics estimates the population moments of every normalised layer with
// all layers in training mode: the mean of the batches' means, and the mean of
// their second moments less the square of it. The generator runs on latents of
// the prior, the critic on training patches, since what it will judge are
// patches.
func (t *ganTrainer) statistics(ctx context.Context, generator Params) (Params, error) {
	if !t.GAN.Norm {
		return nil, nil
	}
	n, v, batch := t.GAN, t.GAN.Voxels(), t.Settings.Batch
	plan, err := n.momentsPlan(generator, t.critic, batch, t.Compute)
	if err != nil {
		return nil, err
	}
	layers := n.normed()
	means, squares := make([][]float64, len(layers)), make([][]float64, len(layers))
	for i, l := range layers {
		means[i], squares[i] = make([]float64, l.shape[0]), make([]float64, l.shape[0])
	}
	support := make([]float32, v)
	for k := range momentBatches {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for b := range batch {
			t.prior(plan.Input("z"), b, t.rng(drawMoments, 2*k, b))
			row := plan.Input("real")[b*v : (b+1)*v]
			rng := t.rng(drawMoments, 2*k+1, b)
			if err := draw(t.Train, rng.IntN(t.Train.Len()), rng, row, support); err != nil {
				return nil, err
			}
			for i, c := range support {
				row[i] *= c
			}
		}
		plan.Run()
		for i := range layers {
			m, variance := plan.Output(2*i), plan.Output(2*i+1)
			for c := range m {
				mean := float64(m[c])
				means[i][c] += mean / momentBatches
				squares[i][c] += (float64(variance[c]) + mean*mean) / momentBatches
			}
		}
	}
	var ps Params
	for i, l := range layers {
		mean, variance := make([]float32, l.shape[0]), make([]float32, l.shape[0])
		for c, m := range means[i] {
			mean[c], variance[c] = float32(m), float32(max(squares[i][c]-m*m, 0))
		}
		ps = append(ps, Param{l.name + meanSuffix, l.shape, mean}, Param{l.name + varianceSuffix, l.shape, variance})
	}
	return ps, ps.check(n.statisticsSpecs())
}

// momentsPlan returns mean and variance of every normalised layer over one
// batch, from inputs "z" and "real".
func (n GAN) momentsPlan(generator, critic Params, batch int, o compute.Options) (*compute.Plan, error) {
	g := n.NewGraph(tensor.Float32)
	n.Generate(g, g.Input("z", batch, n.Latent))
	n.Critic(g, g.Input("real", n.images(batch)...))
	var outs gorgonia.Nodes
	for _, l := range n.normed() {
		uses := g.normed[l.name]
		if g.Err == nil && len(uses) != 1 {
			return nil, fmt.Errorf("models: layer %s is normalised %d times", l.name, len(uses))
		}
		if g.Err == nil {
			mean, variance := g.moments(uses[0])
			outs = append(outs, mean, variance)
		}
	}
	if g.Err != nil {
		return nil, g.Err
	}
	return compute.Compile(outs, append(append(Params{}, generator...), critic...).Bound(), o)
}
