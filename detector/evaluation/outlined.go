package evaluation

import (
	"context"
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/nodule"
)

// Names of the rows that an outline gives and no rung.
const (
	RowOutlineDiameter = "outline only: diameter of its sphere"
	RowPlain           = rungs.RowPlain
)

// calibrationHeldOut is the calibration of rungs: by groups of patients that are
// held out in turn, with the threshold of PointSensitive90.
const calibrationHeldOut = "held-out groups"

// simulatedSeed draws the diameter that a detector might give.
const simulatedSeed = 1

// outlined scores nodules by what is measured of their outlines.
type outlined struct {
	rungs     *rungs.Rungs
	by        rungs.Outlines
	diameters bool // every nodule has one, and the rungs take one
	without   int  // nodules that were not outlined
}

func newOutlined(o Options, ds *nodule.Dataset) *outlined {
	if o.Rungs == nil {
		return nil
	}
	out := &outlined{rungs: o.Rungs, by: o.Outlines, diameters: o.Rungs.TakeDiameter()}
	for i := range ds.Samples {
		out.diameters = out.diameters && ds.Samples[i].DiameterMM > 0
	}
	return out
}

// add adds rungs and rows to the line of a nodule. row is the nodule's in the
// data set, from which its simulated diameter is drawn.
func (o *outlined) add(ctx context.Context, l *Scored, s *nodule.Sample, row int) error {
	v, found, err := rungs.Describe(ctx, s, o.by)
	if err != nil {
		return err
	}
	if !found {
		o.without++
	}
	diameter := 0.0
	if o.diameters {
		diameter = rungs.Simulated(s.DiameterMM, rungs.DiameterNoise, simulatedSeed, row)
	}
	answer, err := o.rungs.Score(v, diameter)
	if err != nil {
		return err
	}
	for i := range answer.All {
		a := &answer.All[i]
		l.Predictions = append(l.Predictions, Prediction{Detector: a.Row(), Digest: o.rungs.Digest(), Calibration: calibrationHeldOut,
			Probability: a.Probability, Percentile: a.Percentile, Threshold: o.rungs.Threshold(a), Sensitive: math.NaN()})
		l.Values = append(l.Values, detector.Term{Name: a.Row(), Value: a.Raw})
	}
	l.Values = append(l.Values, detector.Term{Name: RowOutlineDiameter, Value: v.DiameterMM()}, detector.Term{Name: RowPlain, Value: o.rungs.PlainScore(v)})
	return nil
}

func (o *outlined) notes() []string {
	var out []string
	if o.diameters {
		out = append(out, fmt.Sprintf("Rows with \"+ diameter\" take the diameter of the file as a detector might give it: times exp(N(0, %g)), one draw.", rungs.DiameterNoise))
	}
	if o.without > 0 {
		out = append(out, fmt.Sprintf("No outline was found of %d nodules: the rungs score a ball of 5 mm in their place.", o.without))
	}
	return out
}
