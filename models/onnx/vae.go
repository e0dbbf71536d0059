package onnx

import (
	"fmt"
	"strconv"

	"github.com/nodulescope/nodulescope/models"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// maxBatch bounds the batch that a model is exported for.
const maxBatch = 1024

// Names of the inputs and outputs of an exported VAE.
const (
	inputPatch           = "x"              // of the encoder (and of a critic): [batch, 1, (z,) y, x], as Header.Preprocessing makes them
	outputMean           = "mean"           // of q(z|x): [batch, Latent]
	outputLogVariance    = "logvar"         // of q(z|x): [batch, Latent]
	inputLatent          = "z"              // of the decoder (and of a generator): [batch, Latent]
	outputReconstruction = "reconstruction" // mean of p(x|z), 0..1: [batch, 1, (z,) y, x]
)

// ExportVAE writes encoder and decoder of a trained VAE for a batch of 1 to
// 1024. h is the header of its checkpoint; where it names a digest or an
// architecture, they have to be those of ps and v. A learned log variance of
// p(x|z) is the decoder's metadata KeyLogVariance.
func ExportVAE(v models.VAE, ps models.Params, h models.Header, batch int) (encoder, decoder []byte, err error) {
	if err := v.Validate(); err != nil {
		return nil, nil, fmt.Errorf("onnx: %w", err)
	}
	if err := v.Check(ps); err != nil {
		return nil, nil, fmt.Errorf("onnx: %w", err)
	}
	if batch < 1 || batch > maxBatch {
		return nil, nil, fmt.Errorf("onnx: batch of %d: want 1 to %d", batch, maxBatch)
	}
	o, err := options("vae", h, ps)
	if err != nil {
		return nil, nil, err
	}
	if (h.Dims != 0 && h.Dims != v.Dims) || (h.Latent != 0 && h.Latent != v.Latent) {
		return nil, nil, fmt.Errorf("onnx: header of a VAE with %d dimensions and latent size %d, exported as %d and %d",
			h.Dims, h.Latent, v.Dims, v.Latent)
	}
	shape := edges(v.Dims, v.Voxels(), batch)
	g := v.NewGraph(tensor.Float32)
	mean, logvar := v.Encode(g, g.Input(inputPatch, shape...))
	if g.Err != nil {
		return nil, nil, fmt.Errorf("onnx: encoder: %w", g.Err)
	}
	o.Name = "vae-encoder"
	if encoder, err = Export(gorgonia.Nodes{mean, logvar}, []string{outputMean, outputLogVariance}, ps.Bound(), o); err != nil {
		return nil, nil, fmt.Errorf("encoder: %w", err)
	}
	g = v.NewGraph(tensor.Float32)
	out := v.Decode(g, g.Input(inputLatent, batch, v.Latent))
	if g.Err != nil {
		return nil, nil, fmt.Errorf("onnx: decoder: %w", g.Err)
	}
	o.Name = "vae-decoder"
	if v.LearnedSigma {
		o.Metadata[keyLogVariance] = strconv.FormatFloat(v.LogVariance(ps), 'g', -1, 64)
	}
	if decoder, err = Export(gorgonia.Nodes{out}, []string{outputReconstruction}, ps.Bound(), o); err != nil {
		return nil, nil, fmt.Errorf("decoder: %w", err)
	}
	return encoder, decoder, nil
}

// keyLogVariance is the metadata key of a learned log sigma^2.
const keyLogVariance = "log_sigma2"

// options are what the models of a checkpoint have in common.
func options(kind string, h models.Header, ps models.Params) (Options, error) {
	digest := ps.Digest()
	if h.Digest != "" && h.Digest != digest {
		return Options{}, fmt.Errorf("onnx: %w: header %s, weights %s", models.ErrDigest, h.Digest, digest)
	}
	o := Options{Digest: digest, Metadata: map[string]string{"model_kind": kind}}
	for k, s := range map[string]string{"preprocessing": h.Preprocessing, "data_digest": h.DataDigest, "attribution": h.Attribution} {
		if s != "" {
			o.Metadata[k] = s
		}
	}
	return o, nil
}

// edges is the shape of a batch of patches of so many voxels.
func edges(dims, voxels, batch int) []int {
	edge := 1
	for power(edge, dims) < voxels {
		edge++
	}
	return append([]int{batch, 1}, repeated(edge, dims)...)
}

func power(n, k int) int {
	p := 1
	for range k {
		p *= n
	}
	return p
}
