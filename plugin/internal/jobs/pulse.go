package jobs

import (
	"fmt"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// pulse says when the slots of a worker were last seen to go on.
type pulse struct {
	mu    sync.Mutex
	slots []beat
}

type beat struct {
	busy bool // with a job, since at; later where it was overtaken
	at   time.Time
}

func (p *pulse) begin(slots int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slots = make([]beat, slots)
	for i := range p.slots {
		p.slots[i].at = time.Now()
	}
}

func (p *pulse) idle(slot int) { p.set(slot, beat{at: time.Now()}) }
func (p *pulse) busy(slot int) { p.set(slot, beat{busy: true, at: time.Now()}) }

func (p *pulse) set(slot int, b beat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slots[slot] = b
}

// overtake has an urgent job begin in a busy slot. resume gives the slot back to the
// job that was overtaken; what passed until then is not of its time.
func (p *pulse) overtake(slot int) (resume func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	former, begin := p.slots[slot], time.Now()
	p.slots[slot] = beat{busy: true, at: begin}
	return func() {
		former.at = former.at.Add(time.Since(begin))
		p.set(slot, former)
	}
}

// Alive returns an error where a slot hangs: it has a job for longer than any
// attempt may take, without urgent jobs that it lets pass, or it waits for one
// and asks nobody. slack is what may come on top.
func (w *Worker) Alive(slack time.Duration) error {
	w.pulse.mu.Lock()
	defer w.pulse.mu.Unlock()
	now, asked := time.Now(), w.Queue.Asked()
	for slot, b := range w.pulse.slots {
		switch {
		case b.busy && now.Sub(b.at) > 2*w.JobTimeout+slack:
			return coded.New(coded.Internal, "check worker", fmt.Sprintf("slot %d has had one job for %s: it hangs", slot, now.Sub(b.at).Round(time.Second)), nil)
		case !b.busy && now.Sub(b.at) > slack && now.Sub(asked) > slack:
			return coded.New(coded.Internal, "check worker", fmt.Sprintf("slot %d has asked for no job for %s: it hangs", slot, now.Sub(asked).Round(time.Second)), nil)
		}
	}
	return nil
}
