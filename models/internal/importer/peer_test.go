package importer

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// tolerance bounds max|d|/max|ref| between PyTorch and a plan.
const tolerance = 5e-6

// TestAgreesWithTorch imports a VAE that PyTorch made and compares what both
// compute with it.
func TestAgreesWithTorch(t *testing.T) {
	const python = "/usr/bin/python3" // Debian's, which has python3-torch
	if err := exec.CommandContext(t.Context(), python, "-c", "import torch").Run(); err != nil {
		t.Skipf("%s has no torch (python3-torch of Debian): %v", python, err)
	}
	for _, c := range []struct {
		vae   models.VAE
		dtype string
	}{
		{models.VAE{Dims: 2, Latent: 16}, "F32"},
		{models.VAE{Dims: 2, Latent: 5}, "F16"},
		{models.VAE{Dims: 2, Latent: 5}, "BF16"},
		{models.ReferenceVAE, "F32"},
	} {
		t.Run(fmt.Sprintf("%dD-%s", c.vae.Dims, c.dtype), func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "vae.py"), dir, strconv.Itoa(c.vae.Dims), strconv.Itoa(c.vae.Latent), c.dtype)
			if log, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, log)
			}
			ps, err := ImportTorch(filepath.Join(dir, "vae.safetensors"), c.vae)
			if err != nil {
				t.Fatal(err)
			}
			x, z := read(t, dir, "x"), read(t, dir, "z")
			n := len(x) / c.vae.Voxels()
			shape := []int{n, 1, 28, 28, 28}[:2+c.vae.Dims]
			g := c.vae.NewGraph(tensor.Float32)
			mean, logvar := c.vae.Encode(g, g.Input("x", shape...))
			outs := gorgonia.Nodes{mean, logvar, c.vae.Decode(g, g.Input("z", n, c.vae.Latent))}
			if g.Err != nil {
				t.Fatal(g.Err)
			}
			plan, err := compute.Compile(outs, ps.Bound(), compute.Options{Backends: cpu.List()})
			if err != nil {
				t.Fatal(err)
			}
			copy(plan.Input("x"), x)
			copy(plan.Input("z"), z)
			plan.Run()
			for i, name := range []string{"mean", "logvar", "picture"} {
				e := difference(plan.Output(i), read(t, dir, name))
				t.Logf("%s: max|d|/max|ref| %.2g", name, e)
				if !(e <= tolerance) {
					t.Errorf("%s differs by %.2g of the largest value", name, e)
				}
			}
		})
	}
}

// read returns a file of float32.
func read(t *testing.T, dir, name string) []float32 {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}

// difference is max|got-want| / max|want|.
func difference(got, want []float32) float64 {
	if len(got) != len(want) {
		return math.NaN()
	}
	var worst, top float64
	for i, w := range want {
		d := math.Abs(float64(got[i]) - float64(w))
		if math.IsNaN(d) {
			return d
		}
		worst, top = max(worst, d), max(top, math.Abs(float64(w)))
	}
	return worst / top
}
