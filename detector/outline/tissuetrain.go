package outline

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/nodule"
)

// How the regression of Tissue is trained.
const (
	tissueRidge     = 0.0003
	lungRidge       = 0.003
	lungLost        = 0.003 // share of the nodules that the second regression may refuse
	tissueSeed      = 1
	tissueLost      = 0.02 // share of the nodules of a band that may be refused
	phantomWeight   = 0.3  // of the examples of phantoms
	phantomFirst    = 101  // seed; those of the tests are others
	phantomCount    = 16
	phantomPoints   = 30 // of each kind in each
	phantomProgress = 60 // rows of a data set that one takes as long as
)

// TissueOptions of TrainTissue.
type TissueOptions struct {
	Fold        int // that the network has not seen, and this will not: for a test; 0: none
	Attribution string
	Progress    func(done, total int)
}

// TissueRow is what becomes of examples of one kind.
type TissueRow struct {
	Kind    string `json:"kind"`
	Test    bool   `json:"test"` // of the fold that was held out; else each by a regression that lacks its fold
	N       int    `json:"n"`
	Nothing int    `json:"nothing"` // of which the network outlines nothing
	Refused int    `json:"refused"` // further ones
}

// traited is an example as the regression takes it.
type traited struct {
	kind  string // with the band of a nodule
	fold  int
	row   []float64 // nil: nothing outlined
	band  int       // of the outline
	use   bool      // as in use: not cropped
	truth bool      // a nodule
}

func (e *traited) phantom() bool { return strings.HasPrefix(e.kind, phantomPrefix) }

// TrainTissue learns which outlines of an outliner are of no nodule: from
// outlines at the nodules of a data set and at other tissue in the same cubes,
// and from phantoms. The cut of each band of sizes is where tissueLost of its
// nodules lie below, each by a regression that lacks its fold.
func (o *Outliner) TrainTissue(ctx context.Context, ds *nodule.Dataset, opt TissueOptions) (*Tissue, []TissueRow, error) {
	if opt.Fold < 0 || opt.Fold > nodule.PlannedFolds {
		return nil, nil, fmt.Errorf("%w: %d: want 1 to %d", ErrNoFold, opt.Fold, nodule.PlannedFolds)
	}
	if err := nodule.CheckFolds(ds); err != nil {
		return nil, nil, err
	}
	plain := o.WithoutTissue()
	all, err := plain.allExamples(ctx, ds, opt)
	if err != nil {
		return nil, nil, err
	}
	var train, test []traited
	for _, e := range all {
		if opt.Fold != 0 && e.fold == opt.Fold {
			test = append(test, e)
		} else {
			train = append(train, e)
		}
	}
	t := &Tissue{Scheme: tissueScheme, Network: o.network, DataDigest: ds.Digest(), Attribution: opt.Attribution, Traits: traitNames[:]}
	logits, lungs, ok := t.learn(train)
	if !ok {
		return nil, nil, ErrNoMasks
	}
	rows := t.rows(train, logits, lungs, false)
	if len(test) > 0 {
		logits, lungs = logits[:0], lungs[:0]
		for i := range test {
			logits = append(logits, t.logitOf(test[i].row))
			if t.Lung != nil {
				lungs = append(lungs, t.Lung.logitOf(test[i].row))
			}
		}
		rows = append(rows, t.rows(test, logits, lungs, true)...)
	}
	return t, rows, nil
}

// allExamples outlines all examples and takes their traits.
func (o *Outliner) allExamples(ctx context.Context, ds *nodule.Dataset, opt TissueOptions) (all []traited, err error) {
	fold, total, done := 0, len(ds.Samples)+phantomCount*phantomProgress, 0
	tell := func(more int) {
		if done += more; opt.Progress != nil {
			opt.Progress(min(done, total), total)
		}
	}
	add := func(e example) {
		t := traited{kind: e.kind, fold: e.fold, use: !e.cropped, truth: strings.HasSuffix(e.kind, kindNodule)}
		if t.truth {
			t.kind += ", " + BandOf(e.diameterMM)
		}
		if t.fold == 0 {
			t.fold = fold
		}
		if e.finding.Found() {
			t.row = e.finding.traits()
			t.band = tissueBand(t.row)
		}
		all = append(all, t)
		if e.fold != 0 && t.truth && t.use {
			tell(1)
		}
	}
	if err := o.examples(ctx, ds, tissueSeed, add); err != nil {
		return nil, err
	}
	for k := range uint64(phantomCount) {
		for fold = 1 + int(k)%nodule.PlannedFolds; fold == opt.Fold; { //nolint:gosec // a few
			fold = 1 + fold%nodule.PlannedFolds
		}
		if err := o.phantomExamples(ctx, phantomFirst+k, phantomPoints, add); err != nil {
			return nil, err
		}
		tell(phantomProgress)
	}
	return all, nil
}

// fit is the regression of examples with an outline: nodules and others have the
// same weight, in the data set as in the phantoms.
func fit(all []traited, ridge float64) regression {
	var rows [][]float64
	var y []bool
	var w []float64
	group := func(e *traited) string { return fmt.Sprint(e.phantom(), e.truth) }
	n := map[string]float64{}
	for i := range all {
		if all[i].row != nil {
			n[group(&all[i])]++
		}
	}
	for i := range all {
		e := &all[i]
		if e.row == nil {
			continue
		}
		share := 1 - phantomWeight
		if e.phantom() {
			share = phantomWeight
		}
		rows, y, w = append(rows, e.row), append(y, e.truth), append(w, share/n[group(e)])
	}
	g := regression{Scale: stats.NewScale(rows, w)}
	for i := range rows {
		rows[i] = products(g.Scale.Apply(rows[i]))
	}
	g.Weight = stats.MultiLogistic{X: rows, Y: y, W: w, Ridge: ridge}.Fit()
	return g
}

// inLung and onTissue are what either regression learns from.
func (e *traited) inLung() bool   { return e.truth || strings.HasSuffix(e.kind, kindLung) }
func (e *traited) onTissue() bool { return e.truth || !strings.HasSuffix(e.kind, kindLung) }

func only(all []traited, keep func(*traited) bool) []traited {
	return slices.DeleteFunc(slices.Clone(all), func(e traited) bool { return !keep(&e) })
}

// crossed are the logits of all examples, each of a regression of those that are
// kept, without its fold.
func crossed(all []traited, keep func(*traited) bool, ridge float64) []float64 {
	logits := make([]float64, len(all))
	for fold := 1; fold <= nodule.PlannedFolds; fold++ {
		own := func(e traited) bool { return e.fold == fold }
		others := slices.DeleteFunc(only(all, keep), own)
		if len(others) == 0 || !slices.ContainsFunc(all, own) {
			continue
		}
		g := fit(others, ridge)
		for i := range all {
			if own(all[i]) {
				logits[i] = g.logitOf(all[i].row)
			}
		}
	}
	return logits
}

// learn fits both regressions and sets their cuts; lungs are the crossed logits of
// the second, nil where no place in lung was outlined. ok is false where a band
// has no nodule.
func (t *Tissue) learn(train []traited) (logits, lungs []float64, ok bool) {
	logits = crossed(train, (*traited).onTissue, tissueRidge)
	if !t.cuts(train, logits) {
		return nil, nil, false
	}
	t.regression = fit(only(train, (*traited).onTissue), tissueRidge)
	if slices.ContainsFunc(train, func(e traited) bool { return !e.onTissue() && e.row != nil }) {
		lungs = crossed(train, (*traited).inLung, lungRidge)
		t.Lung = &lungPart{regression: fit(only(train, (*traited).inLung), lungRidge), Cut: min(0, lost(train, lungs, lungLost, func(*traited) bool { return true }))} // never where a nodule is likelier
	}
	for i := range train {
		t.count(&train[i])
	}
	return logits, lungs, true
}

// lost is the logit below which a share of the outlined nodules of a data set lie.
func lost(all []traited, logits []float64, share float64, keep func(*traited) bool) float64 {
	var own []float64
	for i := range all {
		if e := &all[i]; e.row != nil && e.truth && e.use && !e.phantom() && keep(e) {
			own = append(own, logits[i])
		}
	}
	if len(own) == 0 {
		return math.NaN()
	}
	slices.Sort(own)
	return own[min(len(own)-1, int(math.Round(share*float64(len(own)))))]
}

// cuts sets the cut of every band; false where a band has no nodule.
func (t *Tissue) cuts(all []traited, logits []float64) bool {
	for band := range t.Cuts {
		t.Cuts[band] = lost(all, logits, tissueLost, func(e *traited) bool { return e.band == band })
		if math.IsNaN(t.Cuts[band]) {
			return false
		}
	}
	return true
}

func (t *Tissue) count(e *traited) {
	switch {
	case e.row == nil:
	case e.truth:
		t.Examples[1]++
	default:
		t.Examples[0]++
	}
}

// rows count what becomes of examples as they are in use.
func (t *Tissue) rows(all []traited, logits, lungs []float64, test bool) (rows []TissueRow) {
	for i := range all {
		e := &all[i]
		if !e.use {
			continue
		}
		k := slices.IndexFunc(rows, func(r TissueRow) bool { return r.Kind == e.kind })
		if k < 0 {
			k, rows = len(rows), append(rows, TissueRow{Kind: e.kind, Test: test})
		}
		rows[k].N++
		switch {
		case e.row == nil:
			rows[k].Nothing++
		case logits[i] < t.Cuts[e.band] || t.Lung != nil && lungs[i] < t.Lung.Cut:
			rows[k].Refused++
		}
	}
	slices.SortFunc(rows, func(a, b TissueRow) int { return strings.Compare(a.Kind, b.Kind) })
	return rows
}

// TissueMarkdown is the table of rows.
func TissueMarkdown(rows []TissueRow) string {
	var b strings.Builder
	b.WriteString("| at | | n | nothing outlined | refused | no nodule found |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		which := "training, crossed"
		if r.Test {
			which = "held out"
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %.1f %% |\n", r.Kind, which, r.N, r.Nothing, r.Refused,
			math.Round(1000*float64(r.Nothing+r.Refused)/float64(r.N))/10)
	}
	return b.String()
}
