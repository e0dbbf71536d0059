package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
)

// CodeArriving says that a series was still being written.
const CodeArriving coded.Code = "series_arriving"

// Arrival says how a series that is still arriving is waited for. Without Quiet
// it is not.
type Arrival struct {
	Quiet time.Duration // without a change before a series counts as all there
	Limit time.Duration // since the first look at a job, after which what is there is scored
	Again time.Duration // since that look, up to which a partial answer is looked at again
}

// gapQuiet times Arrival.Quiet is for how long nothing must change where slices
// seem to be missing.
const gapQuiet = 3

// errArriving has a job come again without counting as an attempt.
var errArriving = coded.New(CodeArriving, "score job", "the series is still arriving; it is looked at again", nil)

// needed is for how long nothing must have changed before a series is scored, and
// before it counts as all there. What is cut short shows that it is not.
func (a Arrival) needed(s *dicomio.Series, misses bool) (scored, whole time.Duration) {
	if s.Cut() {
		return a.Limit, a.Again
	}
	for _, w := range s.Warnings {
		misses = misses || w.Code == dicomio.CodeMissingSlices
	}
	if misses {
		return gapQuiet * a.Quiet, gapQuiet * a.Quiet
	}
	return a.Quiet, a.Quiet
}

// neededFor is that of a series that cannot be opened: 0 for what no further image
// would heal.
func (a Arrival) neededFor(err error) time.Duration {
	switch coded.CodeOf(err) {
	case dicomio.CodeFolderMissing, dicomio.CodeFolderEmpty, dicomio.CodeSeriesNotFound, dicomio.CodeFileMissing,
		dicomio.CodeTooFewSlices, dicomio.CodeTruncated, dicomio.CodeUnreadable, dicomio.CodeNotStored:
		return a.Limit
	case dicomio.CodeNotCT, dicomio.CodeMixedVolumes: // of localizers, or of some of the images
		return gapQuiet * a.Quiet
	}
	return 0
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

// tellPartial adds to a result that more of the series may come.
func tellPartial(r *bus.Result) {
	r.Warnings = append(r.Warnings, bus.Problem{Code: string(CodeArriving), Message: "the series was still arriving, or files of it are cut short; when the rest is there, a new result supersedes this one"})
}

// look is what a look at the series of a job has shown.
type look struct {
	waited time.Duration // since the first look at the job
	quiet  time.Duration // in which nothing has changed, as far as is known
}

// look notes what is there of the series of a job. For how long it has been is
// known by earlier looks, and of a folder by the times of its files and folders.
func (w *Worker) look(d *bus.Delivery, s *dicomio.Series) look {
	now := time.Now()
	state := fmt.Sprint(s.InstanceDigest(), s.Modified.UnixNano(), s.Volumes, s.LeftOut, s.Warnings)
	l := w.looks.note(deliveryKey(d), state, now)
	written := s.Modified
	if s.FolderModified.After(written) { // copies keep the times of files
		written = s.FolderModified
	}
	if !written.IsZero() {
		l.quiet = max(l.quiet, now.Sub(written))
	}
	return l
}

// wait tells whether a series that needs some time without a change is to be
// waited for: the job comes again, and early enough before its deadline.
func (w *Worker) wait(t task, l look, needed time.Duration) bool {
	return l.quiet < needed && l.waited < w.Arrival.Limit && w.again(t, l, needed)
}

// again sets when a job comes again: when nothing more may have changed for long
// enough, later and later the longer it is waited for, and at the limit.
func (w *Worker) again(t task, l look, needed time.Duration) bool {
	a := w.Arrival
	delay := max(min(needed-l.quiet, a.Quiet), l.waited/4)
	if l.waited < a.Limit {
		delay = min(delay, a.Limit-l.waited)
	}
	delay = max(delay, a.Quiet/10)
	if t.job.Deadline != nil && delay > time.Until(*t.job.Deadline)/2 {
		return false
	}
	w.looks.set(deliveryKey(t.delivery), func(s *sight) { s.delay = delay })
	return true
}

// waitAbsent is the outcome of a job whose series cannot be opened: what may come
// yet is waited for, and put aside where it has not come.
func (w *Worker) waitAbsent(ctx context.Context, t task, err error) error {
	needed := w.Arrival.neededFor(err)
	if needed == 0 || ctx.Err() != nil {
		return err
	}
	l := w.looks.note(deliveryKey(t.delivery), err.Error(), time.Now())
	if !w.wait(t, l, needed) {
		return hopeless(err)
	}
	w.Log.Info("series cannot be opened yet", "job", t.delivery.Sequence, "code", coded.CodeOf(err))
	return errArriving
}

// comesAgain tells errors and outcomes after which a job is looked at again, and
// after how long.
func (w *Worker) comesAgain(d *bus.Delivery, outcome Outcome, why error) (delay time.Duration, ok bool) {
	switch {
	case outcome == Partial, outcome == Retried && errors.Is(why, errArriving):
		return w.looks.delay(deliveryKey(d)), true
	case outcome == Retried && errors.Is(why, errBusy):
		return busyDelay, true
	}
	return 0, false
}

// looks remembers the looks at jobs, until they are settled: those of this
// process, as waiting may begin anew.
type looks struct {
	mu sync.Mutex
	of map[string]*sight // by delivery
}

// sight is what the last look at a job has shown.
type sight struct {
	first, last time.Time
	state       string
	since       time.Time // it has been seen so
	delay       time.Duration
	answered    bool // with what was there
}

// Jobs that other services of the site have ended are forgotten where there are
// many, so long after their last look.
const (
	manyLooks = 1000
	keepLooks = 2 * time.Hour
)

// note remembers what a look shows, and tells what is known by now.
func (l *looks) note(key, state string, now time.Time) look {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = map[string]*sight{}
	}
	if len(l.of) >= manyLooks {
		for k, s := range l.of {
			if now.Sub(s.last) > keepLooks {
				delete(l.of, k)
			}
		}
	}
	s := l.of[key]
	if s == nil {
		s = &sight{first: now, since: now, state: state}
		l.of[key] = s
	}
	if s.last = now; s.state != state {
		s.state, s.since = state, now
	}
	return look{waited: now.Sub(s.first), quiet: now.Sub(s.since)}
}

// set changes what is remembered, where something is.
func (l *looks) set(key string, change func(*sight)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.of[key]; s != nil {
		change(s)
	}
}

func (l *looks) delay(key string) (delay time.Duration) {
	l.set(key, func(s *sight) { delay = s.delay })
	return delay
}

func (l *looks) answered(key string) (yes bool) {
	l.set(key, func(s *sight) { yes = s.answered })
	return yes
}

func (l *looks) forget(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.of, key)
}
