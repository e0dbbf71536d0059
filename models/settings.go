package models

import (
	"errors"
	"fmt"
	"reflect"
)

// Off is the value of a setting that is switched off, where 0 takes the
// default: no clipping, no KL term, no momentum. See [Exactly].
const Off = -1

// Exactly is v as a setting takes it: 0 is given as [Off].
func Exactly(v float64) float64 {
	if v == 0 {
		return Off
	}
	return v
}

// switchOff sets what is [Off] to 0. Any other negative value is left to the
// check of the settings.
func switchOff(settings ...*float64) {
	for _, v := range settings {
		if *v == Off {
			*v = 0
		}
	}
}

// Settings of a training run. The zero value of a field takes the default
// named behind it; Clip and KLWeight may be [Off].
type Settings struct {
	Epochs   int     `json:"epochs"`    // 100
	Batch    int     `json:"batch"`     // 32
	Rate     float64 `json:"rate"`      // 5e-4
	Clip     float64 `json:"clip"`      // 100, norm of the gradient of the mean loss
	KLWeight float64 `json:"kl_weight"` // 1
	Seed     uint64  `json:"seed"`
}

// inUse are the settings as a training takes them: defaults filled in, and 0
// for what is switched off.
func (s Settings) inUse() Settings {
	s = fillIn(s, Settings{Epochs: 100, Batch: 32, Rate: 5e-4, Clip: 100, KLWeight: 1})
	switchOff(&s.Clip, &s.KLWeight)
	return s
}

// fillIn returns s with every field that is zero taken from def.
func fillIn[T any](s, def T) T {
	v, d := reflect.ValueOf(&s).Elem(), reflect.ValueOf(def)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			v.Field(i).Set(d.Field(i))
		}
	}
	return s
}

// Validate names the first setting that makes no sense.
func (s Settings) Validate() error {
	if err := checkEpochs(s.Epochs, s.Batch, s.Rate); err != nil {
		return err
	}
	if !(s.Clip >= 0) || !(s.KLWeight >= 0) {
		return fmt.Errorf("models: clip %g and KL weight %g: want at least 0", s.Clip, s.KLWeight)
	}
	return nil
}

// checkEpochs checks what every training by epochs is set to.
func checkEpochs(epochs, batch int, rate float64) error {
	switch {
	case epochs < 1 || epochs > 100000:
		return fmt.Errorf("models: %d epochs: want 1 to 100000", epochs)
	case batch < 1 || batch > 1024:
		return fmt.Errorf("models: batch of %d: want 1 to 1024", batch)
	case !(rate > 0) || rate > 1:
		return fmt.Errorf("models: learning rate %g: want above 0, at most 1", rate)
	}
	return nil
}

// Losses of a generative adversarial network.
const (
	WGANGP = "wgan-gp" // Gulrajani et al. 2017
	DCGAN  = "dcgan"   // Radford et al. 2016: equation 6, with D(G(z)) where it prints D(G(x))
)

// Priors of the latent z.
const (
	UniformPrior = "uniform" // each component in [-1, 1]
	NormalPrior  = "normal"  // standard normal
)

// GANSettings of the training of a GAN. The zero value of a field takes the
// default named behind it, where two are named that of "wgan-gp" and that of
// "dcgan". Beta1, Beta2 and Penalty may be [Off].
type GANSettings struct {
	Loss        string  `json:"loss"`         // "wgan-gp"
	Steps       int     `json:"steps"`        // 3000, of the generator
	Batch       int     `json:"batch"`        // 64 in two dimensions, 16 in three
	Rate        float64 `json:"rate"`         // 1e-4; 2e-4
	Beta1       float64 `json:"beta1"`        // 0; 0.5
	Beta2       float64 `json:"beta2"`        // 0.9; 0.999
	CriticSteps int     `json:"critic_steps"` // 5; 1, for one of the generator
	Penalty     float64 `json:"penalty"`      // 10, lambda of "wgan-gp"; "dcgan" has none
	Prior       string  `json:"prior"`        // "uniform"
	Average     float64 `json:"average"`      // 0: none. Decay of the moving average of the generator's weights that is searched and sampled
	Seed        uint64  `json:"seed"`
}

// inUse are the settings as the training of n takes them: defaults filled in,
// and 0 for what is switched off.
func (s GANSettings) inUse(n GAN) GANSettings {
	d := GANSettings{Loss: WGANGP, Steps: 3000, Batch: 64, Rate: 1e-4, Beta2: 0.9, CriticSteps: 5, Penalty: 10, Prior: UniformPrior}
	if n.Dims == 3 {
		d.Batch = 16
	}
	if s.Loss == DCGAN {
		d.Rate, d.Beta1, d.Beta2, d.CriticSteps, d.Penalty = 2e-4, 0.5, 0.999, 1, 0
	}
	s = fillIn(s, d)
	switchOff(&s.Beta1, &s.Beta2, &s.Penalty)
	return s
}

// check names what makes no sense, with this network or at all.
func (s GANSettings) check(n GAN) error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("models: "+format, args...))
		}
	}
	bad(s.Loss != WGANGP && s.Loss != DCGAN, "no loss %q: want %q or %q", s.Loss, WGANGP, DCGAN)
	bad(s.Prior != UniformPrior && s.Prior != NormalPrior, "no prior %q: want %q or %q", s.Prior, UniformPrior, NormalPrior)
	bad(s.Steps < 1 || s.Steps > 1_000_000, "%d steps: want 1 to 1000000", s.Steps)
	bad(s.Batch < 1 || s.Batch > 1024, "batch of %d: want 1 to 1024", s.Batch)
	bad(!(s.Rate > 0) || s.Rate > 1, "learning rate %g: want above 0, at most 1", s.Rate)
	bad(!(s.Beta1 >= 0 && s.Beta1 < 1) || !(s.Beta2 >= 0 && s.Beta2 < 1), "betas %g and %g: want at least 0, below 1", s.Beta1, s.Beta2)
	bad(s.CriticSteps < 1 || s.CriticSteps > 100, "%d steps of the critic: want 1 to 100", s.CriticSteps)
	bad(!(s.Penalty >= 0) || s.Penalty > 1e6, "penalty %g: want 0 to 1e6", s.Penalty)
	bad(!(s.Average >= 0 && s.Average < 1), "average %g: want at least 0, below 1", s.Average)
	bad(s.Loss == WGANGP && n.Norm, "the penalty of %q is of every patch alone: its critic cannot have batch normalisation; take a network without or the loss %q", WGANGP, DCGAN)
	bad(s.Loss == DCGAN && s.Penalty != 0, "the loss %q has no penalty", DCGAN)
	bad(s.Loss == DCGAN && n.Norm && s.Batch < 2, "batch normalisation needs a batch of at least 2")
	return errors.Join(errs...)
}
