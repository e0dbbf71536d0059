package jobs

import (
	"errors"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
)

// CodeArriving says that a series was still being written.
const CodeArriving coded.Code = "series_arriving"

// Arrival says how a series that is still being written is waited for. Without
// Quiet it is not.
type Arrival struct {
	Quiet time.Duration // without a change before a series counts as all there
	Limit time.Duration // since the job was sent, after which what is there is scored
	Again time.Duration // since the job was sent, up to which a partial answer is looked at again
}

// errArriving has a job come again without counting as an attempt.
var errArriving = coded.New(CodeArriving, "score job", "files of the series are still being written; it is looked at again", nil)

// arriving tells a series whose files were written just now, or cut short not
// long ago. Of a PACS that cannot be told.
func (w *Worker) arriving(t task) bool {
	s := t.scan.Series()
	age := time.Since(s.Modified)
	return w.Arrival.Quiet > 0 && !s.Modified.IsZero() && (age < w.Arrival.Quiet || s.Cut() && age < w.Arrival.Limit)
}

// waits tells whether a job is young enough to wait for its series.
func (w *Worker) waits(d *bus.Delivery) bool {
	return w.Arrival.Quiet > 0 && time.Since(d.Stored) < w.Arrival.Limit
}

// misses tells whether a nodule lies where slices are not there: they may come
// yet.
func misses(r bus.Result) bool {
	for _, n := range r.Nodules {
		if n.Error != nil {
			switch coded.Code(n.Error.Code) {
			case nodule.CodeCandidateOutside, nodule.CodeCubePadding, nodule.CodeGapInNodule, nodule.CodeSupportTooSmall:
				return true
			}
		}
	}
	return false
}

// looks remembers what a job found before, until it is settled.
type looks struct {
	mu sync.Mutex
	of map[string]string // delivery to identity
}

// again tells whether a delivery found the same before, and remembers what it
// finds now.
func (l *looks) again(key, identity string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = map[string]string{}
	}
	same := l.of[key] == identity
	l.of[key] = identity
	return same
}

func (l *looks) forget(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.of, key)
}

// tellPartial adds to a result that more of the series may come.
func tellPartial(r *bus.Result) {
	r.Warnings = append(r.Warnings, bus.Problem{Code: string(CodeArriving), Message: "files of the series were still being written or cut short; when the rest is there, a new result supersedes this one"})
}

// comesAgain tells errors and outcomes after which a job is looked at again, and
// after how long.
func (w *Worker) comesAgain(outcome Outcome, why error) (delay time.Duration, ok bool) {
	switch {
	case outcome == Partial:
		return max(w.Arrival.Quiet, w.Arrival.Limit/4), true
	case outcome == Retried && errors.Is(why, errArriving):
		return w.Arrival.Quiet, true
	case outcome == Retried && errors.Is(why, errBusy):
		return busyDelay, true
	}
	return 0, false
}
