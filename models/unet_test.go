package models

import (
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// littleUNet has few channels, each number of its own.
var littleUNet = UNet{Channels: [4]int{2, 3, 4, 5}}

// unetGraph has the outputs logits, entropy, Dice and the gradient of every
// parameter.
func unetGraph(t *testing.T, u UNet, ps Params, rows int, dtype tensor.Dtype) (*Graph, gorgonia.Nodes) {
	t.Helper()
	g := u.NewGraph(dtype)
	logits := u.Outline(g, g.Input("x", edges(3, OutlineEdge, rows, outlineInputs)...))
	terms := u.OutlineLoss(g, logits, g.Input("y", edges(3, OutlineEdge, rows, 1)...))
	loss := g.Add(terms.Entropy, terms.Dice)
	return g, withGrads(t, g, loss, ps, logits, terms.Entropy, terms.Dice)
}

// outlineInput is noise, and a ball that is the target.
func outlineInput(rng *rand.Rand, rows int) map[string][]float32 {
	v := cube(OutlineEdge, 3)
	in := map[string][]float32{"x": noise(rng, rows*outlineInputs*v), "y": make([]float32, rows*v)}
	for r := range rows {
		balls{}.Outline(r, rng, in["x"][r*outlineInputs*v:(r+1)*outlineInputs*v], in["y"][r*v:(r+1)*v])
	}
	return in
}

// TestUNetOnEveryMachine holds outputs and gradients on every kernel set and on
// the first device against the plain operators in float64.
func TestUNetOnEveryMachine(t *testing.T) {
	const rows = 2
	u := littleUNet
	rng := rand.New(rand.NewPCG(5, 5))
	ps := u.NewParams(rng, 0.1)
	for _, p := range ps {
		if len(p.Shape) == 1 {
			for i := range p.Data {
				p.Data[i] += 0.1 * float32(rng.NormFloat64())
			}
		}
	}
	inputs := outlineInput(rng, rows)
	g, outs64 := unetGraph(t, u, ps, rows, tensor.Float64)
	want := tape(t, g, outs64, ps, inputs)
	machines := map[string]compute.Backend{}
	for _, name := range cpu.Names() {
		b, err := cpu.New(cpu.Options{Threads: 2, Kernels: name})
		if err != nil {
			t.Fatal(err)
		}
		machines[name] = b
	}
	if all, _ := gpu.Devices(); len(all) > 0 {
		machines["device"] = deviceFor(t, gpu.Options{})
	}
	for name, b := range machines {
		_, outs := unetGraph(t, u, ps, rows, tensor.Float32)
		p, err := compute.Compile(outs, ps.Bound(), compute.Options{Backends: []compute.Backend{b}})
		if err != nil {
			t.Fatal(err)
		}
		got := outputsOf(p, len(outs), inputs)
		close64(t, name, got[:3], want[:3], 1e-5)
		// Gradients through a normalisation are small differences of large sums:
		// all machines agree far better with each other.
		close64(t, name, got[3:], want[3:], 1e-3)
	}
}

// TestUNetFolds takes the moments of one batch for those of the population: then
// the folded network gives what training gave.
func TestUNetFolds(t *testing.T) {
	const rows = 2
	u := littleUNet
	rng := rand.New(rand.NewPCG(6, 6))
	ps := u.NewParams(rng, 0.1)
	in := outlineInput(rng, rows)
	o := compute.Options{Backends: cpu.List()}
	g := u.NewGraph(tensor.Float32)
	logits := u.Outline(g, g.Input("x", edges(3, OutlineEdge, rows, outlineInputs)...))
	training, err := compute.Compile(gorgonia.Nodes{logits}, ps.Bound(), o)
	if err != nil {
		t.Fatal(err)
	}
	var want []float64
	for _, v := range outputsOf(training, 1, map[string][]float32{"x": in["x"]})[0] {
		want = append(want, float64(v))
	}
	moments, err := momentsPlan(g, u.normed(), ps, o)
	if err != nil {
		t.Fatal(err)
	}
	var stats Params
	for i, values := range outputsOf(moments, 2*len(u.normed()), map[string][]float32{"x": in["x"]}) {
		s := statisticsSpecs(u.normed())[i]
		stats = append(stats, Param{s.name, s.shape, values})
	}
	plain, folded, err := u.Fold(ps, stats)
	if err != nil {
		t.Fatal(err)
	}
	h := plain.NewGraph(tensor.Float32)
	p, err := compute.Compile(gorgonia.Nodes{plain.Outline(h, h.Input("x", edges(3, OutlineEdge, rows, outlineInputs)...))}, folded.Bound(), o)
	if err != nil {
		t.Fatal(err)
	}
	close64(t, "folded", outputsOf(p, 1, map[string][]float32{"x": in["x"]}), [][]float64{want}, 2e-5)
	if _, _, err := u.Fold(ps, stats[1:]); err == nil {
		t.Error("a network was folded without the statistics of a layer")
	}
	if _, _, err := (UNet{Channels: [4]int{2, 3, 4, 6}}).Fold(ps, stats); err == nil {
		t.Error("weights of another network were folded")
	}
}

func TestUNetValidate(t *testing.T) {
	if err := ReferenceUNet.Validate(); err != nil {
		t.Error(err)
	}
	if err := (UNet{Channels: [4]int{8, 0, 8, 8}}).Validate(); err == nil {
		t.Error("a network without maps was taken")
	}
}
