package models

import (
	"context"

	"github.com/nodulescope/nodulescope/models/compute"
	"gorgonia.org/tensor"
)

// statistics estimates the population moments of every normalised layer with
// all layers in training mode. The generator runs on latents of the prior, the
// critic on training patches, since what it will judge are patches.
func (t *ganTrainer) statistics(ctx context.Context, generator Params) (Params, error) {
	if !t.GAN.Norm {
		return nil, nil
	}
	n, v, batch := t.GAN, t.GAN.Voxels(), t.Settings.Batch
	plan, err := n.momentsPlan(generator, t.critic, batch, t.Compute)
	if err != nil {
		return nil, err
	}
	sums := newMoments(n.normed())
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
		sums.add(plan)
	}
	return sums.statistics(), nil
}

// momentsPlan runs both networks on inputs "z" and "real".
func (n GAN) momentsPlan(generator, critic Params, batch int, o compute.Options) (*compute.Plan, error) {
	g := n.NewGraph(tensor.Float32)
	n.Generate(g, g.Input("z", batch, n.Latent))
	n.Critic(g, g.Input("real", n.images(batch)...))
	return momentsPlan(g, n.normed(), append(append(Params{}, generator...), critic...), o)
}
