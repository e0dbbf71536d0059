package plugin

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/retrain/shadow"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

const (
	shadowBacklog = 64                     // series that wait for a candidate; more are dropped
	shadowQuiet   = 250 * time.Millisecond // without a live job, before a candidate scores
	shadowTries   = 20                     // at one nodule, each ended by a live job
	shadowLook    = time.Hour              // between two looks whether a run's days are over
)

// shadowed has a candidate score what was published, while no live job is in work.
type shadowed struct {
	mu     sync.Mutex
	log    *shadow.Log // nil: none runs
	models scoring.Models
	queue  []published
	live   int       // jobs in work
	since  time.Time // when the last one ended
	stop   context.CancelFunc
	wake   chan struct{}
}

// published is a job and its answer.
type published struct {
	env    bus.Envelope
	job    bus.Job
	result bus.Result
}

// InWork counts live jobs: what a candidate computes is stopped where one begins.
func (s *shadowed) InWork(change int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live += change
	if s.live > 0 && s.stop != nil {
		s.stop()
	}
	if s.since = time.Now(); s.live == 0 {
		s.nudge()
	}
}

func (s *shadowed) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// offer takes what was published, where a candidate is in the shadow. It never waits.
func (s *shadowed) offer(e published) {
	s.mu.Lock()
	log, full := s.log, len(s.queue) >= shadowBacklog
	if log != nil && !full {
		s.queue = append(s.queue, e)
		s.nudge()
	}
	s.mu.Unlock()
	if log != nil && full {
		_, _ = log.Add(nil, nil, shadow.Counts{Dropped: 1}) // the next one that is kept tells of the disk
	}
}

func (s *shadowed) set(log *shadow.Log, m scoring.Models) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log, s.models, s.queue = log, m, nil
	if s.stop != nil {
		s.stop()
	}
}

// run is the log of a run that goes on, and the models of its candidate.
func (s *shadowed) run() (*shadow.Log, scoring.Models) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log, s.models
}

// next waits for something that was published.
func (s *shadowed) next(ctx context.Context) (published, bool) {
	for {
		s.mu.Lock()
		if len(s.queue) > 0 {
			e := s.queue[0]
			s.queue = s.queue[1:]
			s.mu.Unlock()
			return e, true
		}
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return published{}, false
		case <-s.wake:
		case <-time.After(shadowLook):
			return published{}, true
		}
	}
}

// idle waits until no live job is in work. The context that it returns ends when one
// begins.
func (s *shadowed) idle(ctx context.Context) (context.Context, context.CancelFunc) {
	for {
		s.mu.Lock()
		wait := shadowQuiet - time.Since(s.since)
		if s.live == 0 && wait <= 0 {
			free, cancel := context.WithCancel(ctx)
			s.stop = cancel
			s.mu.Unlock()
			return free, cancel
		}
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx, func() {}
		case <-s.wake:
		case <-time.After(max(wait, shadowQuiet)):
		}
	}
}

// openShadow takes up the run that a data folder holds.
func (p *Plugin) openShadow() {
	log, err := shadow.Open(p.cfg.DataDir)
	if err != nil {
		p.log.Warn("the candidate in the shadow is not told", "code", bus.ProblemOf(err).Code, "error", coded.Summary(err))
	}
	if log == nil {
		return
	}
	run := log.Run()
	m, err := p.shadowModels(run)
	if err != nil {
		p.endShadow(log, "it cannot be used any more: "+string(bus.ProblemOf(err).Code))
		return
	}
	p.shadow.set(log, m)
}

// shadowModels loads a candidate to score beside what scores now.
func (p *Plugin) shadowModels(run shadow.Run) (m scoring.Models, err error) {
	const op = "start shadow run"
	if p.cfg.UseModels == nil {
		return m, coded.New(shadow.CodeInvalid, op, "the settings of the service (model, models) name what scores: a candidate is compared with what was promoted", nil)
	}
	if run.Beside.Version != p.models.name() {
		return m, coded.New(shadow.CodeInvalid, op, "other models score by now", nil)
	}
	set, err := store.Open(p.cfg.DataDir).Load(run.Candidate.Version)
	if err != nil {
		return m, err
	}
	if m, err = p.cfg.UseModels(set); err != nil {
		return m, err
	}
	return m, scoring.CheckDetectors(op, m.Detectors)
}

// endShadow ends a run, and keeps why.
func (p *Plugin) endShadow(log *shadow.Log, why string) {
	if err := log.End(why); err != nil {
		p.log.Warn("the end of the shadow run is not kept", "code", bus.ProblemOf(err).Code, "error", coded.Summary(err))
	}
	p.shadow.set(nil, scoring.Models{})
	p.shadowEnded(log)
}

// shadowEnded tells of a run that is over.
func (p *Plugin) shadowEnded(log *shadow.Log) {
	run := log.Run()
	p.log.Info("the candidate is no longer in the shadow", "version", run.Candidate.Version, "nodules", run.Counts.Nodules, "why", run.Why)
	if trail := p.state().trail; trail != nil {
		_ = trail.Append(shadowRecord(run, "system")) // the run itself has it, too
	}
}

// follow scores in the shadow until ctx ends. What waits then is counted as dropped.
func (p *Plugin) follow(ctx context.Context) {
	for {
		e, ok := p.shadow.next(ctx)
		log, m := p.shadow.run()
		switch {
		case !ok:
			p.shadow.mu.Lock()
			waiting := len(p.shadow.queue)
			p.shadow.mu.Unlock()
			if log != nil && waiting > 0 {
				_, _ = log.Add(nil, nil, shadow.Counts{Dropped: waiting})
			}
			return
		case log == nil:
			continue
		}
		records, scans, c := p.scoreShadow(ctx, e, log, m)
		if ctx.Err() != nil {
			_, _ = log.Add(nil, nil, shadow.Counts{Dropped: 1})
			continue // next ends it
		}
		over, err := log.Add(records, scans, c)
		if err != nil {
			p.log.Warn("what a candidate scored is not kept", "code", bus.ProblemOf(err).Code, "error", coded.Summary(err))
		}
		if now, _ := p.shadow.run(); over && now == log {
			p.shadow.set(nil, scoring.Models{})
			p.shadowEnded(log)
		}
	}
}

// scoreShadow scores the nodules of an answer with a candidate, one by one.
func (p *Plugin) scoreShadow(ctx context.Context, e published, log *shadow.Log, m scoring.Models) (records []shadow.Record, scans [][]float32, c shadow.Counts) {
	for i := range e.result.Nodules {
		for try := 1; ; try++ {
			now, _ := p.shadow.run()
			if ctx.Err() != nil || now != log {
				return records, scans, c
			}
			free, cancel := p.shadow.idle(ctx)
			after, scan, err := p.scoreOne(free, e, i, m)
			ended := free.Err() != nil
			cancel()
			if ended && ctx.Err() == nil && try < shadowTries {
				continue
			}
			pairs := shadow.Pairs(&e.result.Nodules[i], &after)
			switch {
			case ended:
				c.Interrupted++
			case err != nil || len(pairs) == 0:
				c.Failed++
			default:
				records = append(records, shadow.Record{Time: time.Now().UTC().Truncate(time.Second), Result: e.result.Identity, Finding: i + 1, Pairs: pairs})
				scans = append(scans, scan)
			}
			break
		}
	}
	c.Series = 1
	return records, scans, c
}

// scoreOne scores one nodule. scan is what is seen around it; nil: it has no cube.
func (p *Plugin) scoreOne(ctx context.Context, e published, i int, m scoring.Models) (after bus.ResultNodule, scan []float32, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.JobTimeout)
	defer cancel()
	job := e.job
	job.SeriesUID, job.Nodules = e.result.SeriesUID, []bus.JobNodule{e.result.Nodules[i].JobNodule}
	one, err := scoring.Prepare(ctx, scoring.Request{
		JobID: e.env.ID, Source: e.env.Source, Job: job, Software: p.cfg.Software, Detectors: m.Detectors, Outliner: m.Outliner, Rungs: m.Rungs,
		Series: p.reader, MaxPaddingPct: p.cfg.MaxPaddingPct, NoDetails: true,
	})
	if err != nil {
		return after, nil, err
	}
	seen := &seenCube{}
	one.Show(seen)
	r, _, err := one.Score(ctx)
	if err != nil {
		return after, nil, err
	}
	if len(r.Nodules) != 1 {
		return after, nil, errors.New("a result of another job")
	}
	return r.Nodules[0], seen.scan, nil
}

// seenCube keeps what a picture of a nodule needs.
type seenCube struct{ scan []float32 }

func (s *seenCube) Nodule(_ int, cube *nodule.Cube, _ nodule.Patch) { s.scan = figure.Scan(cube) }
func (s *seenCube) Outline(int, []bool)                             {}
func (s *seenCube) Reconstruction(int, string, []float32)           {}

// liveMetrics tell the shadow of live jobs, too.
type liveMetrics struct {
	*metrics
	shadow *shadowed
}

func (m liveMetrics) InWork(change int) {
	m.metrics.InWork(change)
	m.shadow.InWork(change)
}

// taken has nodules of its own: the answer is used elsewhere.
func taken(env bus.Envelope, job bus.Job, r bus.Result) published {
	r.Nodules = slices.Clone(r.Nodules)
	return published{env, job, r}
}
