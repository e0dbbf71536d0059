package bench

import (
	"context"
	"math"
	"runtime"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
)

// TestWorks runs every work once on one and on two workers: it needs the same
// FLOPs, and those that the shapes of the reference networks tell.
func TestWorks(t *testing.T) {
	ws, err := Works(onTwo(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range ws {
		w.Run()
		if w.FLOPs <= 0 || len(w.Plan.Profile(1)) == 0 {
			t.Errorf("%s: %d FLOPs", w.Name, w.FLOPs)
		}
	}
	// Encoder and decoder of one patch, convolutions and products alone.
	enc := 14*14*14*32*27 + 7*7*7*64*32*27 + 4*4*4*128*64*27 + 2*8192*64
	dec := 64*8192 + 7*7*7*64*128*8 + 14*14*14*32*64*8 + 28*28*28*32*8
	need := float64(2 * (enc + dec))
	if got := float64(ws[0].FLOPs); math.Abs(got-need) > 0.02*need {
		t.Errorf("a scoring pass needs %.4g FLOPs, counted %.4g", need, got)
	}
	if 32*ws[0].FLOPs != ws[1].FLOPs {
		t.Errorf("32 patches need %d FLOPs, one %d", ws[1].FLOPs, ws[0].FLOPs)
	}
}

func TestSearchMemory(t *testing.T) {
	mib, err := SearchMemory(onTwo(t))
	if err != nil {
		t.Skip("resident memory cannot be read here:", err)
	}
	if mib < 0 || mib > 2000 {
		t.Errorf("a search takes %g MiB", mib)
	}
}

func TestMedianEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Median(ctx, func() {}); err == nil {
		t.Error("a cancelled context did not end the measurement")
	}
}

// onTwo are options for two workers.
func onTwo(t *testing.T) compute.Options {
	t.Helper()
	b, err := cpu.New(cpu.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	return compute.Options{Backends: []compute.Backend{b}}
}

// TestTime: a work that keeps a processor busy shows in every figure.
func TestTime(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processor time is known on linux alone")
	}
	n := 0
	got, err := Time(t.Context(), func() {
		for start := processorTime(); processorTime() < start+20; {
			n++
		}
	})
	if err != nil || n == 0 || got.Least > got.Median || got.Median > got.Most || got.CPU < 20 {
		t.Errorf("%+v, %v", got, err)
	}
	if Load() <= 0 {
		t.Error("no load of the machine")
	}
}
