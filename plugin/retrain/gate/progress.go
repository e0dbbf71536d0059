package gate

import (
	"context"
	"time"

	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

// Progress is how far a comparison is.
type Progress struct {
	Side  string        // that is scored, as Data.Name
	Share float64       // of the expected time, 0 to 1
	Left  time.Duration // expected
}

// passes are how often each model sees a nodule: as it is, and moved.
const passes = 2

// work is what a comparison has yet to compute: cubes for each model, and what one
// cost so far.
type work struct {
	tell  func(Progress)
	side  string
	last  time.Time // when the former step ended
	parts map[string]*part
}

// part is the work of one model.
type part struct {
	done, total int
	spent       time.Duration
	first       time.Duration // that a cube cost when it was tried
}

// cost is what a cube is expected to cost.
func (p *part) cost() time.Duration {
	if p.done == 0 {
		return p.first
	}
	return p.spent / time.Duration(p.done)
}

func newWork(tell func(Progress)) *work {
	return &work{tell: tell, last: time.Now(), parts: map[string]*part{}}
}

// plan adds n nodules that sets score, each model once.
func (w *work) plan(n int, sets ...*store.Set) {
	digests := map[string]bool{}
	for _, s := range sets {
		for _, d := range s.Detectors {
			digests[weightsOf(d)] = true
		}
		if s.Outliner != nil && s.Rungs != nil {
			digests[s.Outliner.Digest()] = true
		}
	}
	for digest := range digests {
		if w.parts[digest] == nil {
			w.parts[digest] = &part{}
		}
		w.parts[digest].total += passes * n
	}
}

// measure tries every model on one nodule, so that the first expectation is not that
// of the quickest.
func (w *work) measure(ctx context.Context, all []*nodules, sets ...*store.Set) error {
	if w.tell == nil {
		return nil
	}
	for _, n := range all {
		if len(n.samples) == 0 {
			continue
		}
		for _, s := range sets {
			for _, d := range s.Detectors {
				if err := w.try(weightsOf(d), func() error {
					_, err := d.Score(ctx, []nodule.Patch{nodule.Central(n.cubes[0](0))})
					return err
				}); err != nil {
					return err
				}
			}
			if o := s.Outliner; o != nil && s.Rungs != nil {
				if err := w.try(o.Digest(), func() error { return describeOne(ctx, o, n) }); err != nil {
					return err
				}
			}
		}
		break
	}
	w.last = time.Now()
	return nil
}

func describeOne(ctx context.Context, o *outline.Outliner, n *nodules) error {
	_, _, err := rungs.Describe(ctx, &n.samples[0], rungs.ByNetwork(o))
	return err
}

// try takes the time of a second call: the first builds plans.
func (w *work) try(digest string, do func() error) error {
	p := w.parts[digest]
	if p == nil || p.first > 0 {
		return nil
	}
	if err := do(); err != nil {
		return err
	}
	start := time.Now()
	err := do()
	p.first = time.Since(start)
	return err
}

// did says that a model has seen n more cubes.
func (w *work) did(digest string, n int) {
	now := time.Now()
	if p := w.parts[digest]; p != nil {
		p.done, p.spent = p.done+n, p.spent+now.Sub(w.last)
	}
	w.last = now
	if w.tell == nil {
		return
	}
	var past, left time.Duration
	for _, p := range w.parts {
		past += p.spent
		left += time.Duration(max(0, p.total-p.done)) * p.cost()
	}
	w.tell(Progress{Side: w.side, Share: float64(past) / float64(max(1, past+left)), Left: left})
}
