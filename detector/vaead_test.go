package detector

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/detector/internal/detectortest"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

func header() models.Header {
	return models.Header{Kind: "vae", Dims: 3, Latent: 64, Preprocessing: nodule.PreprocessingVersion}
}

// untrained is a detector with random weights.
func untrained(t testing.TB) *VAEAD {
	t.Helper()
	l := stats.Logistic{Intercept: -1, Slope: 20}
	d, err := NewVAEAD(header(), models.ReferenceVAE.NewParams(rand.New(rand.NewPCG(1, 2))),
		Calibration{Logistic: &l, Prevalence: 0.4, Threshold: 0.05, Reference: []float64{0.01, 0.02, 0.2}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestNeighboursDoNotMatter: a patch has the same score alone, in company, and
// in another process's order.
func TestNeighboursDoNotMatter(t *testing.T) {
	d := untrained(t)
	alone, err := d.Score(context.Background(), []nodule.Patch{detectortest.Patch(2)})
	if err != nil {
		t.Fatal(err)
	}
	together, err := untrained(t).Score(context.Background(), []nodule.Patch{detectortest.Patch(1), detectortest.Patch(2), detectortest.Patch(3)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(alone[0], together[1]); diff != "" {
		t.Errorf("the score depends on the neighbours (-alone +together):\n%s", diff)
	}
	if together[0].Raw == together[1].Raw {
		t.Error("two patches have one score")
	}
}

// TestNoiseIsCommon: a patch that differs by next to nothing has next to the same
// score, since the noise is the same.
func TestNoiseIsCommon(t *testing.T) {
	a := detectortest.Patch(2)
	b := a
	b.Voxels = slices.Clone(a.Voxels)
	b.Voxels[nodule.PatchVoxels/2] += 1e-6
	s, err := untrained(t).Score(context.Background(), []nodule.Patch{a, b})
	if err != nil {
		t.Fatal(err)
	}
	if d := math.Abs(s[0].Raw-s[1].Raw) / s[0].Raw; d > 1e-5 || a.Digest() == b.Digest() {
		t.Errorf("the score changes by %.2g of itself", d)
	}
}

func TestScoreSaysWhatItKnows(t *testing.T) {
	d := untrained(t)
	s, err := d.Score(context.Background(), []nodule.Patch{detectortest.Patch(1)})
	if err != nil {
		t.Fatal(err)
	}
	got := s[0]
	c := d.Calibration()
	if got.Probability == nil || *got.Probability != c.Logistic.Probability(got.Raw) || got.Percentile != c.Percentile(got.Raw) ||
		got.Anomalous != (got.Raw > 0.05) || got.Calibration != "natural-prevalence" || got.Prevalence != 0.4 {
		t.Errorf("%+v", got)
	}
	if got.PerVoxel != got.Raw || math.Abs(got.Sum-got.Raw*float64(detectortest.Patch(1).SupportCount())) > 1e-9*got.Sum || len(got.Reconstruction) != nodule.PatchVoxels {
		t.Errorf("terms: sum %v, per voxel %v, raw %v", got.Sum, got.PerVoxel, got.Raw)
	}
	bare, err := NewVAEAD(header(), d.params, Calibration{Reference: []float64{0.1}})
	if err != nil {
		t.Fatal(err)
	}
	s, err = bare.Score(context.Background(), []nodule.Patch{detectortest.Patch(1)})
	if err != nil {
		t.Fatal(err)
	}
	if s[0].Probability != nil || s[0].Calibration != "uncalibrated" || s[0].Raw != got.Raw {
		t.Errorf("uncalibrated: %+v", s[0])
	}
	if bare.Digest() == d.Digest() {
		t.Error("another calibration has the same digest")
	}
}

// TestLearnedSigma: a learned variance changes the misfit, not the score of
// equation 16.
func TestLearnedSigma(t *testing.T) {
	v := models.ReferenceVAE
	v.LearnedSigma = true
	ps := v.NewParams(rand.New(rand.NewPCG(1, 2)))
	const logSigma2 = -2.5
	ps[len(ps)-1].Data[0] = logSigma2
	h := header()
	h.LearnedSigma = true
	d, err := NewVAEAD(h, ps, Calibration{Reference: []float64{0.1}})
	if err != nil {
		t.Fatal(err)
	}
	p := detectortest.Patch(1)
	s, err := d.Score(context.Background(), []nodule.Patch{p})
	if err != nil {
		t.Fatal(err)
	}
	n := float64(p.SupportCount())
	misfit := s[0].Sum/(2*math.Exp(logSigma2)) + n/2*logSigma2
	for name, want := range map[string]float64{
		"reconstruction, sum": s[0].Sum, "misfit under the learned sigma": misfit, "misfit + KL": misfit + s[0].KL,
	} {
		if got := term(s[0], name); !(math.Abs(got-want) <= 1e-5*math.Abs(want)) {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
	if s[0].Raw != s[0].Sum/n {
		t.Errorf("raw %g, want %g", s[0].Raw, s[0].Sum/n)
	}
	if _, err := NewVAEAD(header(), ps, Calibration{Reference: []float64{0.1}}); err == nil {
		t.Error("a variance too many was accepted")
	}
}

func TestScoreEnds(t *testing.T) {
	d := untrained(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := d.Score(ctx, []nodule.Patch{detectortest.Patch(1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	empty := detectortest.Patch(1)
	empty.Support = make([]float32, len(empty.Support))
	if _, err := d.Score(context.Background(), []nodule.Patch{empty}); err == nil {
		t.Error("a patch without support was scored")
	}
}

func TestDetectorFiles(t *testing.T) {
	d := untrained(t)
	saved(t, d, LoadVAEAD)
	b := encoded(t, d)
	encode := changed(t, b)
	refused(t, b, decodeVAEAD, map[string]brokenFile{
		"another kind":        {encode(func(h *models.Header) { h.Kind = "flow" }), "no VAE"},
		"another latent size": {encode(func(h *models.Header) { h.Latent = 32 }), "the network wants"},
		"absurd latent size":  {encode(func(h *models.Header) { h.Latent = 1 << 40 }), "latent size"},
	})
}

func FuzzDecodeVAEAD(f *testing.F) {
	f.Add([]byte("not a model"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := decodeVAEAD(b); err == nil && len(d.Calibration().Reference) == 0 {
			t.Error("a detector without reference was accepted")
		}
	})
}
