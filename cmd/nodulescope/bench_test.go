package main

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/models/bench"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
)

// TestAccuracyFlags are refused before anything runs where they make no sense.
func TestAccuracyFlags(t *testing.T) {
	for _, c := range []struct {
		o    benchOptions
		want string
	}{
		{benchOptions{threads: 1, accuracy: true, seeds: 1}, "it needs --peer docs/peer/torch_accuracy.py"},
		{benchOptions{threads: 1, accuracy: true, seeds: 1, steps: true, peer: "x.py"}, "takes no --steps"},
		{benchOptions{threads: 1, accuracy: true, peer: "x.py"}, "give 1 to 100"},
		{benchOptions{threads: 1, accuracy: true, seeds: 1, kernels: "go", peer: "none.py"}, "install Debian's python3-torch"},
	} {
		var out bytes.Buffer
		ctx := context.Background()
		err := runBench(ctx, c.o, &out, &out)
		if exitCode(ctx, err) != exitUsage || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
}

// TestPeers: only the plain table takes two peers, each is held against the works
// that it has, and the table tells how ONNX Runtime is got where it is missing.
func TestPeers(t *testing.T) {
	two := []string{"bench", "--peer", "a.py", "--peer", "b.mjs"}
	for _, mode := range [][]string{{"--accuracy"}, {"--whole"}, {"--series", "."}, {"--device", "gpu"}} {
		if _, stderr := command(t, exitUsage, append(two, mode...)...); !strings.Contains(stderr, "more than one --peer") {
			t.Errorf("%v: %s", mode, stderr)
		}
	}
	t.Setenv("NODULESCOPE_ORT", "")
	_, _, err := runPeer(t.Context(), benchOptions{peer: "../../docs/peer/onnx_bench.mjs", threads: 1})
	if exitCode(t.Context(), err) != exitUsage || !strings.Contains(err.Error(), "make onnxruntime") {
		t.Errorf("without ONNX Runtime: %v", err)
	}
	rows := []bench.Result{{Name: "score", MS: 2, PeerMS: 3, Ratio: 1.5}, {Name: "train", MS: 5}}
	others := against(rows, []peerReport{{Peer: "runtime 1", MS: map[string]float64{"score": 6}}}, []peerReport{{MS: map[string]float64{"score": 10}}})
	r := benchReport{Rows: rows, Others: others}
	var b strings.Builder
	r.table(&b)
	for _, want := range []string{"1.5x", "peer: runtime 1", "8.00", "4.0x"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if len(others) != 1 || len(others[0].Rows) != 1 {
		t.Errorf("the other peer has %+v", others)
	}
}

// TestONNXBench runs the script of ONNX Runtime as bench does (make test-onnx).
func TestONNXBench(t *testing.T) {
	if os.Getenv("NODULESCOPE_ORT") == "" {
		t.Skip("NODULESCOPE_ORT names no folder with onnxruntime-node: run make test-onnx")
	}
	ms, name, err := runPeer(t.Context(), benchOptions{peer: "../../docs/peer/onnx_bench.mjs", threads: 2})
	if err != nil || !strings.HasPrefix(name, "ONNX Runtime 1.") || ms["vae score b1"] <= 0 || ms["vae score b32"] <= ms["vae score b1"] {
		t.Errorf("%s: %v, %v", name, ms, err)
	}
}

// TestDeviceBench: what does not go together is refused, and the table says
// what was timed.
func TestDeviceBench(t *testing.T) {
	for _, args := range [][]string{{"--accuracy"}, {"--steps"}, {"--kernels", "go"}} {
		if _, stderr := command(t, exitUsage, append([]string{"bench", "--device", "gpu"}, args...)...); !strings.Contains(stderr, "takes no") {
			t.Errorf("%v: %s", args, stderr)
		}
	}
	command(t, exitUsage, "bench", "--device", "opencl:77")
	if _, stderr := command(t, exitUsage, "bench", "--device", "gpu", "--precision", "float64"); !strings.Contains(stderr, "float64") && !strings.Contains(stderr, "no such device") {
		t.Errorf("--precision float64: %s", stderr)
	}
	card := gpu.Device{API: gpu.CUDA, Capability: "9.0"}
	if ps := otherPrecisions(card, ""); !slices.Equal(ps, []gpu.Precision{gpu.TF32, gpu.TF32x3, gpu.BF16}) {
		t.Errorf("beside float32 %v are timed", ps)
	}
	if ps := otherPrecisions(card, "float32"); ps != nil {
		t.Errorf("float32 was named, and %v are timed too", ps)
	}
	if ps := otherPrecisions(gpu.Device{API: gpu.OpenCL, Type: gpu.CPU}, ""); ps != nil {
		t.Errorf("on a processor %v are timed", ps)
	}
	r := deviceBench{Device: gpu.Device{API: gpu.CUDA, Name: "card", Driver: "CUDA 12.4"}, Precision: "float32", ColdMS: 812, OnCPU: []string{"large"},
		Rows: []bench.Result{{Name: "vae-ad, 1 nodules", MS: 0.5, GFLOP: 1, GFLOPS: 2000, PeerMS: 1.5, Ratio: 3}}}
	var b strings.Builder
	r.table(&b)
	for _, want := range []string{"cuda:0 card", "812 ms", "vae-ad, 1 nodules", "3.0x", "on the processor: large"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
