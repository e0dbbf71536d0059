package rungs

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/nodule"
)

// RenewOptions of Renew.
type RenewOptions struct {
	Learn   []Name // rungs that learn of the cases; the others keep their models
	Scratch bool   // these forget what they knew
	Data    string // digest of the data set

	// Attribution of the data, added to that of the rungs they came from, which
	// goes where every rung starts anew.
	Attribution string
	Seed        uint64 // of what starts anew
	Progress    func(done, total int)
}

// What became of a rung.
const (
	DidRecalibrate = "recalibrated"     // probability, threshold and percentiles are new
	DidReference   = "percentiles only" // too few anomalies for more
	DidKeep        = "kept"             // nothing could be made of the cases
	DidContinue    = "continued"        // the model, too
	DidStay        = "kept, recalibrated"
	DidScratch     = "from scratch"
)

// Change is what became of one rung.
type Change struct {
	Rung      Name    `json:"rung"`
	Diameter  bool    `json:"diameter"`
	Did       string  `json:"did"`
	Normals   int     `json:"normals"`   // that calibrated it
	Anomalies int     `json:"anomalies"` // that calibrated it
	Penalty   float64 `json:"penalty,omitempty"`
	Gain      float64 `json:"gain"`     // by how much the loss per held-out case fell
	GainSE    float64 `json:"gain_se"`  // standard error of the gain
	Was       float64 `json:"was"`      // threshold before
	Is        float64 `json:"is"`       // and now
	WasRate   float64 `json:"was_rate"` // share of the normals of the cases that were flagged
	IsRate    float64 `json:"is_rate"`
}

// Renew makes rungs of others and of a site's cases: those of o.Learn learn, all
// are calibrated anew. Scores that calibrate are of models that have not seen the
// patient's group, so a set may be renewed again and again with the same patients.
//
// Continued, a rung keeps what it knew and learns what the cases have beyond it;
// how much is chosen by held-out groups of patients, and nothing where what they
// gain is less than twice its standard error. With fewer than 20 normals or anomalies
// nothing can learn (CodeTooFew), and without anomalies percentiles alone are new.
func Renew(ctx context.Context, from *Rungs, cases []Case, o RenewOptions) (*Rungs, []Change, error) {
	refuse := func(code coded.Code, hint string) (*Rungs, []Change, error) {
		return nil, nil, coded.New(code, "renew rungs", hint, nil)
	}
	if from.prevalence != 0 {
		return refuse(CodeInvalid, "rungs at the prevalence of a site cannot be renewed; name those of the file")
	}
	cases, count, err := numbers(cases)
	if err != nil {
		return nil, nil, err
	}
	if count[nodule.Normal] < MinNormals {
		return refuse(CodeTooFew, fmt.Sprintf("%d normal nodules; %d are needed", count[nodule.Normal], MinNormals))
	}
	calibrates := count[nodule.Anomaly] >= detector.MinCalibration
	if len(o.Learn) > 0 && !calibrates {
		return refuse(CodeTooFew, fmt.Sprintf("%d anomalies; %d are needed to calibrate what is learned", count[nodule.Anomaly], detector.MinCalibration))
	}
	out := *from
	out.Data, out.Rungs = o.Data, slices.Clone(from.Rungs)
	if o.Scratch && len(o.Learn) == len(Names()) {
		out.Attribution, out.Seed, out.Plain = o.Attribution, o.Seed, fitPlain(newSet(cases, false, 0, 0))
	} else {
		out.Attribution = attributions(from.Attribution, o.Attribution)
	}
	var changes []Change
	for i := range out.Rungs {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		r := &out.Rungs[i]
		given := cases
		if r.Diameter {
			given = slices.DeleteFunc(slices.Clone(cases), func(c Case) bool { return !(c.DiameterMM > 0) })
		}
		next, change, err := r.renew(newSet(given, r.Diameter, DiameterNoise, from.Seed), o)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", r.Name.row(r.Diameter), err)
		}
		if out.Rungs[i] = *next; o.Progress != nil {
			o.Progress(i+1, len(out.Rungs))
		}
		changes = append(changes, change)
	}
	b, err := out.Encode()
	out.digest = digest.Of(b)
	return &out, changes, err
}

// attributions of data that a model has learned from, each once.
func attributions(a, b string) string {
	switch {
	case b == "" || a == b:
		return a
	case a == "":
		return b
	}
	return a + "; " + b
}

// renew is Renew for one rung, whose set has what it sees of the cases.
func (r *Rung) renew(s *set, o RenewOptions) (*Rung, Change, error) {
	change := Change{Rung: r.Name, Diameter: r.Diameter, Did: DidKeep, Was: r.Calibration.Threshold, Is: r.Calibration.Threshold}
	var count [3]int
	for i := range s.cases {
		count[s.cases[i].Label]++
	}
	if count[nodule.Normal] < MinNormals {
		return r, change, nil // of a rung with a diameter, where few cases have one
	}
	next, learns := *r, slices.Contains(o.Learn, r.Name) && count[nodule.Anomaly] >= detector.MinCalibration
	var raws []float64
	switch {
	case learns && o.Scratch:
		made, err := r.Name.learn(s, o.Seed)
		if err != nil {
			return nil, change, err
		}
		made.Diameter = r.Diameter
		next, change.Did, change.Penalty = *made, DidScratch, made.Choice.Penalty
	case learns:
		f, err := r.further(s)
		if err != nil {
			return nil, change, err
		}
		raws, change.Did = f.raws, DidStay
		change.Gain, change.GainSE = f.gain, f.se
		if f.chosen {
			change.Did, change.Penalty = DidContinue, f.choice.Penalty
			next.Choice, next.Model, next.Held = f.choice, f.model, f.held
		}
	default:
		crossed, err := r.crossed(s)
		if err != nil {
			return nil, change, err
		}
		raws, change.Did = crossed, DidRecalibrate
	}
	if change.Did != DidScratch {
		if err := next.recalibrate(raws, s.cases, count[nodule.Anomaly] >= detector.MinCalibration); err != nil {
			return nil, change, err
		}
		if count[nodule.Anomaly] < detector.MinCalibration {
			change.Did = DidReference
		}
	}
	change.Normals, change.Anomalies, change.Is = next.Calibration.Normals, next.Calibration.Anomalies, next.Calibration.Threshold
	change.WasRate, change.IsRate = r.flagged(s), next.flagged(s)
	return &next, change, nil
}

// recalibrate makes the calibration of scores; full: not of the percentiles alone.
func (r *Rung) recalibrate(raws []float64, cases []Case, full bool) error {
	if full {
		c, err := calibrate(raws, cases)
		r.Calibration = c
		return err
	}
	var reference []float64
	for i := range cases {
		if cases[i].Label == nodule.Normal {
			reference = append(reference, raws[i])
		}
	}
	slices.Sort(reference)
	r.Calibration.Reference = reference
	return nil
}

// flagged is the share of the normals that the rung flags.
func (r *Rung) flagged(s *set) float64 {
	var n, hit float64
	for i := range s.cases {
		if s.cases[i].Label == nodule.Normal {
			if n++; r.Model.raw(s.rows[i]) > r.Calibration.Threshold {
				hit++
			}
		}
	}
	return hit / math.Max(n, 1)
}

// without is the model that lacks a group of patients.
func (r *Rung) without(group int) (*model, error) {
	if len(r.Held) != nodule.PlannedFolds {
		return nil, coded.New(CodeInvalid, "renew rungs", "these rungs were trained on patients of fewer than five groups; start anew with all data", nil)
	}
	return &r.Held[group-1], nil
}

// crossed are the raw scores of cases by models that lack their patients.
func (r *Rung) crossed(s *set) ([]float64, error) {
	raws := make([]float64, len(s.cases))
	for i := range s.cases {
		m, err := r.without(groupOf(s.cases[i].Patient))
		if err != nil {
			return nil, err
		}
		raws[i] = m.raw(s.rows[i])
	}
	return raws, nil
}
