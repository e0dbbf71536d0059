package detector

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/detector/internal/detectortest"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
	"github.com/nodulescope/nodulescope/nodule"
)

// openDevice opens the first device, whatever it is, with two runs at once, or
// skips.
func openDevice(t *testing.T) *gpu.Backend {
	t.Helper()
	all, missing := gpu.Devices()
	if len(all) == 0 {
		t.Skip("no device (Debian's pocl-opencl-icd is one): ", missing)
	}
	b, err := gpu.Open(all[0], gpu.Options{Lanes: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// TestSeriesShareBatches: patches of concurrent callers have the scores that
// they have alone, to the bit, beside a patch of NaN and one that is cancelled,
// on a device and on the processor.
func TestSeriesShareBatches(t *testing.T) {
	b := openDevice(t)
	spoilt := detectortest.Patch(9)
	for i := range spoilt.Voxels {
		spoilt.Voxels[i] = float32(math.NaN())
	}
	for _, on := range []compute.Backend{b, nil} {
		for _, d := range []Detector{untrained(t), untrainedGAN(t, shortSearch)} {
			Place([]Detector{d}, on)
			var patches []nodule.Patch
			var alone []Score
			n := 4
			if d.Name() == GANName {
				n = 2 // a search takes long
			}
			for i := range n {
				patches = append(patches, detectortest.Patch(uint64(i)))
				s, err := d.Score(context.Background(), patches[i:])
				if err != nil {
					t.Fatal(err)
				}
				alone = append(alone, s...)
			}
			if m := alone[0].Machine; on != nil && m != b.Machine() || on == nil && m != cpu.List()[0].Machine() {
				t.Fatalf("%s was computed by %v", d.Name(), m)
			}
			var all sync.WaitGroup
			for i := range patches {
				all.Go(func() {
					got, err := d.Score(context.Background(), []nodule.Patch{patches[i], patches[(i+1)%n]})
					if err != nil {
						t.Error(err)
						return
					}
					if diff := cmp.Diff(alone[i], got[0]) + cmp.Diff(alone[(i+1)%n], got[1]); diff != "" {
						t.Errorf("%s: patch %d (-alone +together):\n%.500s", d.Name(), i, diff)
					}
				})
			}
			all.Go(func() { // more than a run takes
				if d.Name() == GANName || on == nil {
					return // a search of so many takes long, and the processor takes one at a time
				}
				many := slices.Repeat(patches, 5)[:17]
				got, err := d.Score(context.Background(), many)
				if err != nil {
					t.Error(err)
					return
				}
				for i := range got {
					if diff := cmp.Diff(alone[i%n], got[i]); diff != "" {
						t.Errorf("%s: row %d of many (-alone +together):\n%.500s", d.Name(), i, diff)
					}
				}
			})
			all.Go(func() { // what comes of it is the detector's business
				_, _ = d.Score(context.Background(), []nodule.Patch{spoilt})
			})
			all.Go(func() {
				ctx, cancel := context.WithCancel(context.Background())
				go cancel()
				_, _ = d.Score(ctx, []nodule.Patch{detectortest.Patch(8)})
			})
			all.Wait()
		}
	}
}

// TestPlacedAgain: a device that fails leaves scores to the processor, which
// they tell; placed on a fresh one, the detector gives the scores that it had.
func TestPlacedAgain(t *testing.T) {
	for _, d := range []Detector{untrained(t), untrainedGAN(t, shortSearch)} {
		score := func() Score {
			s, err := d.Score(context.Background(), []nodule.Patch{detectortest.Patch(1)})
			if err != nil {
				t.Fatal(err)
			}
			return s[0]
		}
		first := openDevice(t)
		Place([]Detector{d}, first)
		want := score()
		first.Failed(gpu.ErrLost)
		if got := score(); got.Machine != cpu.List()[0].Machine() || math.Abs(got.Raw/want.Raw-1) > 1e-3 {
			t.Errorf("%s: %g by %v, on the device %g", d.Name(), got.Raw, got.Machine, want.Raw)
		}
		Place([]Detector{d}, openDevice(t))
		if diff := cmp.Diff(want, score()); diff != "" {
			t.Errorf("%s on a fresh device (-before +after):\n%.500s", d.Name(), diff)
		}
	}
}
