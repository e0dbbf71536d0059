package onnx

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/nodulescope/nodulescope/models"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Names of the further inputs and outputs of an exported GAN.
const (
	outputImage    = "image"     // G(z), 0..1, whole: [batch, 1, (z,) y, x]
	outputFeatures = "features"  // f(x) of equation 14: [batch, Features]; an input of the step
	outputScore    = "judgement" // the critic score, the larger the more like training patches: [batch]
	inputSupport   = "support"   // 1 where a voxel counts, 0 elsewhere, like the patch; x is 0 where it is 0
	outputResidual = "residual"  // equation 13 at z, over the support: [batch]
	outputFeature  = "feature"   // equation 14 at z: [batch]
	outputLoss     = "loss"      // equation 15 at z: [batch]
	outputNext     = "next_"     // before the name of the input that takes it in the next step
)

// GANModels are the models of a trained GAN.
type GANModels struct {
	Generator []byte // z to image
	Critic    []byte // x to features and critic score
	Step      []byte // of the latent search: x, support, features, z and what else it carries to losses at z, image, and next_z and the like
	Encoder   []byte // x to the z from which a search starts; nil where the network has none
}

// ExportGAN writes generator, critic, encoder where there is one, and one step of
// the latent search of a trained GAN for a batch of 1 to 1024, batch normalisation
// folded into the weights. A search starts from a z of the prior, or with
// s.Encoder from that of the encoder, takes the critic's features of the patch
// once, and runs the step s.Steps + 1 times, each output next_NAME being the input
// NAME of the next: the last one tells the losses after s.Steps steps. What else
// is carried starts at 0, but for lowest, which starts at 1e30, and alive, at 1.
// Of a search that stops (s.Stop) next_best_image is the image that counts and
// next_lowest its loss; a patch is done when its next_alive is 0.
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
	params, shape := slices.Concat(generator, critic, t.Encoder).Bound(), edges(n.Dims, n.Voxels(), batch)
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
	if len(t.Encoder) > 0 {
		g = n.NewGraph(tensor.Float32)
		z := n.Encode(g, g.Input(inputPatch, shape...), t.Header.Prior)
		if m.Encoder, err = export("encoder", g, gorgonia.Nodes{z}, []string{inputLatent}, o); err != nil {
			return m, err
		}
	}
	g = n.NewGraph(tensor.Float32)
	step := n.SearchStep(g, g.Input(inputPatch, shape...), g.Input(inputSupport, shape...), g.Input(outputFeatures, batch, n.Features()), t.Header.Prior, s)
	o.Metadata = maps.Clone(o.Metadata)
	for key, v := range map[string]float64{"steps": float64(s.Steps), "rate": s.Rate, "momentum": s.Momentum, "lambda": s.Lambda, "stop": s.Stop} {
		o.Metadata["search_"+key] = strconv.FormatFloat(v, 'g', -1, 64)
	}
	outs, names := gorgonia.Nodes{step.Residual, step.Feature, step.Loss, step.Image}, []string{outputResidual, outputFeature, outputLoss, outputImage}
	for _, c := range step.Carry {
		outs, names = append(outs, c.Next), append(names, outputNext+c.Input)
		if c.Clamp {
			o.Clip = map[string][2]float32{outputNext + c.Input: {-1, 1}}
		}
	}
	m.Step, err = export("search-step", g, outs, names, o)
	return m, err
}
