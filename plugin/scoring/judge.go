package scoring

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/nodule"
)

// scoreBatch is how many patches a detector gets at a time: enough for a
// device to be busy, few enough for progress and for an early end.
const scoreBatch = 16

// judge has every detector score every patch, all of them side by side, and adds
// the scores to the nodules. A detector that fails on a nodule leaves the scores of the others,
// and an error that names it: a score is never missing without a word.
func (p *Prepared) judge(ctx context.Context, nodules []bus.ResultNodule, subjects []subject) ([]Detail, []bus.ModelTiming, error) {
	var details []Detail
	if !p.req.NoDetails {
		details = make([]Detail, len(nodules))
		for i := range nodules {
			details[i].ID = nodules[i].ID
			if s := subjects[i]; s.patch != nil {
				details[i].Patch, details[i].Outline = *s.patch, s.outline
			}
		}
	}
	var todo []int
	for i := range subjects {
		if subjects[i].patch != nil {
			todo = append(todo, i)
		}
	}
	done, total := 0, len(todo)*len(p.req.Detectors)
	p.req.report("score", done, total)
	timings := make([]bus.ModelTiming, len(p.req.Detectors))
	all := make([]judged, len(p.req.Detectors)) // by detector, in the order of todo
	for b := range p.sideBySide(ctx, todo, subjects) {
		if b.panicked != nil {
			panic(b.panicked)
		}
		a, d := &all[b.detector], p.req.Detectors[b.detector]
		for k, i := range b.nodules {
			if p.pictures != nil && b.errs[k] == nil && ctx.Err() == nil {
				p.pictures.Reconstruction(i+1, d.Digest(), b.scores[k].Reconstruction)
			}
			if details == nil {
				b.scores[k].Reconstruction = nil
			}
		}
		a.scores, a.errs = append(a.scores, b.scores...), append(a.errs, b.errs...)
		timings[b.detector] = bus.ModelTiming{Model: d.Name(), Digest: d.Digest(), Score: milliseconds(b.since)}
		done += len(b.nodules)
		p.req.report("score", done, total)
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("score series: %w", err)
	}
	for n, d := range p.req.Detectors {
		for k, i := range todo {
			score, err := all[n].scores[k], all[n].errs[k]
			if err != nil {
				why := bus.ProblemOf(err)
				nodules[i].Failed = append(nodules[i].Failed, bus.ModelProblem{Model: d.Name(), Digest: d.Digest(), Problem: *why})
				nodules[i].Error = cmp.Or(nodules[i].Error, why)
				score = detector.Score{}
			} else {
				nodules[i].Scores = append(nodules[i].Scores, noduleScore(d, score))
			}
			if details != nil {
				details[i].Scores = append(details[i].Scores, score)
			}
		}
	}
	for i := range nodules {
		nodules[i].Disagreement = disagreement(nodules[i].Scores)
	}
	return details, timings, nil
}

// disagreement compares the scores of one nodule; nil with fewer than two.
func disagreement(scores []bus.NoduleScore) *bus.Disagreement {
	if len(scores) < 2 {
		return nil
	}
	low, high, flags := scores[0].Percentile, scores[0].Percentile, 0
	for _, s := range scores {
		low, high = min(low, s.Percentile), max(high, s.Percentile)
		if s.Anomalous {
			flags++
		}
	}
	return &bus.Disagreement{PercentileGap: high - low, FlagsDiffer: flags > 0 && flags < len(scores)}
}

// scoreEach scores the patches of a batch together, and one by one where that
// fails, so that only the patch that is to blame has an error.
func scoreEach(ctx context.Context, d detector.Detector, batch []int, subjects []subject) ([]detector.Score, []error) {
	list := make([]nodule.Patch, len(batch))
	for k, i := range batch {
		list[k] = *subjects[i].patch
	}
	errs := make([]error, len(list))
	scores, err := d.Score(ctx, list)
	if err != nil || len(scores) != len(list) {
		scores = make([]detector.Score, len(list))
		for k := range list {
			if ctx.Err() != nil {
				return scores, errs
			}
			one, err := d.Score(ctx, list[k:k+1])
			if err != nil || len(one) != 1 {
				errs[k] = coded.New(CodeDetectorFailed, "score patch", d.Name()+" gave no score for this nodule; its weights may be damaged", err)
				continue
			}
			scores[k] = one[0]
		}
	}
	for k, s := range scores {
		if errs[k] == nil && !finite(s) {
			errs[k] = coded.New(CodeScoreNotFinite, "score patch", "the score of "+d.Name()+" is not a number; its weights may be damaged", nil)
		}
	}
	return scores, errs
}

func finite(s detector.Score) bool {
	values := []float64{s.Raw, s.Sum, s.PerVoxel, s.KL, s.Percentile}
	if s.Probability != nil {
		values = append(values, *s.Probability)
	}
	for _, t := range s.Terms {
		values = append(values, t.Value)
	}
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

func noduleScore(d detector.Detector, s detector.Score) bus.NoduleScore {
	var terms []bus.Term
	for _, t := range s.Terms {
		terms = append(terms, bus.Term{Name: t.Name, Value: t.Value})
	}
	return bus.NoduleScore{
		ComputedBy: machineOf(s.Machine),
		Model:      d.Name(), Digest: d.Digest(), Raw: s.Raw, Sum: s.Sum, PerVoxel: s.PerVoxel, KL: s.KL,
		Probability: s.Probability, Calibration: s.Calibration, Percentile: s.Percentile, Anomalous: s.Anomalous, Terms: terms,
	}
}

// machineOf is a machine as a result names it; nil where none was named.
func machineOf(m compute.Machine) *bus.Machine {
	if m.Device == "" {
		return nil
	}
	return &bus.Machine{Device: m.Device, Name: m.Name, Precision: m.Precision}
}
