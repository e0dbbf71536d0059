package models

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/internal/digest"
)

// Param is one named tensor of weights, row-major.
type Param struct {
	Name  string
	Shape []int
	Data  []float32
}

// Params are the weights of a network in a fixed order.
type Params []Param

// Bound maps names to weights, as compute.Compile takes them.
func (ps Params) Bound() map[string][]float32 {
	m := make(map[string][]float32, len(ps))
	for _, p := range ps {
		m[p.Name] = p.Data
	}
	return m
}

// find returns the tensor of a name, or nil.
func (ps Params) find(name string) *Param {
	for i := range ps {
		if ps[i].Name == name {
			return &ps[i]
		}
	}
	return nil
}

// clone copies the weights.
func (ps Params) clone() Params {
	c := make(Params, len(ps))
	for i, p := range ps {
		c[i] = Param{p.Name, p.Shape, append([]float32(nil), p.Data...)}
	}
	return c
}

// Digest is the SHA-256 of names, shapes and values: "sha256:<hex>".
func (ps Params) Digest() string {
	h := sha256.New()
	b := make([]byte, 0, 1<<16) // a file of weights is read at every start
	for _, p := range ps {
		_, _ = fmt.Fprintf(h, "%s%v\n", p.Name, p.Shape)
		for part := range slices.Chunk(p.Data, cap(b)/4) {
			b = b[:0]
			for _, v := range part {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
			}
			_, _ = h.Write(b)
		}
	}
	return digest.Sum(h)
}

// spec is the name, shape and fan-in of a parameter; fan-in 0 starts at zero.
type spec struct {
	name  string
	shape []int
	fanIn int
}

// initial draws weights from a normal distribution with variance
// 1/(3*fan-in), that of PyTorch's default layers, and starts biases at zero.
// Larger ones (He et al. 2015) let the decoder's sum of correlated, upsampled
// features run away in the first steps, until its sigmoid saturates and never
// learns.
func initial(specs []spec, rng *rand.Rand) Params {
	ps := make(Params, len(specs))
	for i, s := range specs {
		n := 1
		for _, d := range s.shape {
			n *= d
		}
		ps[i] = Param{s.name, s.shape, make([]float32, n)}
		if s.fanIn == 0 {
			continue
		}
		std := 1 / math.Sqrt(3*float64(s.fanIn))
		for j := range ps[i].Data {
			ps[i].Data[j] = float32(std * rng.NormFloat64())
		}
	}
	return ps
}

// initialDCGAN draws weights as Radford et al. (2016) do: normal with deviation
// 0.02, scales of batch normalisation 1 + 0.02 n; the rest starts at zero.
func initialDCGAN(specs []spec, rng *rand.Rand) Params {
	ps := initial(specs, rng) // for names and shapes
	for _, p := range ps {
		for j := range p.Data {
			switch {
			case strings.HasSuffix(p.Name, ".weight"):
				p.Data[j] = float32(0.02 * rng.NormFloat64())
			case strings.HasSuffix(p.Name, scaleSuffix):
				p.Data[j] = float32(1 + 0.02*rng.NormFloat64())
			}
		}
	}
	return ps
}

// follow moves averaged weights after a step, counted from 1. In the first steps
// they follow faster, so that they forget the initial ones.
func follow(average, weights Params, decay float64, step int) {
	d := float32(math.Min(decay, float64(1+step)/float64(10+step)))
	for i, p := range average {
		for j, w := range weights[i].Data {
			p.Data[j] = d*p.Data[j] + (1-d)*w
		}
	}
}

// check says whether ps has the tensors of specs.
func (ps Params) check(specs []spec) error {
	if len(ps) != len(specs) {
		return fmt.Errorf("models: %d tensors, the network has %d", len(ps), len(specs))
	}
	for i, s := range specs {
		if ps[i].Name != s.name || fmt.Sprint(ps[i].Shape) != fmt.Sprint(s.shape) {
			return fmt.Errorf("models: tensor %q %v, the network wants %q %v", ps[i].Name, ps[i].Shape, s.name, s.shape)
		}
	}
	return nil
}

// Noise fills dst with standard normal values that depend on the seed alone.
func Noise(dst []float32, seed [32]byte) {
	rng := rand.New(rand.NewChaCha8(seed))
	for i := range dst {
		dst[i] = float32(rng.NormFloat64())
	}
}
