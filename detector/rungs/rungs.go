package rungs

import (
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/detector/features"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// Rung is one trained model.
type Rung struct {
	Name        Name        `json:"name"`
	Diameter    bool        `json:"diameter"` // it also takes the detector's diameter
	Choice      choice      `json:"choice"`
	Model       model       `json:"model"`
	Held        []model     `json:"held"` // each without one group of patients: the spread of a score
	Calibration Calibration `json:"calibration"`
}

// Part is what one feature adds to a score.
type Part struct {
	Feature string  `json:"feature"`
	Unit    string  `json:"unit,omitempty"`
	Value   float64 `json:"value"`
	Typical float64 `json:"typical"` // mean of what the model was trained on
	// Adds is by how much the calibrated logit is higher than it were with the
	// typical value in its place.
	Adds float64 `json:"adds"`
}

// Score is what one rung says of a nodule.
type Score struct {
	Rung        Name    `json:"rung"`
	Diameter    bool    `json:"diameter"` // the detector's diameter was used
	Raw         float64 `json:"raw"`
	Probability float64 `json:"probability"` // calibrated, at the prevalence of the calibration
	Low         float64 `json:"low"`         // 95 % interval of the probability
	High        float64 `json:"high"`
	Percentile  float64 `json:"percentile"` // among normals
	Flagged     bool    `json:"flagged"`
	Parts       []Part  `json:"parts"` // by size of what they add

	// Outside are the features beyond the range of the training; Code is then
	// OutsideRange: the score is no ground to call the nodule normal.
	Outside []string   `json:"outside,omitempty"`
	Code    coded.Code `json:"code,omitempty"`
}

// Score of a nodule by this rung. diameterMM is used where the rung takes one.
func (r *Rung) Score(v features.Vector, diameterMM float64) (Score, error) {
	s := Score{Rung: r.Name, Diameter: r.Diameter}
	for k, f := range v {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return s, coded.New(features.CodeNotFinite, "score nodule", "the feature "+features.All()[k].Name+" is no number; extract it again", nil)
		}
	}
	if r.Diameter && !(diameterMM > 0 && !math.IsInf(diameterMM, 0)) {
		return s, coded.New(CodeRating, "score nodule", "the diameter is not a number of mm; leave it out", nil)
	}
	x := columns(v, diameterMM, r.Diameter)
	s = r.score(x)
	s.Parts = r.parts(x)
	return s, nil
}

// score is everything but the parts.
func (r *Rung) score(x []float64) Score {
	s := Score{Rung: r.Name, Diameter: r.Diameter, Raw: r.Model.raw(x)}
	c := &r.Calibration
	for _, k := range r.Model.Scale.outside(x) {
		s.Outside, s.Code = append(s.Outside, nameOf(k)), OutsideRange
	}
	// Larger than all that it was trained on: beyond the normals, and the more
	// so the larger.
	if beyond := r.beyond(x[0]); beyond > 0 {
		s.Raw = max(s.Raw, c.high()) + beyond*r.Model.Scale.spread(c.Reference)
	}
	logit := c.Logistic.Intercept + c.Logistic.Slope*s.Raw
	half := 1.959964 * c.logitSE(s.Raw, r.spread(x))
	s.Probability, s.Low, s.High = stats.Sigmoid(logit), stats.Sigmoid(logit-half), stats.Sigmoid(logit+half)
	s.Percentile, s.Flagged = c.percentile(s.Raw), s.Raw > c.Threshold
	return s
}

// beyond is how far a volume is above all that the model was trained on, ln mm³.
func (r *Rung) beyond(volume float64) float64 { return volume - r.Model.Scale.High[0] }

// Larger tells whether a nodule is larger than all that the model was trained on: its raw
// score then depends on the calibration, too.
func (r *Rung) Larger(v features.Vector) bool { return r.beyond(v[0]) > 0 }

// spread of the reference normals per ln mm³ beyond the range.
func (s *scale) spread(reference []float64) float64 {
	return 0.1 * (reference[len(reference)-1] - reference[0])
}

func nameOf(column int) string {
	if column < features.Count {
		return features.All()[column].Name
	}
	return "log_diameter"
}

func unitOf(column int) string {
	if column < features.Count {
		return features.All()[column].Unit
	}
	return "ln mm"
}

// spread is the standard error of a raw score by the jackknife: how much the
// models differ that lack one group of patients each.
func (r *Rung) spread(x []float64) float64 {
	n := float64(len(r.Held))
	if n < 2 {
		return 0
	}
	raws, mean := make([]float64, len(r.Held)), 0.0
	for i := range r.Held {
		raws[i] = r.Held[i].raw(x)
		mean += raws[i] / n
	}
	sum := 0.0
	for _, v := range raws {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt((n - 1) / n * sum)
}

// parts are the features by how much the score changes where one takes its
// typical value.
func (r *Rung) parts(x []float64) []Part {
	var out []Part
	raw, other := r.Model.raw(x), slices.Clone(x)
	for k, v := range x {
		typical := r.Model.Scale.Mean[k]
		other[k] = typical
		out = append(out, Part{Feature: nameOf(k), Unit: unitOf(k), Value: v, Typical: typical, Adds: r.Calibration.Logistic.Slope * (raw - r.Model.raw(other))})
		other[k] = v
	}
	slices.SortStableFunc(out, func(a, b Part) int {
		switch d := math.Abs(b.Adds) - math.Abs(a.Adds); {
		case d > 0:
			return 1
		case d < 0:
			return -1
		}
		return 0
	})
	return out
}
