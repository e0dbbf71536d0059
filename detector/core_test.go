package detector

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/detector/internal/detectortest"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

// TestDetectorOfTheCore: one that was trained on the core of patches alone scores
// on, by nothing but the core, and its reconstruction shows no difference where it
// does not look.
func TestDetectorOfTheCore(t *testing.T) {
	whole := untrainedGAN(t, shortSearch)
	g := newGAN()
	g.Header.Preprocessing = nodule.CoreVersion
	d, err := NewGANAD(g, shortSearch, whole.Calibration())
	if err != nil {
		t.Fatal(err)
	}
	p := detectortest.Patch(1)
	got, of := scoreGAN(t, d, p)[0], scoreGAN(t, d, p.Core())[0]
	if got.Raw != of.Raw || got.Raw == scoreGAN(t, whole, p)[0].Raw {
		t.Errorf("score %g, of the core %g", got.Raw, of.Raw)
	}
	core := p.Core()
	for i, v := range got.Reconstruction {
		if seen := core.Support[i] != 0; !seen && v != p.Voxels[i] {
			t.Fatalf("voxel %d, where it does not look, is %g and not %g", i, v, p.Voxels[i])
		}
	}
}

// TestDetectorWithEncoder: what it is survives its file, and a search starts where
// the encoder says, whatever else is scored.
func TestDetectorWithEncoder(t *testing.T) {
	g := newGAN()
	g.Encoder, g.Header.Encoder = g.GAN.NewEncoder(rand.New(rand.NewPCG(5, 6))), true
	d, err := NewGANAD(g, EncoderSearch(models.SearchSettings{Lambda: 0}), Calibration{Reference: []float64{0.1}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if s := again.(*GANAD).Search(); !s.Encoder || s.Optimiser != models.AdamSearch || s.Steps != 5 || s.Lambda != models.Off {
		t.Errorf("settings of the search: %+v", s)
	}
	one, many := scoreGAN(t, d, detectortest.Patch(2))[0], scoreGAN(t, again.(*GANAD), detectortest.Patch(1), detectortest.Patch(2))
	if diff := cmp.Diff(one, many[1]); diff != "" {
		t.Errorf("alone and in company:\n%.400s", diff)
	}
	if n := len(one.Curve); n < 3 || n > 6 {
		t.Errorf("%d entries of the curve", n)
	}
	if _, err := NewGANAD(newGAN(), EncoderSearch(models.SearchSettings{}), Calibration{Reference: []float64{0.1}}); err == nil {
		t.Error("a search from an encoder that is not there was taken")
	}
}
