package plugin

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// aliveSlack is how long something may hang before only a new process helps.
const aliveSlack = 2 * time.Minute

// diskLook is how long a look at the disk may take where the bus does not answer.
const diskLook = 3 * time.Second

// silence remembers since when the plugin's own bus does not answer.
type silence struct {
	mu    sync.Mutex
	since time.Time
}

// lasts tells for how long there have been errors and nothing else.
func (s *silence) lasts(err error) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.since = time.Time{}
		return 0
	}
	if s.since.IsZero() {
		s.since = time.Now()
	}
	return time.Since(s.since)
}

// Alive returns an error where a new process would help and nothing else does:
// for a watchdog. A slot hangs with its job or without one, or the bus server of
// this process has not answered for minutes although the disk can be written. An
// external broker that is away, a full disk and a storage that hangs are no
// reason: they are waited for. Before jobs are taken it is nil.
func (p *Plugin) Alive(ctx context.Context) error {
	parts := p.state()
	if parts.worker == nil {
		return nil
	}
	if err := parts.worker.Alive(p.slack); err != nil {
		return err
	}
	return p.busAlive(ctx, parts)
}

// busAlive is what Alive tells of the bus server of this process.
func (p *Plugin) busAlive(ctx context.Context, parts parts) error {
	if parts.own == nil || parts.bus == nil {
		return nil
	}
	err := errors.Join(parts.bus.Health(ctx), parts.own.Health())
	if err != nil && p.diskTroubled() {
		err = nil
	}
	if p.silence.lasts(err) > p.slack {
		return coded.New(CodeInternal, "check bus", "the bus of this process has not answered for too long", err)
	}
	return nil
}

// diskTroubled tells whether the disk cannot be written, or takes longer than
// diskLook, as where much else is being flushed to it. It does not wait longer, and
// one look at a time is left behind.
func (p *Plugin) diskTroubled() bool {
	if !p.looking.CompareAndSwap(false, true) {
		return true
	}
	looked := make(chan error, 1)
	go func() {
		err := p.checkDisk(writeTestEvery)
		p.looking.Store(false)
		looked <- err
	}()
	select {
	case err := <-looked:
		return err != nil
	case <-time.After(diskLook):
		return true
	}
}
