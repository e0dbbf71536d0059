package models

import (
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
)

// CriticLoss is that of WGAN-GP (Gulrajani et al. 2017, equation 3), [1]: the
// mean critic score of fake minus that of real patches, plus weight times the mean
// of (|gradient| - 1)^2 at mix = real*u + fake*(1-u), which the caller makes.
func (n GAN) CriticLoss(g *Graph, real, fake, mix *gorgonia.Node, weight float64) (*gorgonia.Node, error) {
	a, err := n.wasserstein(g, real, fake, mix, weight)
	return a.loss, err
}

func (n GAN) wasserstein(g *Graph, real, fake, mix *gorgonia.Node, weight float64) (adversary, error) {
	_, dReal := n.Critic(g, real)
	_, dFake := n.Critic(g, fake)
	penalty, err := n.penalty(g, mix)
	if err != nil {
		return adversary{}, err
	}
	gap := g.Mean(g.Sub(dFake, dReal))
	return adversary{g.Add(gap, g.Scale(penalty, weight)), g.Scale(gap, -1), penalty}, g.Err
}

// penalty is the mean of (|gradient of the critic score| - 1)^2 at mix, [1].
func (n GAN) penalty(g *Graph, mix *gorgonia.Node) (*gorgonia.Node, error) {
	_, dMix := n.Critic(g, mix)
	if g.Err != nil {
		return nil, g.Err
	}
	slope, err := op.Grad(dMix, mix)
	if err != nil {
		return nil, err
	}
	// The small constant keeps the derivative of the root finite at 0.
	norm := g.Unary(op.Sqrt, g.Shift(g.SumRows(g.Unary(op.Square, slope[0])), 1e-12))
	return g.Mean(g.Unary(op.Square, g.Shift(norm, -1))), g.Err
}

// adversary is what a critic step computes.
type adversary struct {
	loss    *gorgonia.Node // what the critic descends, [1]
	gap     *gorgonia.Node // mean critic score of real minus that of fake, [1]: of a WGAN, the estimate of the Wasserstein distance
	penalty *gorgonia.Node // without its weight; nil where the loss has none
}

// criticGraph builds the critic's step. Inputs: real and support [N,1,...], z
// [N,Latent], and for WGAN-GP u [N,1,...1]. Fakes are cut to the support of the
// real patch in the same row: by the mask nobody can tell them apart.
func (n GAN) criticGraph(g *Graph, batch int, s GANSettings) (adversary, error) {
	shape := n.images(batch)
	real := g.Input("real", shape...)
	fake := g.Mul(n.Generate(g, g.Input("z", batch, n.Latent)), g.Input("support", shape...))
	if s.Loss == DCGAN {
		_, dReal := n.Critic(g, real)
		_, dFake := n.Critic(g, fake)
		// -log D(x) - log(1 - D(G(z))) with D = sigmoid(critic score).
		loss := g.Add(g.Mean(g.minusLogSigmoid(dReal, 1)), g.Mean(g.minusLogSigmoid(dFake, -1)))
		return adversary{loss: loss, gap: g.Mean(g.Sub(dReal, dFake))}, g.Err
	}
	one := edges(n.Dims, 1, batch, 1)
	u := g.Do(op.Expand{Out: shape}, g.Input("u", one...))
	mix := g.Add(fake, g.Mul(u, g.Sub(real, fake)))
	return n.wasserstein(g, real, fake, mix, s.Penalty)
}

// generatorGraph builds the loss of the generator's step, [1]: the mean of
// -D(G(z)), or of -log D(G(z)), which stands in equation 7 of the paper and,
// unlike log(1 - D(G(z))) of equation 6, does not saturate.
func (n GAN) generatorGraph(g *Graph, batch int, s GANSettings) (*gorgonia.Node, error) {
	fake := g.Mul(n.Generate(g, g.Input("z", batch, n.Latent)), g.Input("support", n.images(batch)...))
	_, d := n.Critic(g, fake)
	if s.Loss == DCGAN {
		return g.Mean(g.minusLogSigmoid(d, 1)), g.Err
	}
	return g.Scale(g.Mean(d), -1), g.Err
}

// minusLogSigmoid is -log sigmoid(sign*x) = softplus(-sign*x), which does not
// overflow.
func (g *Graph) minusLogSigmoid(x *gorgonia.Node, sign float64) *gorgonia.Node {
	return g.Unary(op.Softplus, g.Scale(x, -sign))
}
