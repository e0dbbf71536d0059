package onnx

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
)

// blobs are noisy pictures with a bright middle.
type blobs int

func (b blobs) Len() int { return int(b) }

func (b blobs) Patch(i int, rng *rand.Rand, x, support []float32) {
	for p := range x {
		x[p], support[p] = 0.3*rng.Float32(), 1
		if at := p % 784; at%28 > 8+i && at%28 < 20 && at/28 > 8 && at/28 < 20 {
			x[p] = 0.9
		}
	}
}

// trained2D is a DCGAN after two steps: its layers are normalised.
func trained2D(t *testing.T) *models.TrainedGAN {
	t.Helper()
	n, err := models.TrainGAN(t.Context(), models.GANRun{
		GAN: models.GAN{Dims: 2, Latent: 8, Norm: true}, Train: blobs(4), Header: models.Header{Preprocessing: "p1", Attribution: "LIDC-IDRI"},
		Settings: models.GANSettings{Steps: 2, Batch: 4, Seed: 1, Loss: "dcgan"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestExportGAN(t *testing.T) {
	n := trained2D(t)
	m, err := ExportGAN(n, models.SearchSettings{Lambda: -1}, 2)
	if err != nil {
		t.Fatal(err)
	}
	generator, critic, step := parse(t, m.Generator), parse(t, m.Critic), parse(t, m.Step)
	image, z, features := []int{2, 1, 28, 28}, []int{2, 8}, []int{2, n.GAN.Features()}
	opts := cmp.AllowUnexported(parsedValue{})
	sorted := func(v []parsedValue) map[string][]int {
		m := map[string][]int{}
		for _, x := range v {
			m[x.name] = x.dims
		}
		return m
	}
	for _, c := range []struct {
		what string
		got  []parsedValue
		want map[string][]int
	}{
		{"generator inputs", generator.inputs, map[string][]int{"z": z}},
		{"generator outputs", generator.outputs, map[string][]int{"image": image}},
		{"critic inputs", critic.inputs, map[string][]int{"x": image}},
		{"critic outputs", critic.outputs, map[string][]int{"features": features, "judgement": {2}}},
		{"step inputs", step.inputs, map[string][]int{"x": image, "support": image, "features": features, "z": z, "speed": z}},
		{"step outputs", step.outputs, map[string][]int{"residual": {2}, "feature": {2}, "loss": {2}, "image": image, "next_speed": z, "next_z": z}},
	} {
		if diff := cmp.Diff(c.want, sorted(c.got), opts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
	for name, p := range map[string]parsed{"generator": generator, "critic": critic, "step": step} {
		wellFormed(t, name, p)
		if p.meta[keyDigest] != n.Header.Digest && n.Header.Digest != "" || p.meta["prior"] != "uniform" || p.meta["model_kind"] != "gan" || p.meta["preprocessing"] != "p1" {
			t.Errorf("%s: metadata %v", name, p.meta)
		}
		if _, ok := p.meta["search_lambda"]; ok != (name == "step") {
			t.Errorf("%s: metadata of a search: %v", name, p.meta)
		}
	}
	if step.meta["search_lambda"] != "0" || step.meta["search_steps"] != "100" || step.meta["search_rate"] != "0.001" {
		t.Errorf("metadata of the step %v", step.meta)
	}
	again, err := ExportGAN(n, models.SearchSettings{Lambda: -1}, 2)
	if err != nil || !bytes.Equal(again.Step, m.Step) || !bytes.Equal(again.Critic, m.Critic) || !bytes.Equal(again.Generator, m.Generator) {
		t.Errorf("the second export differs (%v)", err)
	}
}

func TestExportGANRefuses(t *testing.T) {
	n := trained2D(t)
	for name, c := range map[string]struct {
		change func(n *models.TrainedGAN)
		s      models.SearchSettings
		batch  int
		want   string
	}{
		"batch":   {batch: 0, want: "batch"},
		"search":  {batch: 1, s: models.SearchSettings{Rate: -1}, want: "rate"},
		"weights": {batch: 1, change: func(n *models.TrainedGAN) { n.Critic = n.Critic[1:] }, want: "tensors"},
		"network": {batch: 1, change: func(n *models.TrainedGAN) { n.GAN.Latent = 9 }, want: "generator"},
	} {
		other := *n
		if c.change != nil {
			c.change(&other)
		}
		if _, err := ExportGAN(&other, c.s, c.batch); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	other := *n
	other.Header.Digest = "sha256:0"
	if _, err := ExportGAN(&other, models.SearchSettings{}, 1); !errors.Is(err, models.ErrDigest) {
		t.Errorf("other weights: %v", err)
	}
}

// TestRuntimeSearch runs a whole search by the exported models: the critic once,
// then the step over and over, in 2D (normalised, folded) and 3D.
func TestRuntimeSearch(t *testing.T) {
	three := &models.TrainedGAN{GAN: models.ReferenceGAN, Header: models.Header{Prior: models.UniformPrior}}
	three.Generator, three.Critic = three.GAN.NewParams(rand.New(rand.NewPCG(9, 10)))
	for name, n := range map[string]*models.TrainedGAN{"dcgan 2D": trained2D(t), "wgan 3D": three} {
		t.Run(name, func(t *testing.T) {
			compareSearch(t, n, models.SearchSettings{Steps: 20, Rate: 0.02})
			n := *n
			n.Encoder, n.Header.Encoder = n.GAN.NewEncoder(rand.New(rand.NewPCG(11, 12))), true
			compareSearch(t, &n, models.SearchSettings{Steps: 6, Optimiser: models.AdamSearch, Encoder: true, Stop: 0.01})
		})
	}
}

// compareSearch holds that latents, images and losses are those of a Searcher.
func compareSearch(t *testing.T, n *models.TrainedGAN, set models.SearchSettings) {
	t.Helper()
	const batch = 2
	m, err := ExportGAN(n, set, batch)
	if err != nil {
		t.Fatal(err)
	}
	searcher, err := models.NewSearcher(n, set, compute.Options{})
	if err != nil {
		t.Fatal(err)
	}
	generator, err := models.NewGenerator(n, compute.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v, seeds := n.GAN.Voxels(), [][32]byte{{1}, {2}}
	var patches, supports [][]float32
	var x, support, z []float32
	for i := range seeds {
		p, s := make([]float32, v), make([]float32, v)
		blobs(batch).Patch(i, rand.New(rand.NewPCG(3, uint64(i))), p, s) //nolint:gosec // 0 or 1
		for j := range 100 {
			s[7*j], p[7*j] = 0, 0
		}
		patches, supports = append(patches, p), append(supports, s)
		x, support, z = append(x, p...), append(support, s...), append(z, generator.Latent(seeds[i])...)
	}
	found, err := searcher.Search(t.Context(), patches, supports, seeds)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	step := parse(t, m.Step)
	in := func(name string, dims []int, data []float32) value {
		return value{name, dims, writeFile(t, dir, name+".in", rawFloats(data))}
	}
	file := func(name string) value { return value{Name: name, File: filepath.Join(dir, name+".out")} }
	image, latent := edges(n.GAN.Dims, v, batch), []int{batch, n.GAN.Latent}
	features := file(outputFeatures)
	jobs := []job{{
		Model:  writeFile(t, dir, "critic.onnx", m.Critic),
		Inputs: []value{in("x", image, x)}, Outputs: []value{features, file(outputScore)},
	}}
	start := in("z", latent, z)
	if set.Encoder {
		start = value{"z", latent, filepath.Join(dir, "z.out")}
		jobs = append(jobs, job{Model: writeFile(t, dir, "start.onnx", m.Encoder),
			Inputs: []value{{"x", image, filepath.Join(dir, "x.in")}}, Outputs: []value{{Name: "z", File: start.File}}})
	}
	search := job{
		Model: writeFile(t, dir, "step.onnx", m.Step),
		Inputs: []value{{"x", image, filepath.Join(dir, "x.in")}, in("support", image, support),
			{outputFeatures, []int{batch, n.GAN.Features()}, features.File}, start},
		Outputs: []value{file(outputLoss), file(outputResidual), file(outputFeature), file(outputImage)},
		Rounds:  set.Steps + 1, Carry: map[string]string{"z": outputNext + "z"},
	}
	lossAt, imageAt := outputLoss, outputImage
	for _, carried := range step.inputs { // all but the patch, and where it starts
		if slices.Contains([]string{"x", "support", "features", "z"}, carried.name) {
			continue
		}
		size := 1
		for _, d := range carried.dims {
			size *= d
		}
		begin := make([]float32, size)
		for i := range begin {
			begin[i] = map[string]float32{"lowest": 1e30, "alive": 1}[carried.name]
		}
		search.Inputs = append(search.Inputs, in(carried.name, carried.dims, begin))
		search.Carry[carried.name] = outputNext + carried.name
	}
	if set.Stop > 0 {
		lossAt, imageAt = "next_lowest", "next_best_image"
		search.Outputs = []value{file(lossAt), file(imageAt)}
	}
	inRuntime(t, dir, append(jobs, search))
	want := map[string][]float32{}
	cut := 0
	for _, f := range found {
		for _, z := range f.Z {
			if z == 1 || z == -1 {
				cut++
			}
		}
		values := map[string]float64{lossAt: f.Loss, outputScore: f.CriticScore}
		if set.Stop == 0 {
			values[outputResidual], values[outputFeature] = f.Residual, f.Feature
		}
		for name, value := range values {
			want[name] = append(want[name], float32(value))
		}
		want[imageAt] = append(want[imageAt], f.Image...)
		if c := f.Curve.Loss; c[0] == c[len(c)-1] {
			t.Error("the search went nowhere")
		}
	}
	if cut == 0 && set.Stop == 0 {
		t.Error("no z was cut: raise the rate")
	}
	for name, w := range want {
		e := difference(t, file(name).File, w)
		t.Logf("%s differs by %.2g of the largest", name, e)
		if !(e <= 1e-3) { // a search lets rounding grow
			t.Errorf("%s differs by %.2g of the largest", name, e)
		}
	}
}
