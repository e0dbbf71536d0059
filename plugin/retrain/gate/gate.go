package gate

import (
	"context"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

// The rule, see the package's doc.
const (
	Margin  = 0.02 // in AUROC, that a change may cost at most, at the lower bound of its 95 % interval
	MinEach = 20   // normals, and anomalies, from which a change can be told

	flagMargin = 0.05 // in the mean of sensitivity and specificity, that flags may clearly lose
	bins       = 10   // of a reliability curve
)

// Data is what both are compared on.
type Data struct {
	Name    string          // such as "test side", "phantoms" or the name of a file
	Digest  string          // of the nodules
	Fixed   bool            // labels of the site cannot move it
	Nodules *nodule.Dataset // labelled ones count
}

// Report is the comparison, and whether the candidate may be promoted.
type Report struct {
	Schema    int       `json:"schema"`
	Created   time.Time `json:"created"`
	Software  string    `json:"software"`
	Candidate Compared  `json:"candidate"`
	Incumbent Compared  `json:"incumbent"`
	Margin    float64   `json:"margin"`
	Sides     []Side    `json:"sides"`
	Allowed   bool      `json:"allowed"`
	Reasons   []string  `json:"reasons"` // why not
	Notes     []string  `json:"notes"`
}

// Compared names a set.
type Compared struct {
	Version string `json:"version"`
	Set     string `json:"set"`
}

// Side is the comparison on one set of nodules.
type Side struct {
	Name      string `json:"name"`
	Digest    string `json:"digest"`
	Fixed     bool   `json:"fixed"`
	Patients  int    `json:"patients"`
	Normals   int    `json:"normals"`
	Anomalies int    `json:"anomalies"`
	Enough    bool   `json:"enough"` // to tell a change
	Rows      []Row  `json:"rows"`
}

// Row compares one score.
type Row struct {
	Name        string       `json:"name"`
	Same        bool         `json:"same"` // nothing that a reader sees has changed
	Ranks       bool         `json:"same_ranking"`
	Weights     bool         `json:"same_weights"` // what is calibrated has not changed
	AUROC       stats.Change `json:"auroc"`        // low is the lower of DeLong's and the bootstrap's bound
	Matched     stats.Change `json:"size_matched"` // AUROC among nodules of about the same diameter
	Moved       stats.Change `json:"moved_2mm"`    // AUROC where the candidate lies 2 mm beside
	Sensitivity stats.Change `json:"sensitivity"`  // of the flags
	Specificity stats.Change `json:"specificity"`
	Flags       stats.Change `json:"flags"` // mean of the two
	Calibration [2]*Fit      `json:"calibration"`
	Seconds     [2]float64   `json:"seconds"` // a nodule, before and after

	model string // detector or rung, as 'retrain --keep' names it
}

// Fit is how well probabilities fit, before or after.
type Fit struct {
	Slope     *float64 `json:"slope"` // nil: the classes are told apart without an error
	Intercept *float64 `json:"intercept"`
	ECE       float64  `json:"ece"`
	Brier     float64  `json:"brier"`
}

// Options of Compare.
type Options struct {
	Software string
	Progress func(Progress) // called often; may be nil
}

// Compare scores the nodules with both sets and applies the rule. What cannot be
// compared, such as a set that lacks a score that the other has, is a reason against
// the candidate, not an error.
func Compare(ctx context.Context, incumbent, candidate *store.Set, data []Data, o Options) (*Report, error) {
	r := &Report{
		Schema: store.Schema, Created: time.Now().UTC().Truncate(time.Second), Software: o.Software, Margin: Margin, Reasons: []string{}, Notes: []string{},
		Candidate: Compared{candidate.Version, candidate.Digest}, Incumbent: Compared{incumbent.Version, incumbent.Digest},
	}
	site, fixed := false, false
	w := newWork(o.Progress)
	all := make([]*nodules, len(data))
	for i, d := range data {
		all[i] = newNodules(d.Nodules)
		all[i].work = w
		w.plan(len(all[i].samples), incumbent, candidate)
	}
	if err := w.measure(ctx, all, incumbent, candidate); err != nil {
		return nil, fmt.Errorf("gate: measure: %w", err)
	}
	for i, d := range data {
		site, fixed = site || !d.Fixed, fixed || d.Fixed
		n := all[i]
		w.side = d.Name
		before, err := n.columns(ctx, incumbent)
		if err != nil {
			return nil, fmt.Errorf("gate: %s: %w", d.Name, err)
		}
		after, err := n.columns(ctx, candidate)
		if err != nil {
			return nil, fmt.Errorf("gate: %s: %w", d.Name, err)
		}
		r.Sides = append(r.Sides, r.side(d, n.samples, before, after))
	}
	if !site {
		r.refuse("it was not compared on patients of the site that were held back")
	}
	if !fixed {
		r.refuse("it was not compared on a reference that the site's labels cannot move")
	}
	r.Allowed = len(r.Reasons) == 0
	return r, nil
}

func (r *Report) refuse(format string, args ...any) {
	r.Reasons = append(r.Reasons, fmt.Sprintf(format, args...))
}

// note says something once.
func (r *Report) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
}

// side compares on one set of nodules.
func (r *Report) side(d Data, samples []nodule.Sample, before, after map[string]*column) Side {
	s := Side{Name: d.Name, Digest: d.Digest, Fixed: d.Fixed, Rows: []Row{}}
	truth := newTruth(samples)
	s.Patients, s.Normals, s.Anomalies = truth.count()
	s.Enough = truth.enough()
	switch {
	case len(samples) == 0:
		r.refuse("%s: it has no nodule with a label that can be scored", d.Name)
		return s
	case d.Fixed && !s.Enough:
		r.refuse("%s: %d normals and %d anomalies of %d patients are too few for a reference: %d of each are needed", d.Name, s.Normals, s.Anomalies, s.Patients, MinEach)
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		b, a := before[name], after[name]
		if a == nil {
			r.refuse("%s: it has no %s, which scores now", d.Name, name)
			continue
		}
		known := truth
		if b.rung != nil && b.rung.Diameter {
			known = truth.of(b.only)
		}
		if len(known.anomalous) == 0 { // no diameter was given
			if !reflect.DeepEqual(b.rung, a.rung) {
				r.refuse("%s: no nodule has a diameter, with which %s could be compared, and it has changed", d.Name, name)
			}
			continue
		}
		row := known.compare(name, b, a)
		r.judge(&s, known, &row)
		s.Rows = append(s.Rows, row)
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if before[name] == nil {
			r.refuse("%s: it has a score %s, with which nothing can be compared", d.Name, name)
		}
	}
	return s
}

// judge applies the rule to one row, of nodules of which t is known.
func (r *Report) judge(s *Side, t *truth, row *Row) {
	patients, normals, anomalies := t.count()
	enough := t.enough()
	switch {
	case enough && row.Same:
		return
	case !enough && !(row.Ranks && row.Weights):
		r.refuse("%s: %d normals and %d anomalies of %d patients do not tell whether %s is as good as before; %d of each are needed, below that only a recalibration is allowed",
			s.Name, normals, anomalies, patients, row.Name, MinEach)
		r.keep(row)
		return
	case !enough && row.Same:
		return
	case !enough:
		r.note("%s: too few nodules to tell what the new calibration of %s is worth.", s.Name, row.Name)
		return
	case !row.AUROC.Known || row.AUROC.Low <= -Margin:
		r.refuse("%s: the AUROC of %s goes from %.3f to %.3f, and the lower bound of the change is %.3f: it must be above %.2f", s.Name, row.Name, row.AUROC.Before, row.AUROC.After, row.AUROC.Low, -Margin)
		r.keep(row)
	}
	if row.Flags.Known && row.Flags.High < -flagMargin {
		r.refuse("%s: flags of %s tell clearly less: the mean of sensitivity and specificity goes from %.2f to %.2f", s.Name, row.Name, row.Flags.Before, row.Flags.After)
	}
}

// keep says how to leave a detector or rung that is refused as it is.
func (r *Report) keep(row *Row) {
	if !row.Weights {
		r.note("'nodulescope retrain --keep %s' makes a candidate whose %[1]s has the weights that score now.", row.model)
	}
}

// truth is what is known of the nodules of a side.
type truth struct {
	anomalous, normal []bool
	diameters         []float64
	patients          []string
}

func newTruth(samples []nodule.Sample) *truth {
	t := &truth{}
	for i := range samples {
		s := &samples[i]
		t.anomalous, t.normal = append(t.anomalous, s.Label == nodule.Anomaly), append(t.normal, s.Label != nodule.Anomaly)
		t.diameters, t.patients = append(t.diameters, s.DiameterMM), append(t.patients, s.Patient)
	}
	return t
}

func (t *truth) count() (patients, normals, anomalies int) {
	who := map[string]bool{}
	for i := range t.anomalous {
		who[stats.PatientName(t.patients[i], i)] = true
		if t.anomalous[i] {
			anomalies++
		} else {
			normals++
		}
	}
	return len(who), normals, anomalies
}

// enough tells whether a change can be told.
func (t *truth) enough() bool {
	patients, normals, anomalies := t.count()
	return min(normals, anomalies, patients) >= MinEach
}

// of is what is known of some of the nodules.
func (t *truth) of(nodules []int) *truth {
	some := &truth{}
	for _, i := range nodules {
		some.anomalous, some.normal = append(some.anomalous, t.anomalous[i]), append(some.normal, t.normal[i])
		some.diameters, some.patients = append(some.diameters, t.diameters[i]), append(some.patients, t.patients[i])
	}
	return some
}

// compare makes a row. Where a class is missing most of it is not known.
func (t *truth) compare(name string, b, a *column) Row {
	row := Row{
		Name: name, Seconds: [2]float64{b.seconds, a.seconds}, Ranks: sameRanks(b.within(a), a.within(b)), Weights: sameWeights(b, a), model: name,
		Same:  slices.Equal(b.shown, a.shown) && slices.Equal(b.flagged, a.flagged),
		AUROC: t.auroc(b.shown, a.shown), Moved: t.auroc(b.moved, a.moved),
	}
	if b.rung != nil {
		row.model = string(b.rung.Name)
	}
	paired := func(before, after stats.Statistic) stats.Change { return stats.Paired(t.patients, before, after) }
	row.Matched = paired(stats.MatchedStatistic(b.shown, t.anomalous, t.diameters), stats.MatchedStatistic(a.shown, t.anomalous, t.diameters))
	share := func(flagged []bool, flag bool, of []bool) stats.Statistic {
		hit := make([]bool, len(flagged))
		for i := range hit {
			hit[i] = flagged[i] == flag
		}
		return stats.ShareStatistic(hit, of)
	}
	row.Sensitivity = paired(share(b.flagged, true, t.anomalous), share(a.flagged, true, t.anomalous))
	row.Specificity = paired(share(b.flagged, false, t.normal), share(a.flagged, false, t.normal))
	mean := func(flagged []bool) stats.Statistic {
		sensitivity, specificity := share(flagged, true, t.anomalous), share(flagged, false, t.normal)
		return func(w []float64) float64 { return (sensitivity(w) + specificity(w)) / 2 }
	}
	row.Flags = paired(mean(b.flagged), mean(a.flagged))
	row.Calibration = [2]*Fit{t.fit(b.chance), t.fit(a.chance)}
	return row
}

// auroc is the change of an area: the lower and the higher of DeLong's and the
// bootstrap's bounds.
func (t *truth) auroc(before, after []float64) stats.Change {
	c, err := stats.CompareAUROC(after, before, t.anomalous, t.patients)
	if err != nil {
		return stats.Change{Low: -1, High: 1}
	}
	return stats.Change{Before: c.AreaB, After: c.AreaA, Difference: c.Difference, Low: min(c.Low, c.BootLow), High: max(c.High, c.BootHigh), Known: true}
}

// fit is nil where there are no probabilities or one class.
func (t *truth) fit(chance []float64) *Fit {
	_, normals, anomalies := t.count()
	if normals == 0 || anomalies == 0 || slices.ContainsFunc(chance, math.IsNaN) {
		return nil
	}
	f := &Fit{ECE: stats.ECE(stats.Reliability(chance, t.anomalous, bins)), Brier: stats.Brier(chance, t.anomalous)}
	if c, err := stats.FitCalibration(chance, t.anomalous); err == nil {
		f.Slope, f.Intercept = &c.Slope, &c.Intercept
	}
	return f
}

// sameWeights tells whether two columns differ in their calibration at most. Raw
// scores of detectors are those of the weights; of a rung's that is not so for a
// nodule larger than all that it was trained on, so that models are compared there.
func sameWeights(a, b *column) bool {
	if a.rung == nil || b.rung == nil {
		return a.rung == b.rung && slices.Equal(a.raw, b.raw)
	}
	return a.network == b.network && reflect.DeepEqual(a.rung.Model, b.rung.Model) && reflect.DeepEqual(a.rung.Held, b.rung.Held)
}

// within is what is shown of the nodules that neither rung ranks by its calibration.
func (c *column) within(other *column) []float64 {
	if c.beyond == nil || other.beyond == nil {
		return c.shown
	}
	var some []float64
	for i, shown := range c.shown {
		if !c.beyond[i] && !other.beyond[i] {
			some = append(some, shown)
		}
	}
	return some
}

// sameRanks tells whether two scores order the nodules in the same way.
func sameRanks(a, b []float64) bool {
	order := make([]int, len(a))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, k int) int {
		switch {
		case a[i] < a[k]:
			return -1
		case a[i] > a[k]:
			return 1
		}
		return 0
	})
	for n := 1; n < len(order); n++ {
		i, k := order[n-1], order[n]
		if (a[i] == a[k]) != (b[i] == b[k]) || b[i] > b[k] {
			return false
		}
	}
	return true
}
