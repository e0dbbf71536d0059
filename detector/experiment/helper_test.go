package experiment

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/detector/internal/detectortest"
	"github.com/nodulescope/nodulescope/nodule/mnist"
)

// squares stands in for MNIST: a digit is a bright square at a place of its
// own, on noise.
type squares struct{ opened int }

func (s *squares) Digest() string       { return "sha256:squares" }
func (s *squares) Training() *mnist.Set { return drawSquares(90, 0, 1) }
func (s *squares) Choice() *mnist.Set   { return drawSquares(18, 12, 2) }
func (s *squares) Test() (*mnist.Set, error) {
	s.opened++
	return drawSquares(18, 12, 3), nil
}

func drawSquares(normals, nines int, seed uint64) *mnist.Set {
	rng := rand.New(rand.NewPCG(seed, 7))
	s := &mnist.Set{}
	for i := range normals + nines {
		digit := i % 9
		if i >= normals {
			digit = mnist.Anomaly
		}
		image := make([]float32, mnist.Pixels)
		for j := range image {
			image[j] = 0.1 * rng.Float32()
		}
		for y := range 6 {
			for x := range 6 {
				image[(3+2*(digit%5)+y)*mnist.Size+3+7*(digit/5)+x+rng.IntN(2)] = 0.9
			}
		}
		s.Pixels, s.Digits, s.Rows = append(s.Pixels, image...), append(s.Digits, digit), append(s.Rows, i)
	}
	return s
}

// tiny are settings that train nothing worth having, soon.
func tiny(t *testing.T, experiment, name string) Settings {
	t.Helper()
	s, err := Defaults(experiment, name, true)
	if err != nil {
		t.Fatal(err)
	}
	if experiment == MNIST {
		s.Training, s.Normals, s.Nines = 27, 18, 12
	}
	if s.VAE != nil {
		s.VAE.Epochs, s.VAE.FoldEpochs, s.VAE.Batch, s.VAE.Latent = 2, min(s.VAE.FoldEpochs, 1), 9, 4
		if experiment == MNIST {
			s.VAE.Samples = 2
		}
	}
	if s.GAN != nil {
		s.GAN.Steps, s.GAN.FoldSteps, s.GAN.Batch, s.GAN.CriticSteps, s.GAN.Latent = 3, min(s.GAN.FoldSteps, 1), 4, min(s.GAN.CriticSteps, 2), 6
		s.Search.Steps = 2
		if name == DCGAN { // its population statistics take many batches
			s.GAN.Batch = 2
		}
	}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	return s
}

// home is a folder of all tests, which is removed when they are over.
var home string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if home, err = os.MkdirTemp("", "nodulescope-experiment-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(home) }()
		return m.Run()
	}())
}

// finished is a run that went through at once.
type finished struct {
	Options
	report *Results
}

var wholes = map[string]finished{}

// wholeRun makes a run in a folder that all tests share, where none has made it
// yet. Who changes something in it works on a copy.
func wholeRun(t *testing.T, key string, options func() Options) finished {
	t.Helper()
	if w, ok := wholes[key]; ok {
		return w
	}
	w := finished{Options: options()}
	w.Dir = filepath.Join(home, key, "run") // alone: a report lists the runs beside it
	var err error
	if w.report, err = Run(context.Background(), w.Options); err != nil {
		t.Fatal(err)
	}
	wholes[key] = w
	return w
}

// wholeImages is the run of [imagesRun].
func wholeImages(t *testing.T, name string) finished {
	t.Helper()
	return wholeRun(t, "images-"+name, func() Options { return imagesRun(t, name) })
}

// wholeNodules is VAE-AD's run of [nodulesRun] on [whoLumps].
func wholeNodules(t *testing.T) finished {
	t.Helper()
	return wholeRun(t, "nodules", func() Options { return nodulesRun(t, VAE, writeLumps(t, whoLumps())) })
}

// whoLumps are lumps of patients whose names are found in any file.
func whoLumps() []lump {
	ls := lumps(manyLumps)
	for i := range ls {
		ls[i].patient = "who" + ls[i].patient
	}
	return ls
}

// lump is a nodule of a synthetic data set.
type lump struct {
	patient    string
	malignancy int8
	shade      int16
}

// lumps are n patients with one nodule each; every other is an anomaly, and
// some are neither.
func lumps(n int) []lump {
	var ls []lump
	for i := range n {
		m := []int8{1, 4, 2, 5, 1, 3}[i%6]
		ls = append(ls, lump{fmt.Sprintf("P%03d", i), m, int16(40 * (i % 7))})
	}
	return ls
}

// writeLumps writes a data set in the 32 mm layout.
func writeLumps(t *testing.T, ls []lump) string {
	t.Helper()
	var d detectortest.Nodules
	for _, l := range ls {
		d.Patients, d.Malignancy, d.Shade = append(d.Patients, l.patient), append(d.Malignancy, l.malignancy), append(d.Shade, l.shade)
	}
	return d.Write(t)
}

// same says which of the files of two runs differ.
func same(t *testing.T, a, b string, names ...string) {
	t.Helper()
	for _, name := range names {
		x, err := os.ReadFile(filepath.Join(a, name))
		if err != nil {
			t.Fatal(err)
		}
		y, err := os.ReadFile(filepath.Join(b, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(x, y) {
			t.Errorf("%s differs between the two runs", name)
		}
	}
}

// clock stands still.
func clock() time.Time { return time.Unix(0, 0) }
