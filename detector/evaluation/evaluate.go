package evaluation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/nodule"
)

// Options of Evaluate. The zero value scores any data set.
type Options struct {
	// Mean is the mean normal patch of the training set, [28,28,28] (MeanPatch);
	// nil takes that of Neighbours, or else the one in a detector's file.
	Mean []float32
	// Neighbours are the training normals, for the row of nearest neighbours.
	Neighbours []nodule.Sample
	// Calibration are nodules to choose operating points on that a detector's
	// file lacks: those that it was calibrated on. May be nil.
	Calibration *nodule.Dataset
	// Rungs also score what Outlines outlines; nil: they do not.
	Rungs    *rungs.Rungs
	Outlines rungs.Outlines
	// Seed and Fold are noted beside every score.
	Seed uint64
	Fold int
	// Notes stand under the table.
	Notes []string
	// Progress is told how many scores of how many are done. May be nil.
	Progress func(done, total int)
}

// Evaluate scores the nodules of a data set with every detector and ranks them
// in every way: each detector's raw score and its terms, and rows that need no
// model. What cannot be known for this data is said in Missing. Nodules whose
// cube has too little data to be served (nodule.Patch.CheckSupport) are left
// out, and said so. A set of one class is refused with ErrOneClass before
// anything is scored.
func Evaluate(ctx context.Context, detectors []detector.Detector, ds *nodule.Dataset, o Options) (*Evaluation, error) {
	if len(detectors) == 0 {
		return nil, errors.New("evaluation: no detector to evaluate")
	}
	var count [3]int
	for i := range ds.Samples {
		count[ds.Samples[i].Label]++
	}
	if count[nodule.Normal] == 0 || count[nodule.Anomaly] == 0 {
		return nil, fmt.Errorf("%w: %d normal, %d anomalous and %d indeterminate nodules", ErrOneClass,
			count[nodule.Normal], count[nodule.Anomaly], count[nodule.Indeterminate])
	}
	v, err := newEvaluator(ctx, detectors, ds, o)
	if err != nil {
		return nil, err
	}
	var scored []Scored
	refused, total := 0, len(ds.Samples)*len(detectors)
	for start := 0; start < len(ds.Samples); start += detector.BatchSize {
		batch := ds.Samples[start:min(start+detector.BatchSize, len(ds.Samples))]
		lines, err := v.score(ctx, batch, start, func(d int) {
			if o.Progress != nil {
				o.Progress(start*len(detectors)+d*len(batch), total)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("evaluation: nodules %d to %d of the data set: %w", start, start+len(batch)-1, err)
		}
		refused += len(batch) - len(lines)
		scored = append(scored, lines...)
	}
	for i := range scored {
		scored[i].Data = ds.Digest()
	}
	notes := slices.Concat(o.Notes, v.notes(scored))
	if v.outlined != nil {
		notes = append(notes, v.outlined.notes()...)
	}
	if refused > 0 {
		notes = append(notes, fmt.Sprintf("%d nodules are left out: their cubes have too little data around the nodule to be scored.", refused))
	}
	return Tabulate(ctx, scored, TableOptions{Reasons: v.reasons(ds), Notes: notes})
}

// evaluator holds what is the same for every nodule.
type evaluator struct {
	detectors []detector.Detector
	names     []string                // unique
	settings  []*detector.Calibration // per detector; nil where it has none
	mean      []float32
	nearest   *nearest
	outlined  *outlined // nil: no rungs
	shares    bool      // some cube is not complete
	o         Options
}

func newEvaluator(ctx context.Context, detectors []detector.Detector, ds *nodule.Dataset, o Options) (*evaluator, error) {
	v := &evaluator{detectors: detectors, settings: make([]*detector.Calibration, len(detectors)), mean: o.Mean, o: o}
	v.outlined = newOutlined(o, ds)
	v.shares = slices.ContainsFunc(ds.Samples, func(s nodule.Sample) bool { return s.Inside < 1 })
	if len(o.Neighbours) > 0 {
		v.nearest = newNearest(o.Neighbours)
		if v.mean == nil {
			v.mean = detector.MeanPatch(o.Neighbours)
		}
	}
	for i, d := range detectors {
		name := d.Name()
		for n := 2; slices.Contains(v.names, name); n++ {
			name = fmt.Sprintf("%s#%d", d.Name(), n)
		}
		v.names = append(v.names, name)
		c, ok := d.(interface{ Calibration() detector.Calibration })
		if !ok {
			continue
		}
		calibration := c.Calibration()
		v.settings[i] = &calibration
		if v.mean == nil && len(calibration.MeanNormal) > 0 {
			v.mean = calibration.MeanNormal
		}
		if calibration.Sensitive == nil && calibration.Logistic != nil && o.Calibration != nil {
			var err error
			if calibration.Sensitive, err = chooseSensitive(ctx, d, o.Calibration); err != nil {
				return nil, err
			}
		}
	}
	if v.mean != nil && len(v.mean) != nodule.PatchVoxels {
		return nil, fmt.Errorf("evaluation: the mean patch has %d voxels, want %d", len(v.mean), nodule.PatchVoxels)
	}
	return v, nil
}

// chooseSensitive finds the threshold for a sensitivity of 95 % on calibration
// nodules; nil where a class has fewer than MinCalibration.
func chooseSensitive(ctx context.Context, d detector.Detector, ds *nodule.Dataset) (*float64, error) {
	labelled := ds.Filter(func(s *nodule.Sample) bool { return s.Label != nodule.Indeterminate })
	anomalous, anomalies := make([]bool, len(labelled.Samples)), 0
	for i := range labelled.Samples {
		if anomalous[i] = labelled.Samples[i].Label == nodule.Anomaly; anomalous[i] {
			anomalies++
		}
	}
	if anomalies < detector.MinCalibration || len(anomalous)-anomalies < detector.MinCalibration {
		return nil, nil //nolint:nilnil // none, as in a file that has none
	}
	scores, err := detector.ScoreSamples(ctx, d, labelled.Samples, nil)
	if err != nil {
		return nil, err
	}
	raw := make([]float64, len(scores))
	for i, s := range scores {
		raw[i] = s.Raw
	}
	at, err := stats.AtSensitivity(raw, anomalous, 0.95)
	return &at, err
}

// score makes the lines of some nodules, the first of which is a row of the data
// set. Those that cannot be served are left out. tell is called with the number of detectors that are done.
func (v *evaluator) score(ctx context.Context, samples []nodule.Sample, row int, tell func(done int)) ([]Scored, error) {
	var lines []Scored
	var kept []nodule.Patch
	var of []*nodule.Sample
	var rows []int
	for i := range samples {
		if p := nodule.Central(samples[i].Cube()); p.CheckSupport() == nil {
			kept, of = append(kept, p), append(of, &samples[i])
			rows = append(rows, row+i)
			lines = append(lines, v.line(&samples[i]))
		}
	}
	for j, d := range v.detectors {
		scores, err := d.Score(ctx, kept)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.names[j], err)
		}
		if len(scores) != len(kept) {
			return nil, fmt.Errorf("%s: %d scores for %d patches", v.names[j], len(scores), len(kept))
		}
		for i, s := range scores {
			l := &lines[i]
			l.Predictions = append(l.Predictions, predictionOf(v.names[j], d.Digest(), s, v.settings[j]))
			l.Values = append(l.Values, detector.Term{Name: v.names[j], Value: s.Raw})
			for _, t := range s.Terms {
				l.Values = append(l.Values, detector.Term{Name: TermRow(v.names[j], t.Name), Value: t.Value})
			}
			for _, t := range l.Values {
				if math.IsNaN(t.Value) || math.IsInf(t.Value, 0) {
					return nil, fmt.Errorf("%s: nodule %d: %q is not finite", v.names[j], i, t.Name)
				}
			}
		}
		tell(j + 1)
	}
	for i := range lines {
		if v.outlined != nil {
			if err := v.outlined.add(ctx, &lines[i], of[i], rows[i]); err != nil {
				return nil, fmt.Errorf("nodule %d: %w", i, err)
			}
		}
		lines[i].Values = append(lines[i].Values, v.modelFree(of[i], kept[i].Core())...)
	}
	return lines, nil
}
