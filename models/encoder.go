package models

import (
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
)

// The encoder of a GAN maps a patch to the latent where a search for it starts
// (f-AnoGAN, Schlegl et al. 2019). It is trained after the generator, which it
// leaves alone:
//
//	encoder  conv3 stride 2: 1->16, 16->32, 32->64 (14, 7 and 4 per axis);
//	         linear to Latent; tanh where the prior is uniform
//
// with LeakyReLU 0.2 between layers.

// encoderFlat is the number of values of the encoder's last feature maps.
func (n GAN) encoderFlat() int { return 64 * cube(eighth, n.Dims) }

func (n GAN) encoderSpecs() []spec {
	var s []spec
	s = append(s, convSpecs(n.Dims, "encoder.conv1", 3, 1, 16, false)...)
	s = append(s, convSpecs(n.Dims, "encoder.conv2", 3, 16, 32, false)...)
	s = append(s, convSpecs(n.Dims, "encoder.conv3", 3, 32, 64, false)...)
	return append(s, linearSpecs("encoder.linear", n.encoderFlat(), n.Latent)...)
}

// NewEncoder draws initial weights of an encoder.
func (n GAN) NewEncoder(rng *rand.Rand) Params { return initial(n.encoderSpecs(), rng) }

// Encode maps patches x, 0 outside their support, to latents [N,Latent] of a
// prior.
func (n GAN) Encode(g *Graph, x *gorgonia.Node, prior string) *gorgonia.Node {
	if g.Err != nil {
		return nil
	}
	s := style{slope: leak}
	h := g.convAct("encoder.conv1", 2, s, x)
	h = g.convAct("encoder.conv2", 2, s, h)
	h = g.convAct("encoder.conv3", 2, s, h)
	z := g.linear("encoder.linear", g.Reshape(h, x.Shape()[0], n.encoderFlat()))
	if prior == UniformPrior {
		return g.Unary(op.Tanh, z)
	}
	return z
}

// EncoderLoss is what the encoder descends, for every patch, [N]: equation 15 at
// the latent that it gives. With a lambda of 0 that is the residual alone (izi),
// else what the critic sees counts as well (izif). features is f(x).
func (n GAN) EncoderLoss(g *Graph, x, support, features *gorgonia.Node, prior string, lambda float64) *gorgonia.Node {
	return n.SearchTerms(g, x, support, features, n.Encode(g, x, prior), lambda).Loss
}
