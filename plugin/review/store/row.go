package store

import (
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/nodule/measure"
)

// State of a series in the work list.
type State string

// States, as the API names them.
const (
	Waiting  State = "waiting"
	Scored   State = "scored"
	Refused  State = "refused"
	InReview State = "in_review"
	Done     State = "done"
)

// States lists all of them, in the order in which a list sorted by state has
// them.
func States() []State { return []State{Waiting, Scored, InReview, Done, Refused} }

// Flag says whether a series holds something that a detector flags.
type Flag string

// Flags, as the API names them.
const (
	Flagged     Flag = "flagged"
	Clear       Flag = "clear"
	FlagUnknown Flag = "unknown" // refused, waiting, or a finding without a score
)

// Row is what the work list needs of a record, kept in memory.
type Row struct {
	ID           string
	Priority     string
	Time         time.Time
	Findings     int
	Decided      int
	Flagged      int // findings that a detector flags
	Disagree     int // findings on whose flag detectors differ
	Probability  *float64
	Percentile   *float64
	BaseRate     *float64 // of the finding with that probability, see [BaseRate]
	Models       []Model
	Problem      *bus.Problem
	SupersededBy string // id

	lineage, jobID      string
	supersedes          string // id
	studyUID, seriesUID string
	uri                 string // of the images
	identity            string // of the result; empty: the digest that the id is made of
	unscored            int
	refused, waiting    bool
	nodules             []rowNodule
}

// rowNodule is what a finding can be filtered by.
type rowNodule struct {
	probability *float64
	sizeMM      float64 // mean of the axes of the outline, or the diameter that was given; 0: not known
	kind        measure.Type
}

func rowNoduleOf(n *bus.ResultNodule) rowNodule {
	r := rowNodule{probability: Highest(n).Probability, sizeMM: n.DiameterMM}
	if n.Outline != nil && n.Outline.Measurements != nil {
		r.sizeMM, r.kind = n.Outline.Measurements.MeanAxisMM, n.Outline.Measurements.Type
	}
	return r
}

// Model is a detector that gave a result.
type Model struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// Record is what finds the images of a row, as its record has it. The list reads no
// whole records: with hundreds of findings one is a megabyte.
func (w *Row) Record() Record {
	return Record{ID: w.ID, StudyUID: w.studyUID, SeriesUID: w.seriesUID, URI: w.uri}
}

// Identity is what the audit trail calls a row: the identity of its result, or its id
// where there is no result.
func (w *Row) Identity() string {
	switch {
	case w.refused:
		return w.ID
	case w.identity == "":
		return digestPrefix + w.ID
	}
	return w.identity
}

// WaitingRow is the row of a job that nobody has answered yet.
func WaitingRow(r *Record) *Row {
	w := rowOf(r)
	w.waiting = true
	return w
}

func rowOf(r *Record) *Row {
	w := &Row{
		ID: r.ID, lineage: r.lineage(), studyUID: r.StudyUID, seriesUID: r.SeriesUID, Priority: r.Priority, Time: r.Time,
		Findings: r.Nodules, Problem: r.Problem, refused: r.Result == nil, SupersededBy: r.SupersededBy, jobID: r.JobID, supersedes: r.Supersedes,
		uri: r.URI,
	}
	if r.Result == nil {
		return w
	}
	if r.Result.Identity != digestPrefix+r.ID {
		w.identity = r.Result.Identity
	}
	for _, m := range r.Result.Models {
		w.Models = append(w.Models, Model{m.Name, m.Digest})
	}
	scored := 0
	for i := range r.Result.Nodules {
		n := &r.Result.Nodules[i]
		h := Highest(n)
		w.nodules = append(w.nodules, rowNoduleOf(n))
		if w.Probability = larger(w.Probability, h.Probability); w.Probability == h.Probability && h.Probability != nil {
			w.BaseRate = BaseRate(r.Result, n)
		}
		w.Percentile = larger(w.Percentile, h.Percentile)
		if h.Flagged {
			w.Flagged++
		}
		if n.Disagreement != nil && n.Disagreement.FlagsDiffer {
			w.Disagree++
		}
		if len(n.Scores) > 0 {
			scored++
		} else if n.Outline == nil || n.Outline.Found { // that there is no nodule is an answer
			w.unscored++
		}
	}
	if scored == 0 { // and no reason to call a series clear
		w.unscored = max(w.unscored, len(r.Result.Nodules))
	}
	return w
}

// Summary is what a nodule is ordered and flagged by: its headline, and where it
// has none the highest that any model says; nil where none says it.
type Summary struct {
	Probability, Percentile *float64
	Flagged                 bool
}

// Highest sums the scores of a nodule up.
func Highest(n *bus.ResultNodule) (s Summary) {
	if h := n.Headline; h != nil {
		return Summary{Probability: &h.Probability, Percentile: &h.Percentile, Flagged: h.Flagged}
	}
	for i := range n.Scores {
		s.Probability = larger(s.Probability, n.Scores[i].Probability)
		s.Percentile = larger(s.Percentile, &n.Scores[i].Percentile)
		s.Flagged = s.Flagged || n.Scores[i].Anomalous
	}
	return s
}

// BaseRate is the share of suspicious nodules at which the probability of
// [Highest] was calibrated: one that is below it makes a nodule less suspicious
// than any. nil where nothing says it.
func BaseRate(r *bus.Result, n *bus.ResultNodule) *float64 {
	if n.Headline != nil {
		if rung := r.RungOf(&n.Headline.RungScore); rung != nil {
			return Known(rung.Prevalence)
		}
		return nil
	}
	high := Highest(n).Probability
	for i := range n.Scores {
		if high == nil || n.Scores[i].Probability != high {
			continue
		}
		for _, m := range r.Models {
			if m.Digest == n.Scores[i].Digest {
				return Known(m.Prevalence)
			}
		}
	}
	return nil
}

// larger is the larger of two values, of which either may be missing.
func larger(a, b *float64) *float64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

// State of the row's series.
func (w *Row) State() State {
	switch {
	case w.waiting:
		return Waiting
	case w.refused:
		return Refused
	case w.Decided == 0:
		return Scored
	case w.Decided < w.Findings:
		return InReview
	}
	return Done
}

// Flag of the row's series.
func (w *Row) Flag() Flag {
	switch {
	case w.Flagged > 0:
		return Flagged
	case w.refused || w.waiting || w.unscored > 0:
		return FlagUnknown
	}
	return Clear
}
