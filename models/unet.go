package models

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// OutlineEdge is the edge of the volume that a UNet sees, in voxels.
const OutlineEdge = 32

// outlineInputs are the channels of its input: intensity and point.
const outlineInputs = 2

// UNet marks the nodule at a point (after Ronneberger et al. 2015): a network in
// four resolutions, 32, 16, 8 and 4 voxels per axis, with Channels[0] to
// Channels[3] feature maps.
//
//	encoder  conv3, conv3; three times conv3 stride 2, conv3
//	decoder  three times upsample, conv3, plus the encoder's maps of that
//	         resolution, conv3; conv3 to 1
//
// Every layer but the last has group normalisation, of four channels each, and
// LeakyReLU 0.2: no sample depends on others, in training as in use. Maps of the
// encoder are added, not put side by side, which takes fewer channels.
type UNet struct {
	Channels [4]int
}

// ReferenceUNet is the network that outlines nodules.
var ReferenceUNet = UNet{Channels: [4]int{16, 32, 64, 96}}

// Validate says whether the network exists.
func (u UNet) Validate() error {
	for _, c := range u.Channels {
		if c < 1 || c > 1024 {
			return fmt.Errorf("models: a UNet of %v channels: want 1 to 1024 each", u.Channels)
		}
	}
	return nil
}

// unetLayer is one convolution of the network and its activation.
type unetLayer struct {
	name            string
	in, out, stride int
}

func (u UNet) encoder() []unetLayer {
	var layers []unetLayer
	in, stride := outlineInputs, 1
	for i, c := range u.Channels {
		layers = append(layers,
			unetLayer{fmt.Sprintf("encoder.%d.a", i), in, c, stride},
			unetLayer{fmt.Sprintf("encoder.%d.b", i), c, c, 1})
		in, stride = c, 2
	}
	return layers
}

func (u UNet) decoder() []unetLayer {
	c := u.Channels
	var layers []unetLayer
	for i := len(c) - 2; i >= 0; i-- {
		layers = append(layers,
			unetLayer{fmt.Sprintf("decoder.%d.a", i), c[i+1], c[i], 1},
			unetLayer{fmt.Sprintf("decoder.%d.b", i), c[i], c[i], 1})
	}
	return layers
}

func (u UNet) layers() []unetLayer { return append(u.encoder(), u.decoder()...) }

func (u UNet) specs() []spec {
	var s []spec
	for _, l := range u.layers() {
		s = append(s, convSpecs(3, l.name, 3, l.in, l.out, true)...)
	}
	return append(s, convSpecs(3, "output", 3, u.Channels[0], 1, false)...)
}

// NewParams draws initial weights; scales of normalisation start at 1. share is
// the share of voxels that nodules take: the output starts there.
func (u UNet) NewParams(rng *rand.Rand, share float64) Params {
	ps := initial(u.specs(), rng)
	for _, l := range u.layers() {
		scale := ps.find(l.name + scaleSuffix).Data
		for i := range scale {
			scale[i] = 1
		}
	}
	ps.find("output.bias").Data[0] = float32(math.Log(share / (1 - share)))
	return ps
}

// Check says whether the weights are those of this network.
func (u UNet) Check(ps Params) error { return ps.check(u.specs()) }

// NewGraph starts a graph for this network. dtype is tensor.Float32, or
// tensor.Float64 for the reference.
func (u UNet) NewGraph(dtype tensor.Dtype) *Graph { return newGraph(dtype, u.specs()) }

// Outline maps x [N,2,32,32,32], intensities of 0 to 1 and the mark of the
// point, to the logit of every voxel's probability to be the nodule's,
// [N,1,32,32,32].
func (u UNet) Outline(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	s := style{slope: leak, group: true}
	var skips gorgonia.Nodes
	h := x
	for i, l := range u.encoder() {
		h = g.convAct(l.name, l.stride, s, h)
		if i%2 == 1 { // the last of its resolution
			skips = append(skips, h)
		}
	}
	for i, l := range u.decoder() {
		if i%2 == 1 {
			h = g.convAct(l.name, 1, s, h)
			continue
		}
		level := len(skips) - 2 - i/2
		up := g.Do(op.Upsample{Out: edges(3, OutlineEdge>>level)}, h)
		h = g.Add(g.convAct(l.name, 1, s, up), skips[level])
	}
	return g.conv("output", 1, h)
}

// OutlineTerms are the parts of the loss of an outline, [1] each.
type OutlineTerms struct {
	Entropy *gorgonia.Node // cross-entropy with y of 0.005 and 0.995, mean over the voxels, nats
	Dice    *gorgonia.Node // 1 - (2 sum(p y) + 1)/(sum(p) + sum(y) + 1), mean over the samples (Milletari et al. 2016, without squares)
}

// outlineDoubt is the share of voxels whose target the cross-entropy takes to be
// wrong (label smoothing, Szegedy et al. 2016).
const outlineDoubt = 0.005

// OutlineLoss compares logits with targets y of 0 or 1, both [N,1,32,32,32].
func (u UNet) OutlineLoss(g *Graph, logits, y *gorgonia.Node) OutlineTerms {
	if g.Err != nil {
		return OutlineTerms{}
	}
	rows, voxels := logits.Shape()[0], cube(OutlineEdge, 3)
	l, t := g.Reshape(logits, rows, voxels), g.Reshape(y, rows, voxels)
	p := g.Unary(op.Sigmoid, l)
	// Without a doubt the many voxels of background drive the logits far down, and
	// one large nodule that is missed then weighs as much as a hundred steps.
	soft := g.Shift(g.Scale(t, 1-2*outlineDoubt), outlineDoubt)
	entropy := g.Scale(g.Mean(g.SumRows(g.Sub(g.Unary(op.Softplus, l), g.Mul(l, soft)))), 1/float64(voxels))
	both := g.Shift(g.Scale(g.SumRows(g.Mul(p, t)), 2), 1)
	sum := g.Shift(g.Add(g.SumRows(p), g.SumRows(t)), 1)
	dice := g.Mean(g.Mul(both, g.Unary(op.Recip, sum)))
	return OutlineTerms{Entropy: entropy, Dice: g.Shift(g.Scale(dice, -1), 1)}
}
