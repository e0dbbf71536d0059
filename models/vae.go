package models

import (
	"math"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

const leak = 0.2 // slope of LeakyReLU below zero

// size is the edge of a patch; its halves are the feature maps of the encoder.
const (
	size    = 28
	half    = 14
	quarter = 7
	eighth  = 4
)

// VAE is the variational autoencoder of reference network v1 (Kingma and
// Welling 2014, equation 12 of the paper), for patches [N,1,28,28,28] (Dims 3)
// or [N,1,28,28] (Dims 2):
//
//	encoder  conv3 stride 2: 1->32, 32->64, 64->128; two linear heads to Latent
//	decoder  linear Latent->128x4^d; upsample, conv3 128->64; upsample, conv3
//	         64->32; upsample, conv3 32->1; sigmoid
//
// with LeakyReLU 0.2 between layers. Linear weights are [in, out].
type VAE struct {
	Dims   int
	Latent int

	// LearnedSigma trains one log variance of p(x|z) with the rest, the tensor
	// "decoder.logsigma2" [1]. Without it 1/(2 sigma^2) = 1, as in the paper.
	LearnedSigma bool
}

// ReferenceVAE is the VAE that the product ships.
var ReferenceVAE = VAE{Dims: 3, Latent: 64}

// Validate says whether the network exists.
func (v VAE) Validate() error { return exists("VAE", v.Dims, v.Latent) }

// Voxels is the number of values of one patch.
func (v VAE) Voxels() int { return cube(size, v.Dims) }

// shape is [lead..., edge, edge(, edge)].
func (v VAE) shape(edge int, lead ...int) []int { return edges(v.Dims, edge, lead...) }

func (v VAE) flat() int { return 128 * cube(eighth, v.Dims) }

func (v VAE) specs() []spec {
	var s []spec
	s = append(s, convSpecs(v.Dims, "encoder.conv1", 3, 1, 32, false)...)
	s = append(s, convSpecs(v.Dims, "encoder.conv2", 3, 32, 64, false)...)
	s = append(s, convSpecs(v.Dims, "encoder.conv3", 3, 64, 128, false)...)
	s = append(s, linearSpecs("encoder.mean", v.flat(), v.Latent)...)
	s = append(s, linearSpecs("encoder.logvar", v.flat(), v.Latent)...)
	s = append(s, upsamplerSpecs("decoder", v.Dims, v.Latent, false)...)
	if v.LearnedSigma {
		s = append(s, spec{name: sigmaName, shape: []int{1}})
	}
	return s
}

const (
	sigmaName   = "decoder.logsigma2"
	sigmaRate   = 0.1 // of the way that is left, per step
	leastSigma2 = 1e-6
)

// NewParams draws initial weights.
func (v VAE) NewParams(rng *rand.Rand) Params { return initial(v.specs(), rng) }

// startAt sets the bias of the last layer so that the first pictures have the
// mean of the data. From 0.5, data that is mostly dark drives the sigmoid into
// saturation, where it never learns. A learned variance starts at that of the
// data, which is what those pictures miss.
func (v VAE) startAt(ps Params, mean, variance float64) {
	ps.find("decoder.conv3.bias").Data[0] = float32(math.Log(mean / (1 - mean)))
	if v.LearnedSigma {
		ps.find(sigmaName).Data[0] = float32(math.Log(variance))
	}
}

// LogVariance is log sigma^2 of p(x|z): learned, or that of 1/(2 sigma^2) = 1.
func (v VAE) LogVariance(ps Params) float64 {
	if v.LearnedSigma {
		return float64(ps.find(sigmaName).Data[0])
	}
	return -math.Ln2
}

// Check says whether the weights are those of this network.
func (v VAE) Check(ps Params) error { return ps.check(v.specs()) }

// NewGraph starts a graph for this network. dtype is tensor.Float32, or
// tensor.Float64 for the reference.
func (v VAE) NewGraph(dtype tensor.Dtype) *Graph { return newGraph(dtype, v.specs()) }

// Encode maps patches x to mean and log variance of the posterior, [N,Latent].
func (v VAE) Encode(g *Graph, x *gorgonia.Node) (mean, logvar *gorgonia.Node) {
	if g.Err != nil {
		return nil, nil
	}
	n := x.Shape()[0]
	h := g.leaky(g.conv("encoder.conv1", 2, x))
	h = g.leaky(g.conv("encoder.conv2", 2, h))
	h = g.leaky(g.conv("encoder.conv3", 2, h))
	h = g.Reshape(h, n, v.flat())
	return g.linear("encoder.mean", h), g.linear("encoder.logvar", h)
}

// Decode maps latents z [N,Latent] to the means of p(x|z), in 0..1.
func (v VAE) Decode(g *Graph, z *gorgonia.Node) *gorgonia.Node {
	return g.upsampler("decoder", v.Dims, z, style{slope: leak})
}

// Terms are the parts of the bound for every patch of a batch, [N] each.
type Terms struct {
	Recon *gorgonia.Node // sum over the support of (x - mean)^2: equation 16 with 1/(2 sigma^2) = 1, sign turned

	// Misfit is -log p(x|z) without its constant: Recon, or with a learned
	// variance Recon/(2 sigma^2) + n/2 log sigma^2 for n voxels of support.
	Misfit *gorgonia.Node

	KL *gorgonia.Node // KL divergence of q(z|x) from the standard normal, nats
}

// Bound draws z = mean + exp(logvar/2)*eps (one eps [N,Latent] per patch) and
// returns the terms of the negative evidence lower bound (equation 12).
// support [same shape as x] is 1 where a voxel counts and 0 elsewhere.
func (v VAE) Bound(g *Graph, x, support, eps *gorgonia.Node) Terms {
	mean, logvar := v.Encode(g, x)
	z := g.Add(mean, g.Mul(eps, g.Unary(op.Exp, g.Scale(logvar, 0.5))))
	diff := g.Sub(v.Decode(g, z), x)
	recon := g.SumRows(g.Mul(support, g.Unary(op.Square, diff)))
	return Terms{Recon: recon, Misfit: v.misfit(g, recon, support), KL: v.kl(g, mean, logvar)}
}

func (v VAE) misfit(g *Graph, recon, support *gorgonia.Node) *gorgonia.Node {
	if !v.LearnedSigma || g.Err != nil {
		return recon
	}
	logsigma2 := g.param(sigmaName)
	rows := op.Expand{Out: recon.Shape()}
	precision := g.Do(rows, g.Unary(op.Exp, g.Scale(logsigma2, -1)))
	return g.Scale(g.Add(g.Mul(recon, precision), g.Mul(g.SumRows(support), g.Do(rows, logsigma2))), 0.5)
}

// kl is -1/2 sum(1 + logvar - mean^2 - exp(logvar)).
func (v VAE) kl(g *Graph, mean, logvar *gorgonia.Node) *gorgonia.Node {
	t := g.Sub(g.Add(g.Unary(op.Square, mean), g.Unary(op.Exp, logvar)), g.Shift(logvar, 1))
	return g.Scale(g.SumRows(t), 0.5)
}
