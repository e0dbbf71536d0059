package models

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestNetworksOnEveryKernelSet holds outputs of the reference networks in both
// dimensions, on every kernel set, against the plain operators in float64.
func TestNetworksOnEveryKernelSet(t *testing.T) {
	for _, dims := range []int{2, 3} {
		v, n := VAE{Dims: dims, Latent: 8}, GAN{Dims: dims, Latent: 8}
		rng := rand.New(rand.NewPCG(6, 6))
		gen, critic := n.NewParams(rng)
		ps := append(append(v.NewParams(rng), gen...), critic...)
		for _, p := range ps {
			for i := range p.Data {
				p.Data[i] += 0.02 // no output is a difference of large sums
			}
		}
		inputs := map[string][]float32{"x": noise(rng, v.Voxels()), "z": noise(rng, 8)}
		build := func(dtype tensor.Dtype) (*Graph, gorgonia.Nodes) {
			specs := append(append(v.specs(), n.generatorSpecs()...), n.criticSpecs()...)
			g := newGraph(dtype, specs)
			x, z := g.Input("x", v.shape(size, 1, 1)...), g.Input("z", 1, 8)
			mean, logvar := v.Encode(g, x)
			features, score := n.Critic(g, x)
			outs := gorgonia.Nodes{mean, logvar, v.Decode(g, z), n.Generate(g, z), features, score}
			if g.Err != nil {
				t.Fatal(g.Err)
			}
			return g, outs
		}
		g, outs64 := build(tensor.Float64)
		want := tape(t, g, outs64, ps, inputs)
		for _, name := range cpu.Names() {
			b, err := cpu.New(cpu.Options{Threads: 2, Kernels: name})
			if err != nil {
				t.Fatal(err)
			}
			for _, frozen := range []bool{false, true} {
				_, outs := build(tensor.Float32)
				p, err := compute.Compile(outs, ps.Bound(), compute.Options{Backends: []compute.Backend{b}, Frozen: frozen})
				if err != nil {
					t.Fatal(err)
				}
				close64(t, fmt.Sprintf("%dD, %s", dims, name), outputsOf(p, len(outs), inputs), want, 5e-6)
			}
		}
	}
}

// TestWeightsOfAnotherNetwork are refused before anything runs, by name.
func TestWeightsOfAnotherNetwork(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	v := VAE{Dims: 2, Latent: 8}
	other := VAE{Dims: 2, Latent: 9}.NewParams(rng)
	if _, err := NewScorer(v, other, 10, compute.Options{}); err == nil {
		t.Error("weights of another latent size were taken")
	}
	g := v.NewGraph(tensor.Float32)
	mean, _ := v.Encode(g, g.Input("x", 1, 1, 28, 28))
	if _, err := compute.Compile(gorgonia.Nodes{mean}, other.Bound(), compute.Options{Backends: cpu.List()}); err == nil {
		t.Error("a plan was compiled with weights of another network")
	}
	n := GAN{Dims: 2, Latent: 3}
	gen, critic := n.NewParams(rng)
	if err := n.check(gen, critic); err != nil {
		t.Error(err)
	}
	if err := n.check(critic, gen); err == nil {
		t.Error("generator and critic were taken for each other")
	}
}
