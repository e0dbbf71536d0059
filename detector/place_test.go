package detector

import (
	"context"
	"math"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute/gpu"
	"github.com/nodulescope/nodulescope/nodule"
)

// deviceBound is how far a probability of VAE-AD may be from the processor's.
const deviceBound = 1e-3

// TestPlace scores on the first device, whatever it is, with the weights in the
// binary.
func TestPlace(t *testing.T) {
	all, missing := gpu.Devices()
	if len(all) == 0 {
		t.Skip("no device (Debian's pocl-opencl-icd is one): ", missing)
	}
	d, err := Pretrained()
	if err != nil {
		t.Fatal(err)
	}
	var patches []nodule.Patch
	for i := range 2 {
		p := nodule.Patch{Voxels: make([]float32, nodule.PatchVoxels), Support: make([]float32, nodule.PatchVoxels)}
		for j := range p.Voxels {
			p.Voxels[j], p.Support[j] = float32((i+3)*j%997)/1000, 1
		}
		patches = append(patches, p)
	}
	want, err := d.Score(context.Background(), patches)
	if err != nil {
		t.Fatal(err)
	}
	b, err := gpu.OpenFirst(all[:1], gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	Place([]Detector{d}, b)
	got, err := d.Score(context.Background(), patches)
	if err != nil {
		t.Fatal(err)
	}
	if b.Used() == 0 {
		t.Error("the device was not used")
	}
	for i, s := range got {
		if math.Abs(*s.Probability-*want[i].Probability) > deviceBound || math.Abs(s.Raw/want[i].Raw-1) > 1e-5 || len(s.Terms) != len(want[i].Terms) {
			t.Errorf("patch %d: %g (raw %g), on the processor %g (raw %g)", i, *s.Probability, s.Raw, *want[i].Probability, want[i].Raw)
		}
	}
	patches[1].Support = nil
	if _, err := d.Score(context.Background(), patches); err == nil {
		t.Error("a patch without support was scored")
	}
}
