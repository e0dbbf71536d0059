package onnx

import (
	"fmt"
	"maps"
	"strconv"

	"github.com/nodulescope/nodulescope/models"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Names of the further inputs and outputs of an exported GAN.
const (
	outputImage     = "image"     // G(z), 0..1, whole: [batch, 1, (z,) y, x]
	outputFeatures  = "features"  // f(x) of equation 14: [batch, Features]; an input of the step
	outputScore     = "judgement" // the critic score, the larger the more like training patches: [batch]
	inputSupport    = "support"   // 1 where a voxel counts, 0 elsewhere, like the patch; x is 0 where it is 0
	inputSpeed      = "speed"     // of the descent, 0 at the start: [batch, Latent]
	outputResidual  = "residual"  // equation 13 at z, over the support: [batch]
	outputFeature   = "feature"   // equation 14 at z: [batch]
	outputLoss      = "loss"      // equation 15 at z: [batch]
	outputNextSpeed = "next_speed"
	outputNext      = "next_z" // cut to [-1, 1] where that is the support of the prior
)

// GANModels are the models of a trained GAN.
type GANModels struct {
	Generator []byte // z to image
	Critic    []byte // x to features and critic score
	Step      []byte // of the latent search: x, support, features, z, speed to losses at z, image, next_speed and next_z
}

// ExportGAN writes generator, critic and one step of the latent search of a
// trained GAN for a batch of 1 to 1024, batch normalisation folded into the
// weights. A search starts from a z of the prior with speed 0, takes the
// critic's features of the patch once, and runs the step s.Steps + 1 times: the
// last one tells the losses after s.Steps steps.
func ExportGAN(t *models.TrainedGAN, s models.SearchSettings, batch int) (GANModels, error) {
	var m GANModels
	if batch < 1 || batch > maxBatch {
		return m, fmt.Errorf("onnx: batch of %d: want 1 to %d", batch, maxBatch)
	}
	s, err := s.InUse(t.GAN)
	if err != nil {
		return m, fmt.Errorf("onnx: %w", err)
	}
	o, err := options("gan", t.Header, t.Params())
	if err != nil {
		return m, err
	}
	n, generator, critic, err := t.GAN.Fold(t.Generator, t.Critic, t.Statistics)
	if err != nil {
		return m, fmt.Errorf("onnx: %w", err)
	}
	o.Metadata["prior"] = t.Header.Prior
	params, shape := append(append(models.Params{}, generator...), critic...).Bound(), edges(n.Dims, n.Voxels(), batch)
	export := func(name string, g *models.Graph, outs gorgonia.Nodes, names []string, o Options) ([]byte, error) {
		if g.Err != nil {
			return nil, fmt.Errorf("onnx: %s: %w", name, g.Err)
		}
		o.Name = "gan-" + name
		b, err := Export(outs, names, params, o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return b, nil
	}

	g := n.NewGraph(tensor.Float32)
	image := n.Generate(g, g.Input(inputLatent, batch, n.Latent))
	if m.Generator, err = export("generator", g, gorgonia.Nodes{image}, []string{outputImage}, o); err != nil {
		return m, err
	}
	g = n.NewGraph(tensor.Float32)
	features, score := n.Critic(g, g.Input(inputPatch, shape...))
	if m.Critic, err = export("critic", g, gorgonia.Nodes{features, score}, []string{outputFeatures, outputScore}, o); err != nil {
		return m, err
	}
	g = n.NewGraph(tensor.Float32)
	terms, speed, next := n.SearchStep(g, g.Input(inputPatch, shape...), g.Input(inputSupport, shape...), g.Input(outputFeatures, batch, n.Features()),
		g.Input(inputLatent, batch, n.Latent), g.Input(inputSpeed, batch, n.Latent), s)
	o.Metadata = maps.Clone(o.Metadata)
	for key, v := range map[string]float64{"steps": float64(s.Steps), "rate": s.Rate, "momentum": s.Momentum, "lambda": s.Lambda} {
		o.Metadata["search_"+key] = strconv.FormatFloat(v, 'g', -1, 64)
	}
	if s.Clamps(t.Header.Prior) {
		o.Clip = map[string][2]float32{outputNext: {-1, 1}}
	}
	m.Step, err = export("search-step", g, gorgonia.Nodes{terms.Residual, terms.Feature, terms.Loss, terms.Image, speed, next},
		[]string{outputResidual, outputFeature, outputLoss, outputImage, outputNextSpeed, outputNext}, o)
	return m, err
}
