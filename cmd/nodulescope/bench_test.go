package main

import (
	"bytes"
	"context"
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
