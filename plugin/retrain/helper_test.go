package retrain

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// mark stands in the name of everything that a patient could be known by.
const mark = "zzmark"

// nodules are balls in noise, two of a patient: small ones look benign, large ones
// suspicious, and every fifth was not decided.
func nodules(n int, seed uint64) []nodule.Sample {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]nodule.Sample, n)
	for i := range out {
		diameter := 6 + 12*rng.Float64()
		wall := rng.IntN(5)
		calcified := rng.IntN(5) == 0
		density := 20 + 40*rng.NormFloat64()
		cube := &nodule.Cube{HU: make([]float32, nodule.CubeVoxels), Valid: make([]bool, nodule.CubeVoxels)}
		for v := range cube.HU {
			d := 0.0
			for _, stride := range [3]int{nodule.CubeSize * nodule.CubeSize, nodule.CubeSize, 1} {
				x := float64(v/stride%nodule.CubeSize) - (nodule.CubeSize-1)/2.0
				d += x * x
			}
			inside := 1 / (1 + math.Exp(2*(math.Sqrt(d)-diameter/2)))
			if cube.HU[v], cube.Valid[v] = float32(-850+inside*(850+density)+25*rng.NormFloat64()), true; calcified && d < 9 {
				cube.HU[v] = 500
			}
			if v%nodule.CubeSize < wall {
				cube.HU[v] = float32(30 + 20*rng.NormFloat64())
			}
		}
		s := nodule.NewSample(cube, nil)
		s.Patient, s.Nodule = fmt.Sprintf("%s%s%04d-%d", nodule.SitePatient, mark, i/2, seed), fmt.Sprintf("nodule-%s-%d", mark, i)
		s.SeriesUID = fmt.Sprintf("series-%s-%d", mark, i/2)
		s.DiameterMM, s.Readers, s.Malignancy = diameter, 1, 2
		if diameter+rng.NormFloat64() > 11 {
			s.Malignancy = 4
		}
		if i%5 == 0 {
			s.Malignancy, s.Readers = 3, 0
		}
		s.Label = nodule.LabelOf(s.Malignancy)
		out[i] = s
	}
	return out
}

// save writes a data set without a card.
func save(t testing.TB, samples []nodule.Sample) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "site.npz")
	plugintest.Must(t, nodule.SaveNPZ(path, samples))
	return path
}

func load(t testing.TB, samples []nodule.Sample) *Data {
	t.Helper()
	d, err := LoadData(save(t, samples), nil)
	plugintest.Must(t, err)
	return d
}

// incumbent is a small set, made once: detectors that were never trained, and rungs
// of other nodules.
var incumbent = sync.OnceValues(func() (*Set, error) {
	dir, err := os.MkdirTemp("", "retrain-test-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // of this test
	network := filepath.Join(dir, "outline.safetensors")
	if err := plugintest.Network().Save(network); err != nil {
		return nil, err
	}
	o, err := outline.Load(network)
	if err != nil {
		return nil, err
	}
	ds := &nodule.Dataset{Samples: nodules(160, 99)}
	cases, _, err := rungs.Cases(context.Background(), ds, rungs.ByNetwork(o), nil)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(7, 7))
	for i := range cases { // so few balls have features of one value
		for k := range cases[i].Features {
			cases[i].Features[k] += 0.01 * rng.NormFloat64()
		}
	}
	r, err := rungs.Train(context.Background(), cases, rungs.TrainOptions{Seed: 1, Outline: rungs.OutlineNetwork, Network: o.Digest(), Data: "sha256:elsewhere", Attribution: "other nodules"})
	if err != nil {
		return nil, err
	}
	if err := r.Save(filepath.Join(dir, rungsFile)); err != nil {
		return nil, err
	}
	vae, err := plugintest.Untrained(1)
	if err != nil {
		return nil, err
	}
	files := SetFiles{Rungs: filepath.Join(dir, rungsFile), Outline: network}
	for name, d := range map[string]interface{ Save(string) error }{"a": vae, "b": untrainedGAN()} {
		path := filepath.Join(dir, name)
		if err := d.Save(path); err != nil {
			return nil, err
		}
	}
	files.Detectors = []string{filepath.Join(dir, "a"), filepath.Join(dir, "b")}
	return LoadSet(files)
})

// writeSet writes the files of a set for another process.
func writeSet(t testing.TB, s *Set) SetFiles {
	t.Helper()
	files, err := s.files()
	plugintest.Must(t, err)
	dir := t.TempDir()
	out := SetFiles{Rungs: filepath.Join(dir, rungsFile), Outline: filepath.Join(dir, "outline.safetensors")}
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		plugintest.Must(t, os.WriteFile(path, f.bytes, 0o600))
		if f.role == RoleDetector {
			out.Detectors = append(out.Detectors, path)
		}
	}
	return out
}

func untrainedGAN() *detector.GANAD {
	n := models.ReferenceGAN
	g, c := n.NewParams(rand.New(rand.NewPCG(5, 6)))
	d, err := detector.NewGANAD(&models.TrainedGAN{GAN: n, Generator: g, Critic: c, Encoder: n.NewEncoder(rand.New(rand.NewPCG(7, 8))), Header: models.Header{
		Kind: "gan", Dims: n.Dims, Latent: n.Latent, Loss: models.WGANGP, Prior: models.UniformPrior, Encoder: true, Preprocessing: nodule.PreprocessingVersion,
	}}, models.SearchSettings{Steps: 1, Encoder: true, Optimiser: models.AdamSearch}, detector.Calibration{Reference: []float64{100, 200}, Threshold: 300})
	if err != nil {
		panic(err)
	}
	return d
}

var day = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

// options are those of a small retraining in folders of their own.
func options(t testing.TB, d *Data) Options {
	t.Helper()
	set, err := incumbent()
	plugintest.Must(t, err)
	dir := t.TempDir()
	return Options{Data: d, Incumbent: set, Settings: Settings{Epochs: 2, Batch: 8, Rates: []float64{1e-3, 1e-4}, GANSteps: 1}, Software: "test",
		Dir: filepath.Join(dir, "state"), Out: filepath.Join(dir, "out"), Now: func() time.Time { return day }}
}

func plan(t testing.TB, o Options) *Plan {
	t.Helper()
	p, err := NewPlan(o)
	plugintest.Must(t, err)
	return p
}
