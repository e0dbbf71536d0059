package models

import (
	"math/rand/v2"
	"slices"

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

	// Norm makes it a DCGAN (Radford et al. 2016) of the same layers: the
	// generator has ReLU and batch normalisation after every layer but the
	// last, the critic (then a discriminator, whose score is the logit of D)
	// batch normalisation on its second and third convolution. A normalised
	// layer has a scale and a shift per channel and no bias.
	Norm bool

	folded bool // normalisation stands in the weights: see Fold
}

// ReferenceGAN is the GAN for nodules.
var ReferenceGAN = GAN{Dims: 3, Latent: 100}

// third is the edge of the critic's last feature maps.
const third = 3

// Validate says whether the network exists.
func (n GAN) Validate() error { return exists("GAN", n.Dims, n.Latent) }

// Voxels is the number of values of one patch.
func (n GAN) Voxels() int { return cube(size, n.Dims) }

// Features is the number of features that the critic compares.
func (n GAN) Features() int { return 128 * cube(third, n.Dims) }

// images is the shape of a batch of patches.
func (n GAN) images(batch int) []int { return edges(n.Dims, size, batch, 1) }

func (n GAN) generatorSpecs() []spec { return upsamplerSpecs("generator", n.Dims, n.Latent, n.Norm) }

func (n GAN) criticSpecs() []spec {
	var s []spec
	s = append(s, convSpecs(n.Dims, "critic.conv1", 4, 1, 32, false)...)
	s = append(s, convSpecs(n.Dims, "critic.conv2", 4, 32, 64, n.Norm)...)
	s = append(s, convSpecs(n.Dims, "critic.conv3", 4, 64, 128, n.Norm)...)
	return append(s, linearSpecs("critic.linear", n.Features(), 1)...)
}

// NewParams draws initial weights of generator and critic.
func (n GAN) NewParams(rng *rand.Rand) (generator, critic Params) {
	if n.Norm {
		return initialDCGAN(n.generatorSpecs(), rng), initialDCGAN(n.criticSpecs(), rng)
	}
	return initial(n.generatorSpecs(), rng), initial(n.criticSpecs(), rng)
}

// check says whether the weights are those of this network.
func (n GAN) check(generator, critic Params) error {
	if err := generator.check(n.generatorSpecs()); err != nil {
		return err
	}
	return critic.check(n.criticSpecs())
}

// NewGraph starts a graph for generator, critic and encoder.
func (n GAN) NewGraph(dtype tensor.Dtype) *Graph {
	return newGraph(dtype, slices.Concat(n.generatorSpecs(), n.criticSpecs(), n.encoderSpecs()))
}

// Generate maps latents z [N,Latent] to patches. With Norm, this and Critic
// normalise by the moments of the batch, as in training.
func (n GAN) Generate(g *Graph, z *gorgonia.Node) *gorgonia.Node {
	s := style{slope: leak, norm: n.Norm}
	if n.Norm || n.folded {
		s.slope = 0
	}
	return g.upsampler("generator", n.Dims, z, s)
}

// Critic maps patches x to its features f(x) [N,Features] and its critic
// score [N].
func (n GAN) Critic(g *Graph, x *gorgonia.Node) (features, score *gorgonia.Node) {
	if g.Err != nil {
		return nil, nil
	}
	h := g.convAct("critic.conv1", 2, style{slope: leak}, x)
	h = g.convAct("critic.conv2", 2, style{slope: leak, norm: n.Norm}, h)
	h = g.convAct("critic.conv3", 2, style{slope: leak, norm: n.Norm}, h)
	features = g.Reshape(h, x.Shape()[0], n.Features())
	return features, g.Reshape(g.linear("critic.linear", features), x.Shape()[0])
}

// SearchTerms are the parts of equation 15 for every patch, [N] each.
type SearchTerms struct {
	Residual *gorgonia.Node // equation 13: sum over the support of |x - G(z)|
	Feature  *gorgonia.Node // equation 14: sum of |f(x) - f(G(z))|
	Loss     *gorgonia.Node // equation 15: (1-lambda)*Residual + lambda*Feature
	Image    *gorgonia.Node // G(z), whole: also outside the support
}

// SearchTerms builds the losses of a latent search. features is f(x), which
// does not change during a search. The critic sees G(z) within the support
// alone, since patches are 0 outside.
func (n GAN) SearchTerms(g *Graph, x, support, features, z *gorgonia.Node, lambda float64) SearchTerms {
	t := SearchTerms{Image: n.Generate(g, z)}
	f, _ := n.Critic(g, g.Mul(t.Image, support))
	t.Residual = g.SumRows(g.Mul(support, g.Unary(op.Abs, g.Sub(x, t.Image))))
	t.Feature = g.SumRows(g.Unary(op.Abs, g.Sub(features, f)))
	if t.Loss = t.Residual; lambda != 0 { // else nothing descends through the critic
		t.Loss = g.Add(g.Scale(t.Residual, 1-lambda), g.Scale(t.Feature, lambda))
	}
	return t
}

// SearchLoss is equation 15 for every patch, [N]: (1-lambda) * sum |x - G(z)|
// + lambda * sum |f(x) - f(G(z))|, where the first sum is over the support.
func (n GAN) SearchLoss(g *Graph, x, support, features, z *gorgonia.Node, lambda float64) *gorgonia.Node {
	return n.SearchTerms(g, x, support, features, z, lambda).Loss
}
