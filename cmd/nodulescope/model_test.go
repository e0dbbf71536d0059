package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

// saveModel writes a detector that has learned nothing: fit to be read, to
// score, and to be reproduced.
func saveModel(path string, seed uint64, logistic *stats.Logistic) error {
	header := models.Header{Kind: "vae", Dims: 3, Latent: 64, Preprocessing: nodule.PreprocessingVersion}
	d, err := detector.NewVAEAD(header, models.ReferenceVAE.NewParams(rand.New(rand.NewPCG(seed, 0))),
		detector.Calibration{Reference: []float64{0.01, 0.02}, Threshold: 0.02, Logistic: logistic, Prevalence: 0.25})
	if err != nil {
		return err
	}
	return d.Save(path)
}

// saveGAN writes a GAN-AD that has learned nothing, searches for two steps and
// flags nothing.
func saveGAN(path string) error {
	n := models.ReferenceGAN
	g, c := n.NewParams(rand.New(rand.NewPCG(1, 1)))
	d, err := detector.NewGANAD(&models.TrainedGAN{GAN: n, Generator: g, Critic: c, Header: models.Header{
		Kind: "gan", Dims: 3, Latent: n.Latent, Loss: models.WGANGP, Prior: models.UniformPrior, Preprocessing: nodule.PreprocessingVersion,
	}}, models.SearchSettings{Steps: 2}, detector.Calibration{Reference: []float64{0.001, 100}, Threshold: 100})
	if err != nil {
		return err
	}
	return d.Save(path)
}

// testModel is the file of a detector for tests.
func testModel(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := saveModel(path, 1, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadDetectorRefusesDamage(t *testing.T) {
	path := testModel(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	altered := append([]byte(nil), whole...)
	altered[len(altered)-5] ^= 1
	for name, content := range map[string][]byte{
		"cut": whole[:len(whole)/2], "cut in the header": whole[:100], "empty": nil, "text": []byte("weights"), "altered": altered,
	} {
		t.Run(name, func(t *testing.T) {
			damaged := filepath.Join(t.TempDir(), "damaged.safetensors")
			if err := os.WriteFile(damaged, content, 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := loadDetectors([]string{damaged}); err == nil || exitCode(t.Context(), err) != exitBadInput {
				t.Errorf("exit code %d for %v, want %d", exitCode(t.Context(), err), err, exitBadInput)
			}
		})
	}
	if _, err := loadDetectors([]string{path}); err != nil {
		t.Errorf("the whole file is refused: %v", err)
	}
}
