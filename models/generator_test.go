package models

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nodulescope/nodulescope/models/compute"
)

func TestSamplesDependOnTheirSeedAlone(t *testing.T) {
	g := randomGAN(GAN{Dims: 2, Latent: 6}, UniformPrior)
	gen, err := NewGenerator(g, compute.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := gen.Sample(seedsOf(20)) // two runs of the plan
	if d := cmp.Diff(all[17:18], gen.Sample(seedsOf(20)[17:18])); d != "" {
		t.Error("sample 17 alone differs from sample 17 among others")
	}
	if cmp.Equal(all[0], all[1]) {
		t.Error("two seeds make one image")
	}
	for _, z := range gen.Latent([32]byte{1}) {
		if !(z >= -1 && z <= 1) {
			t.Errorf("uniform prior draws %g", z)
		}
	}
}

func TestInterpolation(t *testing.T) {
	for _, prior := range []string{UniformPrior, NormalPrior} {
		gen, err := NewGenerator(randomGAN(GAN{Dims: 2, Latent: 50}, prior), compute.Options{})
		if err != nil {
			t.Fatal(err)
		}
		z0, z1 := gen.Latent([32]byte{1}), gen.Latent([32]byte{2})
		way := gen.Interpolate(z0, z1, 5)
		ends := gen.Images([][]float32{z0, z1})
		for i, end := range []int{0, 4} {
			for j, v := range way[end] {
				if math.Abs(float64(v-ends[i][j])) > 1e-6 {
					t.Fatalf("%s: end %d is not the image of its latent", prior, i)
				}
			}
		}
		length := func(z []float32) (n float64) {
			for _, v := range z {
				n += float64(v) * float64(v)
			}
			return math.Sqrt(n)
		}
		middle := length(between(z0, z1, 0.5, prior == NormalPrior))
		if mean := (length(z0) + length(z1)) / 2; prior == NormalPrior && math.Abs(middle-mean) > 0.1*mean {
			t.Errorf("the middle of the arc has length %g, its ends %g", middle, mean)
		}
	}
}

func TestDiversity(t *testing.T) {
	data := [][]float32{{0, 0, 9}, {1, 1, 9}, {0, 1, 7}}
	supports := [][]float32{{1, 1, 0}, {1, 1, 0}, {1, 0, 1}}
	same := [][]float32{{0.5, 0.5, 3}, {0.5, 0.5, 4}, {0.5, 0.5, 5}}
	s, err := Diversity(same, data, supports)
	if err != nil {
		t.Fatal(err)
	}
	// Pairs of patches: 1 over two common voxels, 0 over one, 1 over one.
	if want := (Spread{Samples: 0, Data: 2.0 / 3}); math.Abs(s.Data-want.Data) > 1e-9 || s.Samples != 0 || s.Ratio != 0 {
		t.Errorf("a generator of one image: %+v, want %+v", s, want)
	}
	if s, err = Diversity(data, data, supports); err != nil || s.Ratio != 1 {
		t.Errorf("the data against itself: %+v, %v", s, err)
	}
	if _, err := Diversity(data[:1], data[:1], supports[:1]); err == nil {
		t.Error("the diversity of one sample was measured")
	}
	if _, err := Diversity(data, data, [][]float32{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}); err == nil {
		t.Error("diversity was measured over no voxel")
	}
}
