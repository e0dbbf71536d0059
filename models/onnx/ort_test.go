package onnx

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// tolerance bounds max|d|/max|ref| per output, between ONNX Runtime and a plan.
const tolerance = 1e-5

// files of one model, as testdata/run.mjs reads them.
type job struct {
	Model   string  `json:"model"`
	Inputs  []value `json:"inputs"`
	Outputs []value `json:"outputs"`

	Rounds int               `json:"rounds,omitempty"` // 0: 1
	Carry  map[string]string `json:"carry,omitempty"`  // input to the output that it takes in the next round
}

type value struct {
	Name string `json:"name"`
	Dims []int  `json:"dims,omitempty"`
	File string `json:"file"`
}

// writeFile writes a file of a test and returns its path.
func writeFile(t *testing.T, dir, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// runtime is the node that ONNX Runtime is run by; without one the test is
// skipped.
func runtime(t *testing.T) (node string) {
	t.Helper()
	if os.Getenv("NODULESCOPE_ORT") == "" {
		t.Skip("NODULESCOPE_ORT names no folder with onnxruntime-node: run make test-onnx")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: ONNX Runtime is run through it")
	}
	return node
}

// inRuntime runs models in ONNX Runtime.
func inRuntime(t *testing.T, dir string, jobs []job) {
	t.Helper()
	node := runtime(t)
	manifest, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, filepath.Join("testdata", "run.mjs"), writeFile(t, dir, "manifest.json", manifest))
	if log, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ONNX Runtime: %v\n%s", err, log)
	}
}

// compareWithRuntime runs networks in ONNX Runtime and in plans.
func compareWithRuntime(t *testing.T, nets []network) {
	t.Helper()
	dir := t.TempDir()
	var jobs []job
	for i, n := range nets {
		b := n.export(t)
		j := job{Model: writeFile(t, dir, fmt.Sprintf("%d.onnx", i), b), Inputs: []value{}}
		for _, v := range parse(t, b).inputs {
			j.Inputs = append(j.Inputs, value{v.name, v.dims, writeFile(t, dir, fmt.Sprintf("%d-%s.in", i, v.name), rawFloats(n.inputs[v.name]))})
		}
		for _, s := range n.outNames() {
			j.Outputs = append(j.Outputs, value{Name: s, File: filepath.Join(dir, fmt.Sprintf("%d-%s.out", i, s))})
		}
		jobs = append(jobs, j)
	}
	inRuntime(t, dir, jobs)
	worst, where := 0.0, ""
	for i, n := range nets {
		for k, want := range run(t, n) {
			e := difference(t, jobs[i].Outputs[k].File, want)
			if !(e <= tolerance) {
				t.Errorf("%s, output %d %v: differs by %.2g of the largest value", n.name, k, n.outs[k].Shape(), e)
			}
			if e > worst {
				worst, where = e, fmt.Sprintf("%s, output %d", n.name, k)
			}
		}
	}
	t.Logf("%d models, largest max|d|/max|ref| %.2g (%s)", len(nets), worst, where)
}

// run computes the outputs in a plan.
func run(t *testing.T, n network) [][]float32 {
	t.Helper()
	p, err := compute.Compile(n.outs, n.params, compute.Options{Backends: cpu.List()})
	if err != nil {
		t.Fatalf("%s: %v", n.name, err)
	}
	for _, name := range p.Inputs() {
		copy(p.Input(name), n.inputs[name])
	}
	p.Run()
	var outs [][]float32
	for k := range n.outs {
		outs = append(outs, p.Output(k))
	}
	return outs
}

// difference is max|got-want| / max|want| over finite values. It is NaN where
// one side alone is NaN or infinite.
func difference(t *testing.T, file string, want []float32) float64 {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) != 4*len(want) {
		t.Errorf("%s: %d bytes, want %d", filepath.Base(file), len(b), 4*len(want))
		return math.NaN()
	}
	var worst, top float64
	for i, w := range want {
		want := float64(w)
		got := float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
		if got == want || (math.IsNaN(got) && math.IsNaN(want)) {
			if !math.IsInf(want, 0) && !math.IsNaN(want) {
				top = max(top, math.Abs(want))
			}
			continue
		}
		d := math.Abs(got - want)
		if math.IsNaN(d) || math.IsInf(d, 0) {
			return math.NaN()
		}
		worst, top = max(worst, d), max(top, math.Abs(want))
	}
	if top == 0 {
		top = 1
	}
	return worst / top
}

func TestRuntimeOperators(t *testing.T) { compareWithRuntime(t, operators(t)) }

func TestRuntimeNetworks(t *testing.T) {
	for _, n := range []network{
		coder(t, models.VAE{Dims: 2, Latent: 16}, true), coder(t, models.VAE{Dims: 2, Latent: 16}, false),
		coder(t, models.ReferenceVAE, true), coder(t, models.ReferenceVAE, false),
		training(t),
	} {
		t.Run(n.name, func(t *testing.T) { compareWithRuntime(t, []network{n}) })
	}
}

// weights are initial ones with biases that are not zero.
func weights(v models.VAE, rng *rand.Rand) models.Params {
	ps := v.NewParams(rng)
	for _, p := range ps {
		for i := range p.Data {
			p.Data[i] += 0.02 * float32(rng.NormFloat64())
		}
	}
	return ps
}

func uniform(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = rng.Float32()
	}
	return x
}

// coder is the encoder or decoder of a VAE.
func coder(t *testing.T, v models.VAE, encoder bool) network {
	const batch = 3
	rng := rand.New(rand.NewPCG(5, 6))
	g := v.NewGraph(tensor.Float32)
	n := network{params: weights(v, rng).Bound()}
	if encoder {
		n.name = fmt.Sprintf("encoder%dD", v.Dims)
		n.inputs = map[string][]float32{"x": uniform(rng, batch*v.Voxels())}
		mean, logvar := v.Encode(g, g.Input("x", edges(v.Dims, v.Voxels(), batch)...))
		n.outs = gorgonia.Nodes{mean, logvar}
	} else {
		n.name = fmt.Sprintf("decoder%dD", v.Dims)
		n.inputs = map[string][]float32{"z": normal(rng, batch*v.Latent)}
		n.outs = gorgonia.Nodes{v.Decode(g, g.Input("z", batch, v.Latent))}
	}
	if g.Err != nil {
		t.Fatal(g.Err)
	}
	return n
}

// training is the loss of a VAE with the gradients of all its weights.
func training(t *testing.T) network {
	v, batch := models.VAE{Dims: 2, Latent: 16}, 4
	rng := rand.New(rand.NewPCG(7, 8))
	ps := weights(v, rng)
	g := v.NewGraph(tensor.Float32)
	shape := edges(v.Dims, v.Voxels(), batch)
	terms := v.Bound(g, g.Input("x", shape...), g.Input("support", shape...), g.Input("eps", batch, v.Latent))
	loss := g.Mean(g.Add(terms.Recon, terms.KL))
	if g.Err != nil {
		t.Fatal(g.Err)
	}
	grads, err := op.Grad(loss, g.Params(ps)...)
	if err != nil {
		t.Fatal(err)
	}
	support := uniform(rng, batch*v.Voxels())
	for i, s := range support {
		support[i] = float32(math.Round(float64(s)))
	}
	return network{name: "training2D", outs: append(gorgonia.Nodes{loss, terms.Recon, terms.KL}, grads...), params: ps.Bound(),
		inputs: map[string][]float32{"x": uniform(rng, batch*v.Voxels()), "support": support, "eps": normal(rng, batch*v.Latent)}}
}
