package detector

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/nodulescope/nodulescope/detector/internal/detectortest"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/nodule"
)

// newGAN is the reference GAN with random weights.
func newGAN() *models.TrainedGAN {
	n := models.ReferenceGAN
	g, c := n.NewParams(rand.New(rand.NewPCG(3, 4)))
	return &models.TrainedGAN{GAN: n, Generator: g, Critic: c, Header: models.Header{
		Kind: "gan", Dims: n.Dims, Latent: n.Latent, Loss: models.WGANGP, Prior: models.UniformPrior,
		Preprocessing: nodule.PreprocessingVersion,
	}}
}

// shortSearch takes few steps, and five patches at a time.
var shortSearch = models.SearchSettings{Steps: 4, Batch: 5}

// untrainedGAN is a detector with random weights.
func untrainedGAN(t testing.TB, s models.SearchSettings) *GANAD {
	t.Helper()
	l := stats.Logistic{Intercept: -1, Slope: 2}
	d, err := NewGANAD(newGAN(), s, Calibration{Logistic: &l, Prevalence: 0.3, Threshold: 0.05, Reference: []float64{0.1, 0.2, 0.3}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func scoreGAN(t testing.TB, d *GANAD, patches ...nodule.Patch) []Score {
	t.Helper()
	s, err := d.Score(context.Background(), patches)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSearchNeighboursDoNotMatter: a patch has the same score, image and curve
// alone, in company, in a second batch, and in a detector made anew.
func TestSearchNeighboursDoNotMatter(t *testing.T) {
	d := untrainedGAN(t, shortSearch)
	alone := scoreGAN(t, d, detectortest.Patch(2))[0]
	again := untrainedGAN(t, shortSearch)
	together := scoreGAN(t, again, detectortest.Patch(1), detectortest.Patch(3), detectortest.Patch(4), detectortest.Patch(2), detectortest.Patch(5), detectortest.Patch(2))
	for _, i := range []int{3, 5} {
		if diff := cmp.Diff(alone, together[i]); diff != "" {
			t.Errorf("the score depends on the neighbours (-alone +together):\n%s", diff)
		}
	}
	if together[0].Raw == together[3].Raw {
		t.Error("two patches have one score")
	}
	if diff := cmp.Diff(alone, scoreGAN(t, again, detectortest.Patch(2))[0]); diff != "" {
		t.Errorf("a second call gives another score:\n%s", diff)
	}
	if none := scoreGAN(t, d); len(none) != 0 {
		t.Errorf("%d scores of nothing", len(none))
	}
}

// TestSearchScoreIsTheEquation computes equations 13 to 15 from the image that
// was found, with the critic on its own.
func TestSearchScoreIsTheEquation(t *testing.T) {
	d := untrainedGAN(t, models.SearchSettings{Steps: 3, Lambda: 0.3})
	p := detectortest.Patch(1)
	got := scoreGAN(t, d, p)[0]
	n := float64(p.SupportCount())

	image := make([]float32, len(p.Voxels))
	var residual float64
	for i, s := range p.Support {
		image[i] = s * got.Reconstruction[i]
		residual += float64(s) * math.Abs(float64(p.Voxels[i])-float64(got.Reconstruction[i]))
	}
	fx, score := critic(t, d, p.Voxels)
	fz, _ := critic(t, d, image)
	var feature float64
	for i := range fx {
		feature += math.Abs(float64(fx[i]) - float64(fz[i]))
	}
	loss := 0.7*residual + 0.3*feature
	for name, want := range map[string]float64{
		"residual": residual, "feature": feature, "loss": loss, "loss per voxel": loss / n, "residual per voxel": residual / n,
		"critic score, negated": -float64(score),
	} {
		if v := term(got, name); math.Abs(v-want) > 1e-4*math.Abs(want)+1e-6 {
			t.Errorf("%s is %g, want %g", name, v, want)
		}
	}
	if got.Raw != term(got, "loss per voxel") || got.Sum != term(got, "residual") || got.PerVoxel != term(got, "residual per voxel") || got.KL != 0 {
		t.Errorf("raw %g, sum %g, per voxel %g, KL %g", got.Raw, got.Sum, got.PerVoxel, got.KL)
	}
	if len(got.Curve) != 4 || float64(got.Curve[3]) != term(got, "loss") || got.Curve[0] <= got.Curve[3] {
		t.Errorf("curve %v ends at the loss %g and falls to it", got.Curve, term(got, "loss"))
	}
	c := d.Calibration()
	if got.Probability == nil || *got.Probability != c.Logistic.Probability(got.Raw) || got.Percentile != c.Percentile(got.Raw) ||
		got.Anomalous != (got.Raw > 0.05) || got.Calibration != "natural-prevalence" || got.Prevalence != 0.3 {
		t.Errorf("%+v", got)
	}
}

func term(s Score, name string) float64 {
	for _, t := range s.Terms {
		if t.Name == name {
			return t.Value
		}
	}
	return math.NaN()
}

// critic is the features and the score of the critic for one image.
func critic(t *testing.T, d *GANAD, image []float32) (features []float32, score float32) {
	t.Helper()
	n := d.Trained().GAN
	g := n.NewGraph(tensor.Float32)
	f, j := n.Critic(g, g.Input("x", 1, 1, 28, 28, 28))
	if g.Err != nil {
		t.Fatal(g.Err)
	}
	p, err := compute.Compile(gorgonia.Nodes{f, j}, d.Params().Bound(), compute.Options{Backends: cpu.List(), Frozen: true})
	if err != nil {
		t.Fatal(err)
	}
	copy(p.Input("x"), image)
	p.Run()
	return cloned(p.Output(0)), p.Output(1)[0]
}

func cloned(x []float32) []float32 { return append([]float32(nil), x...) }

// TestSearchScoreIsPerVoxel: a patch of which the scan covers half has half the
// loss of the equation, and about the same score.
func TestSearchScoreIsPerVoxel(t *testing.T) {
	d := untrainedGAN(t, shortSearch)
	whole, half := detectortest.Patch(1), detectortest.Patch(1)
	for i := range half.Support {
		if i%nodule.PatchSize < nodule.PatchSize/2 {
			half.Voxels[i], half.Support[i] = 0, 0
		}
	}
	s := scoreGAN(t, d, whole, half)
	if r := term(s[1], "loss") / term(s[0], "loss"); r < 0.4 || r > 0.6 {
		t.Errorf("the loss of half a patch is %.2f of that of the whole", r)
	}
	if r := s[1].Raw / s[0].Raw; r < 0.85 || r > 1.15 {
		t.Errorf("the score of half a patch is %.2f of that of the whole", r)
	}
}

func TestSearchEnds(t *testing.T) {
	d := untrainedGAN(t, models.SearchSettings{Steps: maxSearchSteps})
	ctx, cancel := context.WithCancel(context.Background())
	searched := make(chan error, 1)
	go func() {
		_, err := d.Score(ctx, []nodule.Patch{detectortest.Patch(1)})
		searched <- err
	}()
	waiting := make(chan error, 1)
	go func() {
		_, err := d.Score(ctx, []nodule.Patch{detectortest.Patch(2)})
		waiting <- err
	}()
	cancel() // minutes before either could end
	for _, ended := range []chan error{searched, waiting} {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
	d = untrainedGAN(t, shortSearch)
	empty, bad, short := detectortest.Patch(1), detectortest.Patch(1), detectortest.Patch(1)
	empty.Support = make([]float32, len(empty.Support))
	for i, s := range bad.Support {
		if s != 0 {
			bad.Voxels[i] = float32(math.NaN())
		}
	}
	short.Voxels = short.Voxels[:100]
	for name, p := range map[string]nodule.Patch{"no support": empty, "not a number": bad, "short": short} {
		if _, err := d.Score(context.Background(), []nodule.Patch{detectortest.Patch(2), p}); err == nil {
			t.Errorf("%s: the patch was scored", name)
		}
	}
	scoreGAN(t, d, detectortest.Patch(1)) // its plans are not lost with an error
}

func TestGANFiles(t *testing.T) {
	d := untrainedGAN(t, models.SearchSettings{Steps: 7, Momentum: -1, Restarts: 2})
	again := saved(t, d, LoadGANAD)
	want := models.SearchSettings{Steps: 7, Rate: models.ReferenceGAN.DefaultSearchRate(), Momentum: -1, Lambda: 0.5, Restarts: 2, Batch: 16}
	if again.Search() != want {
		t.Errorf("search %+v, want %+v", again.Search(), want)
	}
	if other := untrainedGAN(t, models.SearchSettings{Steps: 8, Momentum: -1, Restarts: 2}); other.Digest() == d.Digest() {
		t.Error("another search has the same digest")
	}
	b, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	encode := changed(t, b)
	settings := func(change func(*ganSettings)) []byte {
		return encode(func(h *models.Header) {
			var s ganSettings
			if err := json.Unmarshal(h.Detector, &s); err != nil {
				t.Fatal(err)
			}
			change(&s)
			if h.Detector, err = json.Marshal(s); err != nil {
				t.Fatal(err)
			}
		})
	}
	refused(t, b, decodeGANAD, map[string]brokenFile{
		"a VAE":               {encode(func(h *models.Header) { h.Kind = "vae" }), "no GAN"},
		"two dimensions":      {encode(func(h *models.Header) { h.Dims = 2 }), "no GAN"},
		"another latent size": {encode(func(h *models.Header) { h.Latent = 32 }), "not a usable checkpoint"},
		"no prior":            {encode(func(h *models.Header) { h.Prior = "" }), "no prior"},
		"no search":           {settings(func(s *ganSettings) { s.Search = models.SearchSettings{} }), "how its search is done"},
		"endless":             {settings(func(s *ganSettings) { s.Search.Steps = 1 << 40 }), "at most"},
		"bad rate":            {settings(func(s *ganSettings) { s.Search.Rate = -1 }), "search rate"},
		"bad diameters":       {settings(func(s *ganSettings) { s.DiameterMM = &[2]float64{9, 3} }), "diameters of 9 to 3 mm"},
	})
}

func FuzzDecodeGANAD(f *testing.F) {
	f.Add([]byte("not a model"))
	b, err := untrainedGAN(f, shortSearch).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[:4096])
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := decodeGANAD(b); err == nil && (len(d.Calibration().Reference) == 0 || d.Search().Steps < 1) {
			t.Error("a detector without reference or search was accepted")
		}
	})
}
