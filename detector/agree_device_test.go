package detector

import (
	"context"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute/gpu"
	"github.com/nodulescope/nodulescope/nodule"
)

// agreementEnv names a data set (.npz) on which devices must agree with the
// processor.
const agreementEnv = "NODULESCOPE_GPU_DATA"

// ganDeviceBound is how far a probability of GAN-AD may be from the
// processor's: a hundred steps of a search let rounding grow. With factors
// rounded to BF16 it was 1.3e-3 on 32 nodules (docs/peer/torch_precision.py).
const ganDeviceBound = 1e-2

// TestDevicesAgreeOnData scores a data set on the processor and on every device,
// in every precision that it has: probabilities agree within the bounds, and no
// two nodules change places whose probabilities on the processor are further
// apart than the bound. OpenCL on a processor alone gets the first few nodules:
// it is slow, and with tensor cores, which it plays, so slow that GAN-AD is left
// out.
func TestDevicesAgreeOnData(t *testing.T) {
	path := os.Getenv(agreementEnv)
	if path == "" {
		t.Skip("set " + agreementEnv + " to a data set in NPZ")
	}
	devices, missing := gpu.Devices()
	if len(devices) == 0 {
		t.Skip("no device: ", missing)
	}
	ds, err := nodule.LoadNPZ(path)
	if err != nil {
		t.Fatal(err)
	}
	limit := len(ds.Samples)
	card := slices.ContainsFunc(devices, func(d gpu.Device) bool { return d.Type != gpu.CPU })
	if !card {
		limit = min(limit, 4)
	}
	var patches []nodule.Patch
	for i := range limit {
		p := nodule.Central(ds.Samples[i].Cube())
		if p.CheckSupport() == nil {
			patches = append(patches, p)
		}
	}
	all, err := PretrainedAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		bound := deviceBound
		if d.Name() == GANName {
			bound = ganDeviceBound
		}
		Place([]Detector{d}, nil)
		want, err := d.Score(context.Background(), patches)
		if err != nil {
			t.Fatal(err)
		}
		for _, dev := range devices {
			for _, p := range gpu.Precisions {
				played := p != gpu.Float32 && dev.Type == gpu.CPU
				if gpu.Lacks(dev, p) != "" || (played && (card || d.Name() == GANName)) {
					continue
				}
				agreeOn(t, dev, p, d, patches, want, bound)
			}
		}
	}
}

// agreeOn scores on a device in a precision.
func agreeOn(t *testing.T, dev gpu.Device, p gpu.Precision, d Detector, patches []nodule.Patch, want []Score, bound float64) {
	t.Helper()
	b, err := gpu.OpenFirst([]gpu.Device{dev}, gpu.Options{Precision: p})
	if err != nil {
		t.Error(err)
		return
	}
	defer b.Close()
	Place([]Detector{d}, b)
	got, err := d.Score(context.Background(), patches)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Err(); err != nil {
		t.Fatal(err)
	}
	probability, raw := 0.0, 0.0
	chance := func(s Score) float64 {
		if s.Probability == nil {
			return s.Raw
		}
		return *s.Probability
	}
	for i := range got {
		probability = math.Max(probability, math.Abs(chance(got[i])-chance(want[i])))
		raw = math.Max(raw, math.Abs(got[i].Raw-want[i].Raw))
	}
	swaps := 0
	for i := range got {
		for j := range i {
			if (chance(got[i]) < chance(got[j])) != (chance(want[i]) < chance(want[j])) && math.Abs(chance(want[i])-chance(want[j])) > bound {
				swaps++
			}
		}
	}
	t.Logf("%s on %s (%s, %s): %d nodules, probability differs by at most %.2g, raw score by %.2g, %d pairs swapped", d.Name(), dev.ID(), dev.Name, p, len(got), probability, raw, swaps)
	if probability > bound || swaps > 0 {
		t.Errorf("%s on %s, %s: more than the bound of %g", d.Name(), dev.ID(), p, bound)
	}
}
