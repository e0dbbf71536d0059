package gpu

import (
	"fmt"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"
)

// loopBlocks is what a loop adds to a program.
type loopBlocks struct {
	body, keep int // launches of a run; and with those that keep values
	kept       []ref
	counter    ref
}

// loop appends the launches that keep values, count the rounds and carry.
func (l *lowerer) loop(p *compute.Program) loopBlocks {
	b := loopBlocks{body: len(l.launches)}
	if p.Loop == nil {
		return b
	}
	b.counter = l.tensor(1, true)
	for _, k := range p.Loop.Keep {
		n := p.Tensors[p.Outs[k]].Size
		b.kept = append(b.kept, l.tensor(n*p.Loop.Rounds, true))
		l.run("keep", strided(n), 256, b.kept[len(b.kept)-1], l.at[p.Outs[k]], n, b.counter)
	}
	l.run("tick", [3]int{1, 1, 1}, 1, b.counter)
	b.keep = len(l.launches)
	for _, c := range p.Loop.Carry {
		for i, t := range p.Tensors {
			if t.Kind == compute.Input && t.Name == c.Input {
				l.run("carry", strided(t.Size), 256, l.at[i], l.at[p.Outs[c.Output]], t.Size, c.Low < c.High, float64(c.Low), float64(c.High))
			}
		}
	}
	return b
}

// submit runs recordings that may be nil.
func (e *executable) submit(parts ...driver.Times) error {
	if err := e.queue.Submit(e.b.o.Limit, parts...); err != nil {
		return fmt.Errorf("gpu: run on %s: %w", e.b.device.ID(), err)
	}
	return nil
}

func times(r driver.Recording, n int) driver.Times { return driver.Times{Recording: r, N: n} }

// start is what comes first: parameters that the host may have changed, the
// state of the optimiser, and the inputs.
func (e *executable) start() []driver.Times {
	var parts []driver.Times
	if !e.prog.Frozen && e.set.holders == 0 {
		parts = append(parts, times(e.upload, 1))
	}
	if e.train != nil {
		e.train.before()
		if !e.held {
			parts = append(parts, times(e.moments, 1))
		}
	}
	return append(parts, times(e.before, 1))
}

// begin is followed by end: the device is there, and nobody writes the
// parameters. Runs of frozen parameters may be under way beside each other.
func (e *executable) begin() error {
	if err := e.b.enter(); err != nil {
		return err
	}
	if e.prog.Frozen {
		e.set.mu.RLock()
	} else {
		e.set.mu.Lock()
	}
	return nil
}

func (e *executable) end() {
	if e.prog.Frozen {
		e.set.mu.RUnlock()
	} else {
		e.set.mu.Unlock()
	}
	e.b.calls.Done()
}

// Run implements compute.Executable.
func (e *executable) Run() error {
	if err := e.begin(); err != nil {
		return err
	}
	defer e.end()
	parts := append(e.start(), times(e.body, 1), times(e.after, 1))
	if e.train != nil && !e.hold {
		parts = append(parts, times(e.fetch, 1))
	}
	if err := e.submit(parts...); err != nil {
		return err
	}
	if e.train == nil {
		return nil
	}
	e.train.after()
	switch {
	case !e.hold:
		unstage(e.staged)
	case !e.held:
		e.held = true
		e.set.holders++
	}
	return nil
}

// Hold implements compute.Executable.
func (e *executable) Hold() { e.hold = e.train != nil }

// Fetch implements compute.Executable. The next run starts from the host's
// values again, once no other plan holds weights of the same set.
func (e *executable) Fetch() error {
	if err := e.begin(); err != nil {
		return err
	}
	defer e.end()
	if !e.held {
		return nil
	}
	if err := e.submit(times(e.fetch, 1)); err != nil {
		return err
	}
	unstage(e.staged)
	e.held = false
	e.set.holders--
	return nil
}

// Repeat implements compute.Executable. On a card all rounds are one
// submission; a processor that plays a device is asked round by round.
func (e *executable) Repeat(tell func(done int) error) error {
	if err := e.begin(); err != nil {
		return err
	}
	defer e.end()
	rounds := e.prog.Loop.Rounds
	if e.b.device.Type != driver.CPU {
		parts := append(e.start(), times(e.round, rounds-1), times(e.last, 1), times(e.after, 1), times(e.ends, 1))
		if err := e.submit(parts...); err != nil {
			return err
		}
		unstage(e.carried)
		return tell(rounds)
	}
	first := e.start()
	for done := 1; done <= rounds; done++ {
		r := e.round
		if done == rounds {
			r = e.last
		}
		if err := e.submit(append(first, times(r, 1))...); err != nil {
			return err
		}
		first = nil
		if err := tell(done); err != nil {
			return err
		}
	}
	if err := e.submit(times(e.after, 1), times(e.ends, 1)); err != nil {
		return err
	}
	unstage(e.carried)
	return nil
}
