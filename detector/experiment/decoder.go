package experiment

import (
	"crypto/sha256"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
)

// decoder makes images of latents of a VAE, for figures.
type decoder struct {
	vae  models.VAE
	plan *compute.Plan
}

// decoderBatch is how many images one plan makes.
const decoderBatch = 8

func newDecoder(v models.VAE, ps models.Params, o compute.Options) (*decoder, error) {
	o.Frozen, o.Backends = true, cpu.List(o.Backends...)
	g := v.NewGraph(tensor.Float32)
	out := v.Decode(g, g.Input("z", decoderBatch, v.Latent))
	if g.Err != nil {
		return nil, g.Err
	}
	p, err := compute.Compile(gorgonia.Nodes{out}, ps.Bound(), o)
	return &decoder{v, p}, err
}

// images decodes latents.
func (d *decoder) images(zs [][]float32) [][]float32 {
	out := make([][]float32, 0, len(zs))
	in, n := d.plan.Input("z"), d.vae.Voxels()
	for lo := 0; lo < len(zs); lo += decoderBatch {
		rows := zs[lo:min(lo+decoderBatch, len(zs))]
		for r, z := range rows {
			copy(in[r*d.vae.Latent:], z)
		}
		d.plan.Run()
		for r := range rows {
			out = append(out, append([]float32(nil), d.plan.Output(0)[r*n:(r+1)*n]...))
		}
	}
	return out
}

// sample draws latents of the prior and decodes them.
func (d *decoder) sample(count int, seed uint64) [][]float32 {
	zs := make([][]float32, count)
	for i, s := range sampleSeeds(count, seed) {
		zs[i] = make([]float32, d.vae.Latent)
		models.Noise(zs[i], s)
	}
	return d.images(zs)
}

// sampleSeeds are the seeds of the samples that figures show.
func sampleSeeds(count int, seed uint64) [][32]byte {
	out := make([][32]byte, count)
	for i := range out {
		out[i] = sha256.Sum256(fmt.Appendf(nil, "sample %d of seed %d", i, seed))
	}
	return out
}

// straight are latents on the line from z0 to z1, both ends included.
func straight(z0, z1 []float32, n int) [][]float32 {
	zs := make([][]float32, n)
	for i := range zs {
		t := float32(i) / float32(n-1)
		zs[i] = make([]float32, len(z0))
		for j := range z0 {
			zs[i][j] = (1-t)*z0[j] + t*z1[j]
		}
	}
	return zs
}
