package models_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// bits are digests of what the plans of the reference networks compute from
// fixed seeds, by instruction set: every output, and after a step of training
// all weights and both moments. A change of the engine that is none of its
// arithmetic leaves them as they are; one that is has to say so, since it
// changes the score of every patient.
var bits = map[string]map[string]string{
	"avx512": {"score": "ee83c7b5965d5d03ade4b57f", "search": "891e2125934d02d4ad1d6905", "train": "2e90c07530c8b539a7e9b5e4", "critic": "3be85267f3c03b9426c4c830"},
	"avx2":   {"score": "ee83c7b5965d5d03ade4b57f", "search": "891e2125934d02d4ad1d6905", "train": "2e90c07530c8b539a7e9b5e4", "critic": "3be85267f3c03b9426c4c830"},
	"neon":   {"score": "ee83c7b5965d5d03ade4b57f", "search": "891e2125934d02d4ad1d6905", "train": "2e90c07530c8b539a7e9b5e4", "critic": "3be85267f3c03b9426c4c830"},
	"go":     {"score": "15cae76ca7dfb010bb476bb0", "search": "2c018c1be09137bfe92123a9", "train": "39c4d5065111bf529597866f", "critic": "b0e8c1964c8cd003f11b41bb"},
}

// TestBits: a score is the same to the bit as when its digest was recorded.
func TestBits(t *testing.T) {
	for _, name := range cpu.Names() {
		t.Run(name, func(t *testing.T) {
			batch := 9 // lies in lanes
			if name == "go" {
				batch = 1 // it takes long
			}
			b, err := cpu.New(cpu.Options{Threads: 2, Kernels: name})
			if err != nil {
				t.Fatal(err)
			}
			o := compute.Options{Backends: []compute.Backend{b}}
			for what, run := range map[string]func(*testing.T, int, compute.Options) []float32{
				"score": scoreBits, "search": searchBits, "train": trainBits, "critic": criticBits,
			} {
				if got := digestOf(run(t, batch, o)); got != bits[name][what] {
					t.Errorf("%q: %q, recorded was %q", what, got, bits[name][what])
				}
			}
		})
	}
}

func digestOf(x []float32) string {
	h := sha256.New()
	for _, v := range x {
		_, _ = h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

func seeded() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// runTwice fills the inputs of a plan and returns its outputs after two runs.
func runTwice(p *compute.Plan, outs int) []float32 {
	rng := seeded()
	for _, name := range p.Inputs() {
		x := p.Input(name)
		for i := range x {
			x[i] = rng.Float32()
		}
	}
	p.Run()
	p.Run()
	var all []float32
	for i := range outs {
		all = append(all, p.Output(i)...)
	}
	return all
}

// scoreBits is encoder, one draw and decoder, for one patch and for several.
func scoreBits(t *testing.T, batch int, o compute.Options) (all []float32) {
	v := models.ReferenceVAE
	o.Frozen = true
	for _, n := range []int{1, batch} {
		g := v.NewGraph(tensor.Float32)
		mean, logvar := v.Encode(g, g.Input("x", n, 1, 28, 28, 28))
		z := g.Add(mean, g.Mul(g.Input("eps", n, v.Latent), g.Unary(op.Exp, g.Scale(logvar, 0.5))))
		out := v.Decode(g, z)
		if g.Err != nil {
			t.Fatal(g.Err)
		}
		p, err := compute.Compile(gorgonia.Nodes{out, mean, logvar}, v.NewParams(seeded()).Bound(), o)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, runTwice(p, 3)...)
	}
	return all
}

// searchBits is a step of the latent search: the loss and its gradient.
func searchBits(t *testing.T, batch int, o compute.Options) []float32 {
	n := models.ReferenceGAN
	o.Frozen = true
	gen, critic := n.NewParams(seeded())
	g := n.NewGraph(tensor.Float32)
	z := g.Input("z", batch, n.Latent)
	loss := n.SearchLoss(g, g.Input("x", batch, 1, 28, 28, 28), g.Input("support", batch, 1, 28, 28, 28), g.Input("features", batch, n.Features()), z, 0.5)
	if g.Err != nil {
		t.Fatal(g.Err)
	}
	d, err := op.Grad(loss, z)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compute.Compile(gorgonia.Nodes{loss, d[0]}, append(gen, critic...).Bound(), o)
	if err != nil {
		t.Fatal(err)
	}
	return runTwice(p, 2)
}

// trainedBits runs a plan of training and adds what it moved to its outputs.
func trainedBits(t *testing.T, g *models.Graph, loss *gorgonia.Node, moved, all models.Params, a *compute.Adam, o compute.Options) []float32 {
	grads, err := op.Grad(loss, g.Params(moved)...)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compute.CompileTraining(gorgonia.Nodes{loss}, g.Params(moved), grads, all.Bound(), a, o)
	if err != nil {
		t.Fatal(err)
	}
	out := runTwice(p, 1)
	for i, w := range moved {
		out = append(append(append(out, w.Data...), a.M[i]...), a.V[i]...)
	}
	return append(out, float32(a.Norm))
}

// trainBits are two steps of the VAE's training. A larger batch takes more than
// one filling of the grid of a weight gradient.
func trainBits(t *testing.T, batch int, o compute.Options) []float32 {
	if batch > 1 {
		batch = 26
	}
	v := models.ReferenceVAE
	ps := v.NewParams(seeded())
	g := v.NewGraph(tensor.Float32)
	b := v.Bound(g, g.Input("x", batch, 1, 28, 28, 28), g.Input("support", batch, 1, 28, 28, 28), g.Input("eps", batch, v.Latent))
	loss := g.Mean(g.Add(b.Recon, b.KL))
	if g.Err != nil {
		t.Fatal(g.Err)
	}
	a := compute.AdamDefaults(1e-4)
	a.Clip = 100
	return trainedBits(t, g, loss, ps, ps, a, o)
}

// criticBits are two steps of the critic with gradient penalty.
func criticBits(t *testing.T, batch int, o compute.Options) []float32 {
	n := models.ReferenceGAN
	gen, critic := n.NewParams(seeded())
	g := n.NewGraph(tensor.Float32)
	in := func(name string) *gorgonia.Node { return g.Input(name, batch, 1, 28, 28, 28) }
	real := in("real")
	fake := n.Generate(g, g.Input("z", batch, n.Latent))
	loss, err := n.CriticLoss(g, real, fake, g.Add(fake, g.Mul(in("u"), g.Sub(real, fake))), 10)
	if err != nil {
		t.Fatal(err)
	}
	a := &compute.Adam{Rate: 1e-4, Beta2: 0.9, Epsilon: 1e-8}
	return trainedBits(t, g, loss, critic, append(append(models.Params{}, critic...), gen...), a, o)
}
