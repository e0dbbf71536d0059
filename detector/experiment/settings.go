package experiment

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/internal/digest"

	"github.com/knadh/koanf/parsers/yaml"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/internal/smallfile"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

// The experiments.
const (
	MNIST   = "mnist"   // 2D: digits 0 to 8 are normal, 9 is the anomaly
	Nodules = "nodules" // 3D: a labelled set of lung nodules
)

// The detectors.
const (
	VAE      = "vae"       // section V-B with 1/(2 sigma^2) = 1
	VAESigma = "vae-sigma" // the same with a learned sigma
	DCGAN    = "dcgan"     // section V-A, standard loss
	WGAN     = "wgan"      // section V-A, Wasserstein loss with gradient penalty
)

// Experiments and Detectors list the names above.
var (
	experiments = []string{MNIST, Nodules}
	detectors   = []string{VAE, VAESigma, DCGAN, WGAN}
)

// Detectors are the names that Settings.Detector takes.
func Detectors() []string { return slices.Clone(detectors) }

// ErrSettings says that settings make no sense or are those of another run.
var ErrSettings = errors.New("experiment: settings cannot be used")

// Settings of one run. They are written beside its results; Defaults gives
// those of the paper where it says them.
type Settings struct {
	Experiment string `json:"experiment"` // "mnist" or "nodules"
	Detector   string `json:"detector"`   // "vae", "vae-sigma", "dcgan" or "wgan"
	Seeds      int    `json:"seeds"`      // networks trained on the fixed split: seeds 1, 2, ...
	Folds      int    `json:"folds"`      // nodules: cross-validation by patient, seed 1; 0 leaves it out
	SplitSeed  uint64 `json:"split_seed"` // nodules: of the split and of the folds by patient

	// FoldPlan takes the folds of nodule.FoldOf, the same for all data sets of
	// LIDC-IDRI, in place of folds by SplitSeed. It needs five folds.
	FoldPlan bool `json:"fold_plan,omitempty"`

	Training int `json:"training"` // mnist: normals to learn from, at most 9216; nodules: 0, all
	Normals  int `json:"normals"`  // mnist: normals and
	Nines    int `json:"nines"`    // nines that are scored, at most 450 each; nodules: 0, all

	// Straighten shears the digits of mnist upright before anything sees them. It
	// is no part of the paper.
	Straighten bool `json:"straighten,omitempty"`

	VAE    *VAESettings    `json:"vae,omitempty"`
	GAN    *GANSettings    `json:"gan,omitempty"`
	Search *SearchSettings `json:"search,omitempty"`
}

// VAESettings of the training of a VAE and of its score.
type VAESettings struct {
	Epochs     int     `json:"epochs"`
	FoldEpochs int     `json:"fold_epochs"` // in the folds of the cross-validation
	Batch      int     `json:"batch"`
	Rate       float64 `json:"rate"` // of Adam
	Clip       float64 `json:"clip"` // largest norm of the gradient
	KLWeight   float64 `json:"kl_weight"`
	Latent     int     `json:"latent"`
	Samples    int     `json:"samples"` // L of section V-B
}

// GANSettings of the training of a GAN.
type GANSettings struct {
	Steps       int     `json:"steps"`      // of the generator
	FoldSteps   int     `json:"fold_steps"` // in the folds of the cross-validation
	Batch       int     `json:"batch"`
	Rate        float64 `json:"rate"` // of Adam, with
	Beta1       float64 `json:"beta1"`
	Beta2       float64 `json:"beta2"`
	CriticSteps int     `json:"critic_steps"`
	Penalty     float64 `json:"penalty"`
	Prior       string  `json:"prior"` // "uniform" or "normal"
	Average     float64 `json:"average"`
	Latent      int     `json:"latent"`
}

// SearchSettings of the search in latent space (equations 13 to 15).
type SearchSettings struct {
	Steps    int     `json:"steps"` // gamma
	Rate     float64 `json:"rate"`  // alpha
	Momentum float64 `json:"momentum"`
	Lambda   float64 `json:"lambda"`
	Restarts int     `json:"restarts"`
}

// Defaults are the settings of an experiment with a detector. quick is for a
// look in a minute or two: its figures say nothing.
func Defaults(experiment, name string, quick bool) (Settings, error) {
	s := Settings{Experiment: experiment, Detector: name, Seeds: 5}
	flat := experiment == MNIST
	switch experiment {
	case MNIST:
		s.Training, s.Normals, s.Nines = 9216, 450, 450
	case Nodules:
		s.Folds, s.SplitSeed = 5, detector.DefaultSplitSeed
	default:
		return s, fmt.Errorf("%w: no experiment %q: choose %s", ErrSettings, experiment, strings.Join(experiments, " or "))
	}
	// A whole run shall end within 50 minutes on two cores. In 3D, 100 epochs of
	// the paper are 180 steps of a WGAN with five of the critic, and 890 of a
	// DCGAN; in 2D, its 50 epochs are 7,200 steps of a DCGAN.
	switch name {
	case VAE, VAESigma:
		s.VAE = &VAESettings{Epochs: 200, FoldEpochs: 100, Batch: 32, Rate: 5e-4, Clip: 100, KLWeight: 1, Latent: 64, Samples: detector.BoundSamples}
		if flat {
			s.VAE.Epochs, s.VAE.FoldEpochs = 30, 0
		}
	case WGAN:
		s.GAN = &GANSettings{Steps: 200, FoldSteps: 80, Batch: 16, Rate: 1e-4, Beta2: 0.9, CriticSteps: 5, Penalty: 10, Prior: models.UniformPrior, Latent: 100}
		if flat {
			s.GAN.Steps, s.GAN.FoldSteps, s.GAN.Batch = 1800, 0, 64
		}
	case DCGAN:
		s.GAN = &GANSettings{Steps: 890, FoldSteps: 200, Batch: 16, Rate: 2e-4, Beta1: 0.5, Beta2: 0.999, CriticSteps: 1, Prior: models.UniformPrior, Latent: 100}
		if flat {
			s.GAN.Steps, s.GAN.FoldSteps, s.GAN.Batch = 7200, 0, 64
		}
	default:
		return s, fmt.Errorf("%w: no detector %q: choose %s", ErrSettings, name, strings.Join(detectors, ", "))
	}
	if s.GAN != nil {
		net := models.GAN{Dims: 3}
		if flat {
			net.Dims = 2
		}
		s.Search = &SearchSettings{Steps: 100, Rate: net.DefaultSearchRate(), Momentum: 0.9, Lambda: 0.5, Restarts: 1}
	}
	if quick {
		s.hurry()
	}
	return s, nil
}

// hurry keeps the protocol and cuts the numbers.
func (s *Settings) hurry() {
	s.Seeds = 2
	if s.Experiment == MNIST {
		s.Training, s.Normals, s.Nines = 900, 90, 90
	} else {
		s.Folds = 2
	}
	if s.VAE != nil {
		s.VAE.Epochs, s.VAE.FoldEpochs = 3, min(s.VAE.FoldEpochs, 1)
	}
	if s.GAN != nil {
		s.GAN.Steps, s.GAN.FoldSteps, s.Search.Steps = 4, min(s.GAN.FoldSteps, 2), 3
		if s.Experiment == MNIST {
			s.GAN.Steps, s.Search.Steps = 30, 20
		}
	}
}

// maxSettings bounds what is read as settings.
const maxSettings = 64 << 10

// ReadSettings lays the settings in a JSON or YAML file over s. Names that are
// no setting are refused, so that a misspelt one is not lost.
func ReadSettings(r io.Reader, s Settings) (Settings, error) {
	fail := func(err error) (Settings, error) { return s, fmt.Errorf("%w: %w", ErrSettings, err) }
	b, err := io.ReadAll(io.LimitReader(r, maxSettings+1))
	if err != nil {
		return fail(err)
	}
	if len(b) > maxSettings {
		return fail(fmt.Errorf("the file has over %d bytes", maxSettings))
	}
	values, err := yaml.Parser().Unmarshal(b) // JSON is YAML, too
	if err != nil {
		return fail(err)
	}
	if b, err = json.Marshal(values); err != nil {
		return fail(err)
	}
	s = s.clone()
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return fail(err)
	}
	return s, s.Validate()
}

// LoadSettings is ReadSettings of a file.
func LoadSettings(path string, s Settings) (Settings, error) {
	f, err := smallfile.Open(path) //nolint:gosec // the user names it
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrSettings, err)
	}
	defer f.Close() //nolint:errcheck // only read
	if s, err = ReadSettings(f, s); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// clone copies what s points to.
func (s Settings) clone() Settings {
	if s.VAE != nil {
		v := *s.VAE
		s.VAE = &v
	}
	if s.GAN != nil {
		v := *s.GAN
		s.GAN = &v
	}
	if s.Search != nil {
		v := *s.Search
		s.Search = &v
	}
	return s
}

// Validate names everything that makes no sense.
func (s Settings) Validate() error {
	var wrong []string
	bad := func(is bool, format string, args ...any) {
		if is {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	flat := s.Experiment == MNIST
	bad(!slices.Contains(experiments, s.Experiment), "no experiment %q", s.Experiment)
	bad(!slices.Contains(detectors, s.Detector), "no detector %q", s.Detector)
	bad(s.Seeds < 1 || s.Seeds > 100, "seeds %d: want 1 to 100", s.Seeds)
	if flat {
		bad(s.Folds != 0 || s.SplitSeed != 0 || s.FoldPlan, "folds, split_seed and fold_plan are settings of nodules")
		bad(s.Training < 9 || s.Training > 9216, "training %d: want 9 to 9216", s.Training)
		bad(s.Normals < 2 || s.Normals > 450 || s.Nines < 2 || s.Nines > 450, "normals %d and nines %d: want 2 to 450", s.Normals, s.Nines)
	} else {
		bad(s.Folds < 0 || s.Folds == 1 || s.Folds > 20, "folds %d: want 0, or 2 to 20", s.Folds)
		bad(s.FoldPlan && s.Folds != nodule.PlannedFolds, "folds %d: fold_plan has %d", s.Folds, nodule.PlannedFolds)
		bad(s.SplitSeed == 0, "split_seed 0: want 1 or more")
		bad(s.Straighten, "straighten is a setting of mnist")
		bad(s.Training != 0 || s.Normals != 0 || s.Nines != 0, "training, normals and nines are settings of mnist")
	}
	vae := s.Detector == VAE || s.Detector == VAESigma
	bad(vae != (s.VAE != nil), "the section vae goes with the detectors vae and vae-sigma, and only with them")
	bad(vae == (s.GAN != nil) || vae == (s.Search != nil), "the sections gan and search go with the detectors dcgan and wgan, and only with them")
	if v := s.VAE; v != nil {
		bad(s.Folds > 0 && v.FoldEpochs < 1, "fold_epochs %d: want at least 1", v.FoldEpochs)
		bad(v.Samples < 1 || v.Samples > 1000, "samples %d: want 1 to 1000", v.Samples)
		bad(!flat && v.Samples != detector.BoundSamples, "samples %d: the detector of nodules takes %d", v.Samples, detector.BoundSamples)
		bad(v.Epochs < 1 || v.Batch < 1 || !(v.Rate > 0) || v.Latent < 1, "vae: epochs, batch, rate and latent must be above 0")
		bad(!(v.Clip >= 0) || !(v.KLWeight >= 0), "vae: clip and kl_weight must be at least 0, which switches them off")
	}
	if g := s.GAN; g != nil {
		bad(s.Folds > 0 && g.FoldSteps < 1, "fold_steps %d: want at least 1", g.FoldSteps)
		bad(g.Steps < 1 || g.Batch < 1 || !(g.Rate > 0) || g.CriticSteps < 1 || g.Latent < 1, "gan: steps, batch, rate, critic_steps and latent must be above 0")
		bad(g.Prior != models.UniformPrior && g.Prior != models.NormalPrior, "prior %q: want uniform or normal", g.Prior)
	}
	if q := s.Search; q != nil {
		bad(q.Steps < 1 || !(q.Rate > 0) || !(q.Momentum >= 0 && q.Momentum < 1) || !(q.Lambda >= 0 && q.Lambda <= 1) || q.Restarts < 1,
			"search: steps, rate and restarts must be above 0, momentum 0 to 1 (not 1), lambda 0 to 1")
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %s", ErrSettings, strings.Join(wrong, "; "))
	}
	return nil
}

// JSON is the settings as they are kept beside the results.
func (s Settings) JSON() []byte {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("experiment: settings: %v", err)) // numbers and names only
	}
	return append(b, '\n')
}

// Digest names the settings: "sha256:<hex>".
func (s Settings) Digest() string {
	return digest.Of(s.JSON())
}
