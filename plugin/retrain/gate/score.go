package gate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/features"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

// movedMM is how far a candidate lies beside its nodule when it is moved.
const movedMM = 2

// column is one score of one set, for all nodules of a side.
type column struct {
	rung    *rungs.Rung // nil: of a detector
	network string      // that outlined, of a rung
	shown   []float64   // what a reader sees: the calibrated logit; the raw score where there is no calibration
	raw     []float64
	chance  []float64 // calibrated probability; NaN: none
	flagged []bool
	moved   []float64 // as shown, of the candidate moved by movedMM
	seconds float64   // a nodule
	only    []int     // which nodules, of a rung that takes a diameter: those that have one
	beyond  []bool    // larger than all that a rung was trained on: the calibration says where they rank; nil: of a detector
}

// nodules are those of a side that can be scored, in two forms.
type nodules struct {
	samples []nodule.Sample
	cubes   [2]func(i int) *nodule.Cube // as they are, and moved
	known   map[string]*raws            // by weights: scored once where both sets have them
	vectors map[string][2][]features.Vector
	work    *work
}

// newNodules leaves out what has no label, or is not served.
func newNodules(ds *nodule.Dataset) *nodules {
	n := &nodules{known: map[string]*raws{}, vectors: map[string][2][]features.Vector{}, work: newWork(nil)}
	for i := range ds.Samples {
		s := &ds.Samples[i]
		if patch := nodule.Central(s.Cube()); s.Label != nodule.Indeterminate && patch.CheckSupport() == nil {
			n.samples = append(n.samples, *s)
		}
	}
	n.cubes[0] = func(i int) *nodule.Cube { return n.samples[i].Cube() }
	n.cubes[1] = func(i int) *nodule.Cube {
		rng := rand.New(rand.NewPCG(1, uint64(i))) //nolint:gosec // a row
		var shift [3]float64
		length := 0.0
		for a := range shift {
			shift[a] = rng.NormFloat64()
			length += shift[a] * shift[a]
		}
		for a := range shift {
			shift[a] *= movedMM / math.Sqrt(length)
		}
		return outline.Move(n.cubes[0](i), shift)
	}
	return n
}

// columns scores the nodules with a set, by the names of its scores.
func (n *nodules) columns(ctx context.Context, set *store.Set) (map[string]*column, error) {
	out := map[string]*column{}
	for _, d := range set.Detectors {
		c, err := n.detector(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("score with %s: %w", d.Name(), err)
		}
		out[d.Name()] = c
	}
	if set.Rungs == nil || set.Outliner == nil {
		return out, nil
	}
	all, err := n.rungs(ctx, set)
	if err != nil {
		return nil, err
	}
	for name, c := range all {
		out[name] = c
	}
	return out, nil
}

// weighted is a detector whose raw scores are those of weights, from which a calibration
// makes what a reader sees.
type weighted interface {
	Header() models.Header
	Calibration() detector.Calibration
}

// weightsOf names what the raw scores of a detector depend on: two that differ in their
// calibration alone have the same.
func weightsOf(d detector.Detector) string {
	w, ok := d.(weighted)
	if !ok {
		return d.Digest()
	}
	h := w.Header()
	name := h.Kind + " " + h.Preprocessing + " " + h.Digest
	if g, ok := d.(*detector.GANAD); ok {
		name += fmt.Sprintf(" %+v", g.Search())
	}
	return name
}

// raws are raw scores of all nodules, as they are and moved.
type raws struct {
	of      [2][]float64
	seconds float64 // a nodule
}

// raw scores the nodules, once for all detectors of the same weights.
func (n *nodules) raw(ctx context.Context, d detector.Detector) (*raws, error) {
	name := weightsOf(d)
	if r := n.known[name]; r != nil {
		return r, nil
	}
	r := &raws{}
	for pass, cube := range n.cubes {
		start := time.Now()
		for from := 0; from < len(n.samples); from += detector.BatchSize {
			var batch []nodule.Patch
			for i := from; i < min(from+detector.BatchSize, len(n.samples)); i++ {
				batch = append(batch, nodule.Central(cube(i)))
			}
			scores, err := d.Score(ctx, batch)
			if err != nil {
				return nil, err
			}
			for _, s := range scores {
				if math.IsNaN(s.Raw) || math.IsInf(s.Raw, 0) {
					return nil, errors.New("a score is no number")
				}
				r.of[pass] = append(r.of[pass], s.Raw)
			}
			n.work.did(name, len(batch))
		}
		if pass == 0 {
			r.seconds = time.Since(start).Seconds() / float64(max(1, len(n.samples)))
		}
	}
	n.known[name] = r
	return r, nil
}

func (n *nodules) detector(ctx context.Context, d detector.Detector) (*column, error) {
	r, err := n.raw(ctx, d)
	if err != nil {
		return nil, err
	}
	c := &column{raw: r.of[0], seconds: r.seconds}
	var k detector.Calibration
	if w, ok := d.(weighted); ok {
		k = w.Calibration()
	}
	for pass := range r.of {
		for _, raw := range r.of[pass] {
			shown, chance := raw, math.NaN()
			if k.Logistic != nil {
				shown, chance = k.Logistic.Intercept+k.Logistic.Slope*raw, k.Logistic.Probability(raw)
			}
			if pass == 1 {
				c.moved = append(c.moved, shown)
				continue
			}
			c.shown, c.chance, c.flagged = append(c.shown, shown), append(c.chance, chance), append(c.flagged, raw > k.Threshold)
		}
	}
	return c, nil
}

// describe outlines and measures the nodules, once for every network.
func (n *nodules) describe(ctx context.Context, o *outline.Outliner) ([2][]features.Vector, error) {
	if v, done := n.vectors[o.Digest()]; done {
		return v, nil
	}
	by := rungs.ByNetwork(o)
	var out [2][]features.Vector
	for pass, cube := range n.cubes {
		for i := range n.samples {
			s := n.samples[i]
			if pass == 1 {
				s = nodule.NewSample(cube(i), nil)
			}
			v, _, err := rungs.Describe(ctx, &s, by)
			if err != nil {
				return out, fmt.Errorf("outline: %w", err)
			}
			out[pass] = append(out[pass], v)
			n.work.did(o.Digest(), 1)
		}
	}
	n.vectors[o.Digest()] = out
	return out, nil
}

// rungs scores what is measured of the outlines, by the names of the rungs.
func (n *nodules) rungs(ctx context.Context, set *store.Set) (map[string]*column, error) {
	vectors, err := n.describe(ctx, set.Outliner)
	if err != nil {
		return nil, err
	}
	out := map[string]*column{}
	for k := range set.Rungs.Rungs {
		g := &set.Rungs.Rungs[k]
		c := &column{rung: g, network: set.Outliner.Digest()}
		logistic := g.Calibration.Logistic
		start := time.Now()
		for pass := range vectors {
			for i, v := range vectors[pass] {
				diameter := n.samples[i].DiameterMM
				if known := diameter > 0 && !math.IsInf(diameter, 0); g.Diameter && !known {
					continue
				} else if g.Diameter && pass == 0 {
					c.only = append(c.only, i)
				}
				s, err := g.Score(v, diameter)
				if err != nil {
					return nil, err
				}
				shown := logistic.Intercept + logistic.Slope*s.Raw
				if pass == 1 {
					c.moved = append(c.moved, shown)
					continue
				}
				c.raw, c.shown, c.chance, c.flagged = append(c.raw, s.Raw), append(c.shown, shown), append(c.chance, s.Probability), append(c.flagged, s.Flagged)
				c.beyond = append(c.beyond, g.Larger(v))
			}
		}
		c.seconds = time.Since(start).Seconds() / float64(max(1, 2*len(c.raw)))
		name := "rung " + string(g.Name)
		if g.Diameter {
			name += " + diameter"
		}
		out[name] = c
	}
	return out, nil
}
