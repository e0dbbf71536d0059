package evaluation

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/nodule"
)

// reliabilityBins is how many groups a reliability curve has where there are
// enough nodules; a group has ten or more.
const reliabilityBins = 10

// reproductionSeed fixes which nodules the reproduction row draws.
const reproductionSeed = 2018

// CalibrationCheck is how far the calibration of a detector holds on this set.
type CalibrationCheck struct {
	Detector    string                 `json:"detector"`
	Digests     []string               `json:"digests"` // several where seeds or folds are pooled
	Calibration string                 `json:"calibration"`
	Counts      Counts                 `json:"counts"`
	Brier       *float64               `json:"brier"`       // nil where uncalibrated
	BrierPrior  float64                `json:"brier_prior"` // of the prevalence as everybody's probability
	ECE         *float64               `json:"ece"`         // expected calibration error, over the groups of Bins
	Fit         *stats.CalibrationFit  `json:"fit"`         // slope and intercept; nil where there is no maximum
	FitMissing  string                 `json:"fit_missing,omitempty"`
	Bins        []stats.ReliabilityBin `json:"reliability"`
	Points      []OperatingPoint       `json:"operating_points"`
	Reproduced  *Reproduction          `json:"reproduction"`
}

// Reproduction is the paper's evaluation (section V-C): equal numbers of both
// classes, a logistic regression fitted on the scores, and the AUROC of that
// regression on the same scores. It chooses the sign of the score after seeing
// the labels, so it is never below 0.5; it is here to be set beside the paper
// and serves nothing else.
type Reproduction struct {
	PerClass  int         `json:"per_class"`
	Intercept float64     `json:"intercept"`
	Slope     float64     `json:"slope"`
	Area      stats.AUROC `json:"auroc"`
}

// checkCalibration makes the part of the table that needs a calibration.
func (e *Evaluation) checkCalibration(j int, labelled []int) CalibrationCheck {
	first := e.Scored[0].Predictions[j]
	d := CalibrationCheck{Detector: first.Detector, Calibration: first.Calibration, Bins: []stats.ReliabilityBin{}, Points: []OperatingPoint{}}
	k := slices.IndexFunc(e.Scored[0].Values, func(v detector.Term) bool { return v.Name == first.Detector })
	if k < 0 {
		d.FitMissing = "the scores of the detector are missing"
		return d
	}
	c := e.columns(k, labelled)
	d.Counts = countScored(e.Scored, c.who)
	d.BrierPrior = d.Counts.Prevalence * (1 - d.Counts.Prevalence)
	var p, youden, sensitive []float64
	for _, i := range c.who {
		v := &e.Scored[i].Predictions[j]
		p, youden, sensitive = append(p, v.Probability), append(youden, v.Threshold), append(sensitive, v.Sensitive)
		if !slices.Contains(d.Digests, v.Digest) {
			d.Digests = append(d.Digests, v.Digest)
		}
		if v.Calibration != d.Calibration {
			d.Calibration = "mixed"
		}
	}
	if d.Counts.Normals == 0 || d.Counts.Anomalies == 0 {
		d.FitMissing = "the nodules that have a score are of one class"
		return d
	}
	d.fitCalibration(p, c.anomalous)
	name := PointYouden
	switch d.Calibration {
	case "uncalibrated":
		name = PointReference95
	case calibrationHeldOut:
		name = PointSensitive90
	}
	for _, t := range []struct {
		name string
		at   []float64
	}{{name, youden}, {PointSensitive, sensitive}} {
		if !slices.ContainsFunc(t.at, math.IsNaN) {
			p := operate(t.name, c.scores, t.at, c.anomalous)
			p.Undecided = e.undecided(j, k, t.name == PointSensitive)
			d.Points = append(d.Points, p)
		}
	}
	d.Reproduced = reproduce(c.scores, c.anomalous)
	return d
}

// undecided counts the indeterminate nodules that detector j, of column k, flags.
func (e *Evaluation) undecided(j, k int, sensitive bool) stats.Proportion {
	flagged, n := 0, 0
	for i := range e.Scored {
		s := &e.Scored[i]
		at := s.Predictions[j].Threshold
		if sensitive {
			at = s.Predictions[j].Sensitive
		}
		if v := s.Values[k].Value; s.Label == nodule.Indeterminate && !math.IsNaN(v) && !math.IsNaN(at) {
			if n++; v > at {
				flagged++
			}
		}
	}
	return stats.Wilson(flagged, n)
}

func (d *CalibrationCheck) fitCalibration(p []float64, anomalous []bool) {
	if slices.ContainsFunc(p, math.IsNaN) {
		d.FitMissing = "uncalibrated"
		return
	}
	b := stats.Brier(p, anomalous)
	d.Brier = &b
	d.Bins = stats.Reliability(p, anomalous, max(1, min(reliabilityBins, len(p)/10)))
	ece := stats.ECE(d.Bins)
	d.ECE = &ece
	fit, err := stats.FitCalibration(p, anomalous)
	if err != nil {
		d.FitMissing = err.Error()
		return
	}
	d.Fit = &fit
}

// reproduce draws as many nodules of the larger class as the smaller one has,
// with a fixed seed, and evaluates them as the paper does. It is nil where the
// regression cannot be fitted.
func reproduce(scores []float64, anomalous []bool) *Reproduction {
	var class [2][]int
	for i, a := range anomalous {
		if a {
			class[1] = append(class[1], i)
		} else {
			class[0] = append(class[0], i)
		}
	}
	n := min(len(class[0]), len(class[1]))
	rng := rand.New(rand.NewPCG(reproductionSeed, uint64(n)))
	var s []float64
	var y []bool
	for _, members := range class {
		rng.Shuffle(len(members), func(a, b int) { members[a], members[b] = members[b], members[a] })
		for _, i := range members[:n] {
			s, y = append(s, scores[i]), append(y, anomalous[i])
		}
	}
	l, err := stats.FitLogistic(s, y)
	if err != nil {
		return nil
	}
	for i, v := range s {
		s[i] = l.Intercept + l.Slope*v // ranks as the probability does, and does not saturate
	}
	a, err := stats.DeLong(s, y)
	if err != nil {
		return nil
	}
	return &Reproduction{PerClass: n, Intercept: l.Intercept, Slope: l.Slope, Area: a}
}
