package store

import (
	"cmp"
	"slices"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/nodule/measure"
)

// Query is what a work list is asked for. Pointers that are nil do not filter.
type Query struct {
	States         []State // empty: all
	Flagged        *bool
	Disagree       *bool
	Unread         *bool
	Priority       string
	MinProbability float64
	MinSizeMM      float64
	Type           measure.Type // empty: any
	Superseded     bool         // those that a newer result supersedes, too
	Sort           string
	Ascending      bool
	Limit, Offset  int
}

// Sorts are the names of the orders of a list; the first one is the default.
func Sorts() []string {
	return []string{"probability", "percentile", "time", "findings", "state", "urgency"}
}

// List is the answer to a query.
type List struct {
	Rows   []Listed // of the page
	Total  int      // that match
	Unread int      // of all that are not superseded
	Counts map[State]int
}

// Listed is a row as one user has it.
type Listed struct {
	Row
	Unread bool
}

// Find answers a query for a user. waiting are rows of jobs that nobody has
// answered yet.
func (s *Store) Find(q Query, user string, waiting []*Row) List {
	s.mu.RLock()
	defer s.mu.RUnlock()
	answer := List{Counts: map[State]int{}}
	for _, state := range States() {
		answer.Counts[state] = 0
	}
	var found []Listed
	for _, w := range s.rows {
		if w.SupersededBy != "" && !q.Superseded {
			continue
		}
		unread := !s.read[user][w.ID]
		answer.Counts[w.State()]++
		if unread {
			answer.Unread++
		}
		if q.matches(w, unread) {
			found = append(found, Listed{*w, unread})
		}
	}
	answer.Counts[Waiting] += len(waiting)
	for _, w := range waiting {
		if q.matchesWaiting(w) {
			found = append(found, Listed{*w, false})
		}
	}
	slices.SortFunc(found, func(a, b Listed) int { return q.compare(&a.Row, &b.Row) })
	answer.Total = len(found)
	answer.Rows = found[min(q.Offset, len(found)):min(q.Offset+q.Limit, len(found))]
	return answer
}

// matches tells whether a row passes the filters.
func (q *Query) matches(w *Row, unread bool) bool {
	is := func(want *bool, have bool) bool { return want == nil || *want == have }
	return (len(q.States) == 0 || slices.Contains(q.States, w.State())) &&
		is(q.Flagged, w.Flagged > 0) && is(q.Disagree, w.Disagree > 0) && is(q.Unread, unread) &&
		(q.Priority == "" || q.Priority == w.Priority) &&
		(!q.ofFinding() || slices.ContainsFunc(w.nodules, q.matchesNodule))
}

// ofFinding tells whether one finding at least has to be of a kind.
func (q *Query) ofFinding() bool { return q.MinProbability > 0 || q.MinSizeMM > 0 || q.Type != "" }

// matchesNodule tells whether one finding has all that is asked of findings.
func (q *Query) matchesNodule(n rowNodule) bool {
	return (q.MinProbability <= 0 || n.probability != nil && *n.probability >= q.MinProbability) &&
		n.sizeMM >= q.MinSizeMM && (q.Type == "" || q.Type == n.kind)
}

// matchesWaiting is matches for a job that has no result yet: what asks for
// something of a result leaves it out.
func (q *Query) matchesWaiting(w *Row) bool {
	return (len(q.States) == 0 || slices.Contains(q.States, Waiting)) && q.Flagged == nil && q.Disagree == nil &&
		q.Unread == nil && !q.ofFinding() && (q.Priority == "" || q.Priority == w.Priority)
}

// compare orders two rows by the key of the query, then newest first.
func (q *Query) compare(a, b *Row) int {
	c := 0
	switch q.Sort {
	case "time":
		c = b.Time.Compare(a.Time)
	case "findings":
		c = cmp.Compare(b.Findings, a.Findings)
	case "state":
		c = cmp.Compare(slices.Index(States(), b.State()), slices.Index(States(), a.State()))
	case "urgency": // urgent ones first, then those that are not done, as probability has them
		c = cmp.Or(first(a.Priority == bus.PriorityStat, b.Priority == bus.PriorityStat), first(a.open(), b.open()))
		if c == 0 {
			c = cmp.Or(q.missingLast(a.Probability, b.Probability), q.missingLast(a.Percentile, b.Percentile))
		}
	case "percentile":
		c = q.missingLast(a.Percentile, b.Percentile)
	default:
		c = q.missingLast(a.Probability, b.Probability)
		if c == 0 && a.Probability == nil { // no model is calibrated
			c = q.missingLast(a.Percentile, b.Percentile)
		}
	}
	if q.Ascending {
		c = -c
	}
	return cmp.Or(c, b.Time.Compare(a.Time), cmp.Compare(a.ID, b.ID))
}

// open tells whether there is something to decide.
func (w *Row) open() bool { return w.State() == Scored || w.State() == InReview }

// first compares so that what holds comes first.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// missingLast is LargerFirst for a result that is turned round where the order
// is ascending: what is missing comes last even so.
func (q *Query) missingLast(a, b *float64) int {
	if q.Ascending && (a == nil) != (b == nil) {
		return -LargerFirst(a, b)
	}
	return LargerFirst(a, b)
}

// LargerFirst compares so that larger values come first, and those that are
// missing last.
func LargerFirst(a, b *float64) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return cmp.Compare(*b, *a)
}
