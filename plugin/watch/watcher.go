package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/backoff"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// Source tells which series there are. [Orthanc] and [Folder] are the ones.
type Source interface {
	// poll notes in the state what has changed.
	poll(ctx context.Context, w *Watcher) error
	// ready tells whether a stable series still is; it is asked before the series
	// is read.
	ready(ctx context.Context, e *entry) (bool, error)
	// archives are the PACS that series are read from, nil for folders alone.
	archives() *series.Archives
}

// codeSettings is that of every setting that cannot be used.
const codeSettings coded.Code = "settings_invalid"

// Options set up a watcher. Source, Bus and Dir are needed.
type Options struct {
	Source Source
	Bus    *bus.Bus
	Dir    string // of the state; one watcher uses it

	Site       string              // whose service does the jobs; default "local"
	Priority   string              // of the jobs; default routine
	Candidates string              // folder of files with candidates; empty: none
	HoldSite   string              // whose jobs are held until their series is complete; empty: none
	Queue      bus.ConsumerOptions // of HoldSite
	Interval   time.Duration       // between two looks; default 2 s
	Timeout    time.Duration       // after which it is told what a series waits for; default 30 min
	Kernels    []string            // that the service prefers where a series has several
	AcceptGaps bool                // a series with missing slices counts as complete
	Keep       time.Duration       // how long a series and its candidates are remembered; default 30 days

	Now    func() time.Time // default time.Now
	Logger *slog.Logger     // default: none
}

// JobSource names the sender of the jobs that a watcher makes itself.
const JobSource = "/nodulescope/watch"

// Watcher puts jobs on the bus. See [New].
type Watcher struct {
	opts    Options
	log     *slog.Logger
	state   *state
	dropped *fileWatch // Options.Candidates; nil where there is none
	wake    chan struct{}
	listed  string // content of the list that was written last
	looked  uint64 // files that bring nothing
}

const (
	defaultInterval = 2 * time.Second
	defaultTimeout  = 30 * time.Minute
	defaultKeep     = 30 * 24 * time.Hour
	maxPause        = time.Minute // between two looks, where the source is away
)

// New checks the options and opens the state. Its errors wrap ErrState, or
// have the code site_invalid or settings_invalid.
func New(opts Options) (*Watcher, error) {
	opts.Site = orDefault(opts.Site, "local")
	opts.Priority = orDefault(opts.Priority, bus.PriorityRoutine)
	opts.Interval = orDefault(opts.Interval, defaultInterval)
	opts.Timeout = orDefault(opts.Timeout, defaultTimeout)
	opts.Keep = orDefault(opts.Keep, defaultKeep)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	bad := func(hint string) error {
		return coded.New(codeSettings, "set up watcher", hint, nil)
	}
	switch {
	case opts.Source == nil || opts.Bus == nil || opts.Dir == "":
		return nil, bad("a source, a bus and a folder for the state are needed")
	case opts.Interval < 0 || opts.Timeout < 0 || opts.Keep < opts.Timeout:
		return nil, bad("times must not be negative, and a series is remembered for longer than the timeout")
	case opts.Priority != bus.PriorityStat && opts.Priority != bus.PriorityRoutine:
		return nil, bad("the priority is stat or routine")
	case opts.HoldSite == opts.Site:
		return nil, bad("the site whose jobs are held must differ from the one whose service scores them")
	}
	for _, site := range []string{opts.Site, orDefault(opts.HoldSite, opts.Site)} {
		if err := bus.CheckSite(site); err != nil {
			return nil, err
		}
	}
	s, err := openState(opts.Dir)
	if err != nil {
		return nil, err
	}
	w := &Watcher{opts: opts, log: opts.Logger.With("part", "watch"), state: s, wake: make(chan struct{}, 1)}
	if opts.Candidates != "" {
		w.dropped = newFileWatch(opts.Candidates, w)
	}
	return w, nil
}

// Close lets go of the state.
func (w *Watcher) Close() error { return w.state.close() }

// ListFile is where a watcher lists what waits.
func ListFile(dir string) string { return filepath.Join(dir, "waiting.json") }

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// Run watches until ctx ends, and returns nil then. A source or a bus that is
// away is asked again for as long as it takes.
func (w *Watcher) Run(ctx context.Context) error {
	ended := make(chan error, 1)
	hold, cancel := context.WithCancel(ctx)
	defer cancel()
	if w.opts.HoldSite == "" {
		close(ended)
	} else {
		queue, err := w.opts.Bus.Jobs(ctx, w.opts.HoldSite, w.opts.Queue)
		if err != nil {
			return err
		}
		go func() { ended <- w.hold(hold, queue); close(ended) }()
	}
	pause := w.opts.Interval
	waits := backoff.Doubling{First: pause, Max: max(maxPause, pause)}
	tidied := time.Time{}
	for ctx.Err() == nil {
		if now := w.opts.Now(); now.Sub(tidied) > 24*time.Hour {
			if err := w.state.forget(now.Add(-w.opts.Keep)); err != nil {
				return err
			}
			tidied = now
		}
		err := w.Look(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			pause = waits.Next(pause)
			w.log.Warn("looking again later", "code", coded.CodeOf(err), "error", summary(err), "wait", pause)
		default:
			pause = w.opts.Interval
		}
		select {
		case <-ctx.Done():
		case <-w.wake:
		case <-time.After(pause):
		}
	}
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Look looks once at everything, and publishes what is due.
func (w *Watcher) Look(ctx context.Context) error {
	polled := w.opts.Source.poll(ctx, w)
	var notes []*note
	if w.dropped != nil {
		found, err := w.dropped.poll(w.opts.Now())
		polled = errors.Join(polled, err)
		notes = found
	}
	if files, ok := w.opts.Source.(interface{ notes() []*note }); ok {
		notes = append(notes, files.notes()...)
	}
	matched := w.match(ctx, notes)
	return errors.Join(polled, matched, w.tell(notes))
}

// hold keeps the jobs of a site as notes.
func (w *Watcher) hold(ctx context.Context, queue *bus.JobQueue) error {
	for {
		d, err := queue.Next(ctx)
		if err != nil {
			return err
		}
		env, job, err := bus.DecodeJob(d.Data)
		settle := context.WithoutCancel(ctx)
		if err != nil {
			err = d.Dead(settle, bus.CodeOf(err), coded.Summary(err))
		} else {
			w.log.Debug("job held", "job", d.Sequence)
			if err = w.keep(heldJob(env, job)); err == nil {
				w.log.Debug("job kept", "job", d.Sequence)
				err = d.Done(settle)
			}
		}
		if err != nil { // it comes again
			w.log.Warn("job not held yet", "job", d.Sequence, "code", coded.CodeOf(err), "error", summary(err))
			continue
		}
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// summary is the text of an error that may stand in a log.
func summary(err error) string {
	if coded.CodeOf(err) == "" && errors.Is(err, ErrState) {
		return err.Error()
	}
	return coded.Summary(err)
}

func wrapState(err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	return nil
}
