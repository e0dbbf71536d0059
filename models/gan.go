package models

import (
	"fmt"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// GAN is the generative adversarial network of reference network v1, for
// patches [N,1,28,28,28] (Dims 3) or [N,1,28,28] (Dims 2):
//
//	generator  like the decoder of VAE, from Latent
//	critic     conv4 stride 2: 1->32, 32->64, 64->128 (14, 7 and 3 per axis);
//	           linear to 1; LeakyReLU 0.2; its features f(x) are the flattened
//	           last convolution
type GAN struct {
	Dims   int
	Latent int
}

// ReferenceGAN is the GAN for nodules.
var ReferenceGAN = GAN{Dims: 3, Latent: 100}

// third is the edge of the critic's last feature maps.
const third = 3

// Validate says whether the network exists.
func (n GAN) Validate() error {
	if n.Dims != 2 && n.Dims != 3 {
		return fmt.Errorf("models: a GAN has 2 or 3 dimensions, not %d", n.Dims)
	}
	if n.Latent < 1 || n.Latent > 4096 {
		return fmt.Errorf("models: latent size %d: want 1 to 4096", n.Latent)
	}
	return nil
}

// Voxels is the number of values of one patch.
func (n GAN) Voxels() int { return cube(size, n.Dims) }

// Features is the number of features that the critic compares.
func (n GAN) Features() int { return 128 * cube(third, n.Dims) }

func (n GAN) generatorSpecs() []spec { return upsamplerSpecs("generator", n.Dims, n.Latent) }

func (n GAN) criticSpecs() []spec {
	var s []spec
	s = append(s, convSpecs(n.Dims, "critic.conv1", 4, 1, 32)...)
	s = append(s, convSpecs(n.Dims, "critic.conv2", 4, 32, 64)...)
	s = append(s, convSpecs(n.Dims, "critic.conv3", 4, 64, 128)...)
	return append(s, linearSpecs("critic.linear", n.Features(), 1)...)
}

// NewParams draws initial weights of generator and critic.
func (n GAN) NewParams(rng *rand.Rand) (generator, critic Params) {
	return initial(n.generatorSpecs(), rng), initial(n.criticSpecs(), rng)
}

// Check says whether the weights are those of this network.
func (n GAN) Check(generator, critic Params) error {
	if err := generator.check(n.generatorSpecs()); err != nil {
		return err
	}
	return critic.check(n.criticSpecs())
}

// NewGraph starts a graph for generator and critic.
func (n GAN) NewGraph(dtype tensor.Dtype) *Graph {
	return newGraph(dtype, append(n.generatorSpecs(), n.criticSpecs()...))
}

// Generate maps latents z [N,Latent] to patches.
func (n GAN) Generate(g *Graph, z *gorgonia.Node) *gorgonia.Node {
	return g.upsampler("generator", n.Dims, z)
}

// Critic maps patches x to its features f(x) [N,Features] and its judgement
// [N].
func (n GAN) Critic(g *Graph, x *gorgonia.Node) (features, judgement *gorgonia.Node) {
	if g.Err != nil {
		return nil, nil
	}
	h := g.leaky(g.conv("critic.conv1", 2, x))
	h = g.leaky(g.conv("critic.conv2", 2, h))
	h = g.leaky(g.conv("critic.conv3", 2, h))
	features = g.Reshape(h, x.Shape()[0], n.Features())
	return features, g.Reshape(g.linear("critic.linear", features), x.Shape()[0])
}

// SearchLoss is equation 15 for every patch, [N]: (1-lambda) * sum |x - G(z)|
// + lambda * sum |f(x) - f(G(z))|, where the first sum is over the support.
// features is f(x), which does not change during a search.
func (n GAN) SearchLoss(g *Graph, x, support, features, z *gorgonia.Node, lambda float64) *gorgonia.Node {
	image := n.Generate(g, z)
	f, _ := n.Critic(g, g.Mul(image, support)) // patches are 0 outside the support
	residual := g.SumRows(g.Mul(support, g.Unary(op.Abs, g.Sub(x, image))))
	return g.Add(g.Scale(residual, 1-lambda), g.Scale(g.SumRows(g.Unary(op.Abs, g.Sub(features, f))), lambda))
}

// CriticLoss is that of WGAN-GP (Gulrajani et al. 2017, equation 3), [1]: the
// mean judgement of fake minus that of real patches, plus weight times the mean
// of (|gradient| - 1)^2 at mix = real*u + fake*(1-u), which the caller makes.
func (n GAN) CriticLoss(g *Graph, real, fake, mix *gorgonia.Node, weight float64) (*gorgonia.Node, error) {
	_, dReal := n.Critic(g, real)
	_, dFake := n.Critic(g, fake)
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
	penalty := g.Mean(g.Unary(op.Square, g.Shift(norm, -1)))
	loss := g.Add(g.Mean(g.Sub(dFake, dReal)), g.Scale(penalty, weight))
	return loss, g.Err
}
