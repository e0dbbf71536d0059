package models

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// littleUNet has few channels, each number of its own; one is normalised in two
// groups.
var littleUNet = UNet{Channels: [4]int{2, 3, 8, 5}}

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

// TestUNetAlone: what a sample gives does not depend on those beside it.
func TestUNetAlone(t *testing.T) {
	u := UNet{Channels: [4]int{4, 3, 8, 5}} // with several groups, and with one
	rng := rand.New(rand.NewPCG(6, 6))
	ps := u.NewParams(rng, 0.1)
	x := outlineInput(rng, 3)["x"]
	run := func(rows int, x []float32) []float32 {
		g := u.NewGraph(tensor.Float32)
		p, err := compute.Compile(gorgonia.Nodes{u.Outline(g, g.Input("x", edges(3, OutlineEdge, rows, outlineInputs)...))}, ps.Bound(), compute.Options{Backends: cpu.List()})
		if err != nil {
			t.Fatal(err)
		}
		return outputsOf(p, 1, map[string][]float32{"x": x})[0]
	}
	together, n := run(3, x), outlineInputs*cube(OutlineEdge, 3)
	for row := range 3 {
		alone := run(1, x[row*n:(row+1)*n])
		var want []float64
		for _, v := range alone {
			want = append(want, float64(v))
		}
		close64(t, fmt.Sprintf("row %d", row), [][]float32{together[row*len(alone) : (row+1)*len(alone)]}, [][]float64{want}, 1e-5)
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
