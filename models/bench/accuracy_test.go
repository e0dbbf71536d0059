package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var script = filepath.Join("..", "..", "docs", "peer", "torch_accuracy.py")

// small networks that the plain operators compute in seconds.
func small() AccuracyOptions {
	return AccuracyOptions{Dims: 2, Batch: 2, Seeds: 1, Threads: 1}.withDefaults()
}

func needTorch(t *testing.T) {
	t.Helper()
	if err := exec.CommandContext(t.Context(), Python, "-c", "import torch").Run(); err != nil {
		t.Skipf("%s has no torch (python3-torch of Debian): %v", Python, err)
	}
}

// TestPeerIsTheSameNetwork compares every output and gradient of the peer in
// float64 with the plain operators in float64 on Gorgonia's tape machine: both
// sides define the same networks. Then one weight is changed, by a thousandth
// of the largest, on our side alone, which must be seen.
func TestPeerIsTheSameNetwork(t *testing.T) {
	needTorch(t)
	o, dir := small(), t.TempDir()
	networks := o.networks(1)
	peer, err := runPeer(t.Context(), script, dir, networks, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(peer.Peer, "PyTorch") || len(peer.Flips) != len(networks) {
		t.Errorf("the peer says %+v", peer)
	}
	for _, n := range networks {
		folder := filepath.Join(dir, n.folder())
		_, out, err := n.build(tensor.Float32)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := filepath.Glob(filepath.Join(folder, "f64", "kink.*.npy"))
		if err != nil || len(theirs) != len(out.kinks) || len(theirs) < 6 {
			t.Errorf("%s: %d activations here, %d at the peer", n.name, len(out.kinks), len(theirs))
		}
		for i, x := range tape(t, n) {
			want, err := loadArray(filepath.Join(folder, "f64", out.names[i]+".npy"), out.nodes[i].Shape())
			if err != nil {
				t.Fatal(err)
			}
			if e := relative(x, want); !(e <= 1e-9) {
				t.Errorf("%s: %s differs by %.2g of the largest value in float64", n.name, out.names[i], e)
			}
		}
		rows, flips, err := n.compare(folder, o)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range flips {
			if f > 3 { // of 100,000 or more; rounding moves hardly one
				t.Errorf("%s on %s: %d activations have another sign than in float64", n.name, o.Kernels[i], f)
			}
		}
		for _, e := range rows {
			if worst := maximum(e.Ours); !gradient(e.Tensor) && !(worst <= outputBound) {
				t.Errorf("%s: %s errs by %.2g of the largest value", n.name, e.Tensor, worst)
			}
		}
		top := 0.0
		w := n.params[len(n.params)-4].Data // of a convolution or of the critic score
		for _, v := range w {
			top = max(top, math.Abs(float64(v)))
		}
		right := w[len(w)/2]
		w[len(w)/2] += float32(top / 1000)
		wrong, _, err := n.compare(folder, o)
		w[len(w)/2] = right
		if err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for _, e := range wrong {
			worst = max(worst, maximum(e.Ours))
		}
		if worst < 2*outputBound {
			t.Errorf("%s: a wrong weight changes nothing by more than %.2g", n.name, worst)
		}
	}
}

func maximum(x []float64) float64 {
	m := 0.0
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

// tape runs the plain operators in float64.
func tape(t *testing.T, n network) [][]float64 {
	t.Helper()
	g, out, err := n.build(tensor.Float64)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range append(n.params[:len(n.params):len(n.params)], n.inputs...) {
		d := make([]float64, len(p.Data))
		for i, v := range p.Data {
			d[i] = float64(v)
		}
		if err := gorgonia.Let(g.Input(p.Name, p.Shape...), tensor.New(tensor.WithShape(p.Shape...), tensor.WithBacking(d))); err != nil {
			t.Fatal(err)
		}
	}
	values := make([]gorgonia.Value, len(out.nodes))
	for i, n := range out.nodes {
		gorgonia.Read(n, &values[i])
	}
	vm := gorgonia.NewTapeMachine(g.G)
	defer func() { _ = vm.Close() }()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	r := make([][]float64, len(values))
	for i, v := range values {
		r[i] = v.Data().([]float64)
	}
	return r
}

// TestAccuracy runs the whole comparison on the small networks.
func TestAccuracy(t *testing.T) {
	needTorch(t)
	o := small()
	o.Kernels = cpu.Names()[:1]
	r, err := Accuracy(t.Context(), script, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Agreements) != 1 || r.Agreements[0].Outputs != 14 || r.Agreements[0].OutputsWithin != 14 || r.Agreements[0].Gradients != 27 {
		t.Errorf("agreements %+v", r.Agreements)
	}
	for _, e := range r.Tensors {
		if !gradient(e.Tensor) && e.Seeds != 1 {
			t.Errorf("%s %s: %d seeds of 1", e.Network, e.Tensor, e.Seeds)
		}
	}
}

// One seed on the fastest kernels; it needs Debian's python3-torch.
func ExampleAccuracy() {
	r, err := Accuracy(context.Background(), "docs/peer/torch_accuracy.py", AccuracyOptions{Seeds: 1, Kernels: cpu.Names()[:1]})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Agreements[0].OK())
}

// TestScriptFails tells a script that is not there from one that says nothing.
func TestScriptFails(t *testing.T) {
	if _, err := Accuracy(t.Context(), "none.py", small()); !errors.Is(err, ErrPeer) {
		t.Errorf("a script that is not there: %v", err)
	}
	if _, err := os.Stat(Python); err != nil {
		t.Skip(err)
	}
	silent := filepath.Join(t.TempDir(), "silent.py")
	if err := os.WriteFile(silent, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Accuracy(t.Context(), silent, small()); !errors.Is(err, ErrPeer) || !strings.Contains(err.Error(), "no JSON") {
		t.Errorf("a script that prints nothing: %v", err)
	}
}

// TestReport merges seeds, leaves gradients across a kink out and counts what
// is within the bounds.
func TestReport(t *testing.T) {
	r := AccuracyReport{Peer: "P", Sets: []string{"a", "b"}, Threads: 1, Batch: 2, Seeds: 2}
	rows := func(f float64) []TensorError {
		return []TensorError{
			{"vae", "mean", []int{2, 3}, 1, 1e-7, []float64{f * 1e-6, f * 4e-6}},
			{"vae", "grad.w", []int{3}, 1, 1e-6, []float64{f * 1e-6, 3e-6}},
			{"vae", "grad.b", []int{1}, 1, 0, []float64{0, 0}},
		}
	}
	r.add(rows(1), Flips{"vae", 0, 0, []int{0, 0}})
	r.add(rows(2), Flips{"vae", 1, 0, []int{0, 1}})
	r.judge()
	if e := r.Tensors[1]; e.Seeds != 1 || e.Ours[0] != 1e-6 {
		t.Errorf("a gradient across a kink counts: %+v", e)
	}
	a, b := r.Agreements[0], r.Agreements[1]
	if !a.OK() || a.WorstOutput != 2e-6 || a.GradsWithin != 2 || math.Abs(a.WorstRatio-1) > 1e-9 {
		t.Errorf("a: %+v", a)
	}
	if b.OK() || b.OutputsWithin != 0 || b.GradsWithin != 1 || math.Abs(b.WorstRatio-3) > 1e-9 || b.RatioAt != "vae grad.w" {
		t.Errorf("b: %+v", b)
	}
	var text strings.Builder
	if err := r.WriteTable(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"vae      grad.w                       1.0e-06  1.0e-06  3.0e-06   3.00\n",
		"left out: gradients of vae with seed 1; an activation is on the other side of 0 than in float64 (peer: 0, a: 0, b: 1)",
		"a       outputs within 5e-06: yes, 1 of 1, the worst 2.0e-06 (vae mean)",
		"gradients within 2 times the peer's error: no, 1 of 2, the worst 3.00 times (vae grad.w)",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	// With nothing that counts, nothing is within.
	r = AccuracyReport{Sets: []string{"a", "b"}, Seeds: 1}
	r.add(rows(1), Flips{"vae", 0, 1, []int{0, 0}})
	if r.judge(); r.Agreements[0].GradsWithin != 0 {
		t.Errorf("gradients that were not compared are within: %+v", r.Agreements[0])
	}
}
