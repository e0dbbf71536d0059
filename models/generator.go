package models

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models/compute"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Generator makes images of a trained GAN. It is used by one goroutine at a
// time.
type Generator struct {
	gan   GAN
	prior string
	plan  *compute.Plan
	batch int
}

// generatorBatch is how many images one plan makes.
const generatorBatch = 16

// NewGenerator compiles a generator.
func NewGenerator(t *TrainedGAN, o compute.Options) (*Generator, error) {
	n, generator, _, err := t.GAN.Fold(t.Generator, t.Critic, t.Statistics)
	if err != nil {
		return nil, err
	}
	o = listed(o)
	o.Frozen = true
	g := n.NewGraph(tensor.Float32)
	image := n.Generate(g, g.Input("z", generatorBatch, n.Latent))
	if g.Err != nil {
		return nil, g.Err
	}
	p, err := compute.Compile(gorgonia.Nodes{image}, generator.Bound(), o)
	if err != nil {
		return nil, err
	}
	return &Generator{n, t.Header.Prior, p, generatorBatch}, nil
}

// Latent draws a z of the prior from a seed.
func (g *Generator) Latent(seed [32]byte) []float32 {
	z := make([]float32, g.gan.Latent)
	drawPrior(z, g.prior, rand.New(rand.NewChaCha8(seed)))
	return z
}

// Sample makes one image per seed, [28,28,28] or [28,28] each, whole: patches
// of the data are 0 outside their support.
func (g *Generator) Sample(seeds [][32]byte) [][]float32 {
	zs := make([][]float32, len(seeds))
	for i, s := range seeds {
		zs[i] = g.Latent(s)
	}
	return g.Images(zs)
}

// Images makes one image per latent. It panics where a latent has another
// size.
func (g *Generator) Images(zs [][]float32) [][]float32 {
	v, l := g.gan.Voxels(), g.gan.Latent
	out := make([][]float32, len(zs))
	in := g.plan.Input("z")
	for lo := 0; lo < len(zs); lo += g.batch {
		n := min(g.batch, len(zs)-lo)
		for r := range n {
			if len(zs[lo+r]) != l {
				panic(fmt.Sprintf("models: latent of %d values, the network has %d", len(zs[lo+r]), l))
			}
			copy(in[r*l:], zs[lo+r])
		}
		g.plan.Run()
		for r := range n {
			out[lo+r] = append([]float32(nil), g.plan.Output(0)[r*v:(r+1)*v]...)
		}
	}
	return out
}

// Interpolate makes n >= 2 images on the way from z0 to z1, both ends included:
// along the straight line for the uniform prior, along the arc for the normal
// one, whose mass lies on a sphere.
func (g *Generator) Interpolate(z0, z1 []float32, n int) [][]float32 {
	zs := make([][]float32, n)
	for i := range zs {
		zs[i] = between(z0, z1, float64(i)/float64(n-1), g.prior == NormalPrior)
	}
	return g.Images(zs)
}

func between(z0, z1 []float32, t float64, arc bool) []float32 {
	a, b := 1-t, t
	if arc {
		var dot, n0, n1 float64
		for i, v := range z0 {
			dot += float64(v) * float64(z1[i])
			n0 += float64(v) * float64(v)
			n1 += float64(z1[i]) * float64(z1[i])
		}
		if angle := math.Acos(min(max(dot/math.Sqrt(n0*n1), -1), 1)); math.Sin(angle) > 1e-6 {
			a, b = math.Sin((1-t)*angle)/math.Sin(angle), math.Sin(t*angle)/math.Sin(angle)
		}
	}
	z := make([]float32, len(z0))
	for i := range z {
		z[i] = float32(a*float64(z0[i]) + b*float64(z1[i]))
	}
	return z
}

// Spread compares how far apart samples of a generator and patches of the data
// are among themselves.
type Spread struct {
	Samples float64 // mean over all pairs of samples of the root mean squared difference
	Data    float64 // the same of the patches
	Ratio   float64 // Samples / Data: near 0 where the generator has collapsed to one image
}

// Diversity measures mode collapse. samples, data and supports have the same
// number, at least 2; sample i is looked at within the support of patch i, and
// a pair within the voxels that count in both.
func Diversity(samples, data, supports [][]float32) (Spread, error) {
	if len(samples) < 2 || len(samples) != len(data) || len(samples) != len(supports) {
		return Spread{}, fmt.Errorf("models: diversity of %d samples, %d patches and %d supports: want as many of each, at least 2", len(samples), len(data), len(supports))
	}
	var s Spread
	var pairs float64
	for i := range samples {
		for j := range i {
			var a, b, n float64
			for k, c := range supports[i] {
				if c *= supports[j][k]; c != 0 {
					da, db := float64(samples[i][k]-samples[j][k]), float64(data[i][k]-data[j][k])
					a, b, n = a+da*da, b+db*db, n+1
				}
			}
			if n > 0 {
				s.Samples += math.Sqrt(a / n)
				s.Data += math.Sqrt(b / n)
				pairs++
			}
		}
	}
	if pairs == 0 {
		return Spread{}, fmt.Errorf("%w: no two patches have a voxel in common that counts", errSample)
	}
	s.Samples, s.Data = s.Samples/pairs, s.Data/pairs
	if s.Data > 0 {
		s.Ratio = s.Samples / s.Data
	}
	return s, nil
}
