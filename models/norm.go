package models

import (
	"math"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
)

// Names of what batch normalisation adds to a layer: two parameters, and two
// statistics that are estimated after training.
const (
	scaleSuffix    = ".scale"
	shiftSuffix    = ".shift"
	meanSuffix     = ".mean"
	varianceSuffix = ".variance"
)

// normEpsilon is added to variances.
const normEpsilon = 1e-5

// norm normalises x [N,C,...] by the moments of the batch, as in training.
func (g *Graph) norm(name string, x *gorgonia.Node) *gorgonia.Node {
	if g.Err != nil {
		return nil
	}
	g.normed[name] = append(g.normed[name], x)
	return g.BatchNorm(x, g.param(name+scaleSuffix), g.param(name+shiftSuffix), normEpsilon)
}

// groupNorm normalises every sample of x [N,C,...] by itself, in groups of
// groupChannels channels; in one group where they do not divide C.
func (g *Graph) groupNorm(name string, x *gorgonia.Node) *gorgonia.Node {
	if g.Err != nil {
		return nil
	}
	groups := 1
	if c := x.Shape()[1]; c%groupChannels == 0 {
		groups = c / groupChannels
	}
	return g.GroupNorm(x, g.param(name+scaleSuffix), g.param(name+shiftSuffix), groups, normEpsilon)
}

const groupChannels = 4

// moments are mean and variance [C] of x [N,C,...] over batch and space.
func (g *Graph) moments(x *gorgonia.Node) (mean, variance *gorgonia.Node) {
	if g.Err != nil {
		return nil, nil
	}
	s := x.Shape()
	keep := make([]int, len(s))
	for i := range keep {
		keep[i] = 1
	}
	keep[1] = s[1]
	n := float64(s.TotalSize() / s[1])
	average := func(v *gorgonia.Node) *gorgonia.Node { return g.Scale(g.Do(op.SumTo{Out: keep}, v), 1/n) }
	m := average(x)
	v := average(g.Unary(op.Square, g.Sub(x, g.Do(op.Expand{Out: s}, m))))
	return g.Reshape(m, s[1]), g.Reshape(v, s[1])
}

// normed are the layers of a network with batch normalisation, and their
// channels.
func (n GAN) normed() []spec {
	if !n.Norm {
		return nil
	}
	layer := func(name string, channels int) spec { return spec{name: name, shape: []int{channels}} }
	return []spec{
		layer("generator.linear", 128), layer("generator.conv1", 64), layer("generator.conv2", 32),
		layer("critic.conv2", 64), layer("critic.conv3", 128),
	}
}

// statisticsSpecs are population mean and variance of normalised layers.
func statisticsSpecs(layers []spec) []spec {
	var s []spec
	for _, l := range layers {
		s = append(s, spec{name: l.name + meanSuffix, shape: l.shape}, spec{name: l.name + varianceSuffix, shape: l.shape})
	}
	return s
}

// Fold returns the network with batch normalisation by population statistics
// written into its weights: y = (wx - mean) * scale/sqrt(variance + 1e-5) +
// shift is a layer with a bias and no normalisation. It is what searches and
// samples run. A network without normalisation is returned as it is.
func (n GAN) Fold(generator, critic, statistics Params) (GAN, Params, Params, error) {
	if err := n.check(generator, critic); err != nil {
		return n, nil, nil, err
	}
	if err := statistics.check(statisticsSpecs(n.normed())); err != nil {
		return n, nil, nil, err
	}
	if !n.Norm {
		return n, generator, critic, nil
	}
	plain := GAN{Dims: n.Dims, Latent: n.Latent, folded: true}
	return plain, fold(plain.generatorSpecs(), generator, statistics), fold(plain.criticSpecs(), critic, statistics), nil
}

// fold fills the tensors of specs from those of a network with normalisation.
func fold(specs []spec, from, statistics Params) Params {
	out := make(Params, len(specs))
	for i, s := range specs {
		if p := from.find(s.name); p != nil {
			out[i] = *p
			continue
		}
		// A bias: its layer is normalised, and its weight is just before.
		layer := s.name[:len(s.name)-len(".bias")]
		scale, shift := from.find(layer+scaleSuffix).Data, from.find(layer+shiftSuffix).Data
		mean, variance := statistics.find(layer+meanSuffix).Data, statistics.find(layer+varianceSuffix).Data
		out[i] = Param{s.name, s.shape, make([]float32, s.shape[0])}
		units := s.shape[0] / len(scale) // of one channel
		gain := make([]float64, s.shape[0])
		for j := range gain {
			c := j / units
			gain[j] = float64(scale[c]) / math.Sqrt(float64(variance[c])+normEpsilon)
			out[i].Data[j] = float32(float64(shift[c]) - float64(mean[c])*gain[j])
		}
		w := &out[i-1]
		w.Data = append([]float32(nil), w.Data...)
		for j := range w.Data {
			unit := j % len(gain) // linear weights are [in, out]
			if len(w.Shape) > 2 { // those of a convolution [out, in, ...]
				unit = j / (len(w.Data) / len(gain))
			}
			w.Data[j] = float32(float64(w.Data[j]) * gain[unit])
		}
	}
	return out
}
