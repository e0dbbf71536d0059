package review

import (
	"cmp"
	"slices"
	"time"

	"github.com/nodulescope/nodulescope/bus"
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

var states = []State{Waiting, Scored, InReview, Done, Refused}

// row is what the work list needs of a record, kept in memory.
type row struct {
	id, lineage            string
	studyUID, seriesUID    string
	priority               string
	time                   time.Time
	findings, decided      int
	flagged, disagree      int
	unscored               int
	probability            *float64
	percentile             *float64
	models                 []modelName
	problem                *bus.Problem
	refused, waiting       bool
	supersedes, superseded string
	jobID                  string
}

type modelName struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

func rowOf(r *Record) *row {
	w := &row{
		id: r.ID, lineage: r.lineage(), studyUID: r.StudyUID, seriesUID: r.SeriesUID, priority: r.Priority, time: r.Time,
		findings: r.Nodules, problem: r.Problem, refused: r.Result == nil, supersedes: r.Supersedes, superseded: r.SupersededBy, jobID: r.JobID,
	}
	if r.Result == nil {
		return w
	}
	for _, m := range r.Result.Models {
		w.models = append(w.models, modelName{m.Name, m.Digest})
	}
	for i := range r.Result.Nodules {
		n := &r.Result.Nodules[i]
		h := highest(n)
		w.probability, w.percentile = larger(w.probability, h.probability), larger(w.percentile, h.percentile)
		if h.flagged {
			w.flagged++
		}
		if n.Disagreement != nil && n.Disagreement.FlagsDiffer {
			w.disagree++
		}
		if len(n.Scores) == 0 {
			w.unscored++
		}
	}
	return w
}

// summary is the highest that any model says of a nodule.
type summary struct {
	probability, percentile *float64
	flagged                 bool
}

func highest(n *bus.ResultNodule) (s summary) {
	for i := range n.Scores {
		s.probability = larger(s.probability, n.Scores[i].Probability)
		s.percentile = larger(s.percentile, &n.Scores[i].Percentile)
		s.flagged = s.flagged || n.Scores[i].Anomalous
	}
	return s
}

// larger is the larger of two values, of which either may be missing.
func larger(a, b *float64) *float64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

func (w *row) state() State {
	switch {
	case w.waiting:
		return Waiting
	case w.refused:
		return Refused
	case w.decided == 0:
		return Scored
	case w.decided < w.findings:
		return InReview
	}
	return Done
}

func (w *row) triage() string {
	switch {
	case w.flagged > 0:
		return "flagged"
	case w.refused || w.unscored > 0:
		return "unknown"
	}
	return "clear"
}

// query is what a work list is asked for.
type query struct {
	states         []State // empty: all
	flagged        *bool
	disagree       *bool
	unread         *bool
	priority       string
	minProbability float64
	superseded     bool
	sort           string
	ascending      bool
	limit, offset  int
}

// list is the answer to a query.
type list struct {
	rows   []listed // of the page
	total  int      // that match
	unread int      // of all that are not superseded
	counts map[State]int
}

type listed struct {
	row
	unread bool
}

// matches tells whether a row passes the filters.
func (q *query) matches(w *row, unread bool) bool {
	is := func(want *bool, have bool) bool { return want == nil || *want == have }
	return (len(q.states) == 0 || slices.Contains(q.states, w.state())) &&
		is(q.flagged, w.flagged > 0) && is(q.disagree, w.disagree > 0) && is(q.unread, unread) &&
		(q.priority == "" || q.priority == w.priority) &&
		(q.minProbability <= 0 || w.probability != nil && *w.probability >= q.minProbability)
}

// compare orders two rows by the key of the query, then newest first.
func (q *query) compare(a, b *row) int {
	c := 0
	switch q.sort {
	case "time":
		c = b.time.Compare(a.time)
	case "findings":
		c = cmp.Compare(b.findings, a.findings)
	case "state":
		c = cmp.Compare(slices.Index(states, b.state()), slices.Index(states, a.state()))
	case "percentile":
		c = q.missingLast(a.percentile, b.percentile)
	default:
		c = q.missingLast(a.probability, b.probability)
		if c == 0 && a.probability == nil { // no model is calibrated
			c = q.missingLast(a.percentile, b.percentile)
		}
	}
	if q.ascending {
		c = -c
	}
	return cmp.Or(c, b.time.Compare(a.time), cmp.Compare(a.id, b.id))
}

// missingLast compares so that larger values come first, and those that are
// missing last whatever the order.
func (q *query) missingLast(a, b *float64) int {
	last := 1
	if q.ascending {
		last = -1
	}
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return last
	case b == nil:
		return -last
	}
	return cmp.Compare(*b, *a)
}
