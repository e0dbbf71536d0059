package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
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
