package onnx

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
)

// noise are samples of random intensities, outlined at random.
type noise struct{}

func (noise) Len() int { return 2 }

func (noise) Outline(_ int, rng *rand.Rand, x, y []float32) {
	copy(x, uniform(rng, len(x)))
	for i := range y {
		y[i] = float32(rng.IntN(2))
	}
}

func trainedUNet(t *testing.T, u models.UNet) *models.TrainedUNet {
	t.Helper()
	n, err := models.TrainUNet(t.Context(), models.OutlineRun{UNet: u, Train: noise{}, Settings: models.OutlineSettings{Epochs: 1, Batch: 2, Seed: 1},
		Header: models.Header{Preprocessing: "p1", Attribution: "LIDC-IDRI"}})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestExportUNet(t *testing.T) {
	u := trainedUNet(t, models.UNet{Channels: [4]int{2, 3, 4, 5}})
	b, err := ExportUNet(u, 2)
	if err != nil {
		t.Fatal(err)
	}
	m := parse(t, b)
	wellFormed(t, "unet", m)
	opts := cmp.AllowUnexported(parsedValue{})
	if d := cmp.Diff([]parsedValue{{inputPatch, []int{2, 2, 32, 32, 32}}}, m.inputs, opts); d != "" {
		t.Errorf("inputs (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]parsedValue{{outputProbability, []int{2, 1, 32, 32, 32}}}, m.outputs, opts); d != "" {
		t.Errorf("outputs (-want +got):\n%s", d)
	}
	if m.meta[keyDigest] != u.Params.Digest() || m.meta["preprocessing"] != "p1" || m.meta["model_kind"] != "unet" || m.meta["attribution"] != "LIDC-IDRI" {
		t.Errorf("metadata %v", m.meta)
	}
	if again, err := ExportUNet(u, 2); err != nil || !bytes.Equal(again, b) {
		t.Errorf("the second export differs (%v)", err)
	}
	for name, c := range map[string]struct {
		change func(*models.TrainedUNet)
		batch  int
		want   string
	}{
		"batch":   {batch: 1025, want: "batch"},
		"weights": {batch: 1, change: func(u *models.TrainedUNet) { u.Params = u.Params[1:] }, want: "tensors"},
	} {
		other := *u
		if c.change != nil {
			c.change(&other)
		}
		if _, err := ExportUNet(&other, c.batch); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	u.Header.Digest = "sha256:0"
	if _, err := ExportUNet(u, 1); !errors.Is(err, models.ErrDigest) {
		t.Errorf("other weights: %v", err)
	}
}

// TestRuntimeUNet: the exported network gives the probabilities that the outliner
// gives.
func TestRuntimeUNet(t *testing.T) {
	runtime(t) // or skip, before a training
	u, dir := trainedUNet(t, models.ReferenceUNet), t.TempDir()
	b, err := ExportUNet(u, 1)
	if err != nil {
		t.Fatal(err)
	}
	const edge = models.OutlineEdge
	x := uniform(rand.New(rand.NewPCG(1, 1)), 2*edge*edge*edge)
	j := job{Model: writeFile(t, dir, "unet.onnx", b),
		Inputs:  []value{{inputPatch, []int{1, 2, edge, edge, edge}, writeFile(t, dir, "x.in", rawFloats(x))}},
		Outputs: []value{{Name: outputProbability, File: filepath.Join(dir, "p.out")}}}
	inRuntime(t, dir, []job{j})
	o, err := models.NewOutliner(u, compute.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := o.Outline(x)
	if err != nil {
		t.Fatal(err)
	}
	e := difference(t, j.Outputs[0].File, want)
	if !(e <= tolerance) {
		t.Errorf("differs by %.2g of the largest value", e)
	}
	t.Logf("largest max|d|/max|ref| %.2g", e)
}
