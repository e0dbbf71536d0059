package scoring

import (
	"context"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/detector"
)

// judged are scores, or why there are none, of nodules one after the other.
type judged struct {
	scores []detector.Score
	errs   []error
}

// judgedBatch is what one detector says of some nodules.
type judgedBatch struct {
	judged
	detector int // its place in the request
	nodules  []int
	since    time.Duration // the start of its work
	panicked any           // it panicked with this; there is nothing else
}

// sideBySide has every detector score the patches of todo, each in its order and
// all at the same time. The channel is closed when all are done or, with a ctx that
// is cancelled, have ended. Nobody waits for what is not read.
func (p *Prepared) sideBySide(ctx context.Context, todo []int, subjects []subject) <-chan judgedBatch {
	out := make(chan judgedBatch, len(p.req.Detectors)*(len(todo)/scoreBatch+2))
	var wait sync.WaitGroup
	for n, d := range p.req.Detectors {
		wait.Go(func() {
			start := time.Now()
			send := func(b judgedBatch) {
				b.detector, b.since = n, time.Since(start)
				out <- b
			}
			defer func() {
				if v := recover(); v != nil { // the goroutine of the request panics with it
					send(judgedBatch{panicked: v})
				}
			}()
			if len(todo) == 0 {
				send(judgedBatch{})
			}
			for rest := todo; len(rest) > 0 && ctx.Err() == nil; {
				batch := rest[:min(scoreBatch, len(rest))]
				rest = rest[len(batch):]
				scores, errs := scoreEach(ctx, d, batch, subjects)
				send(judgedBatch{judged: judged{scores, errs}, nodules: batch})
			}
		})
	}
	go func() {
		wait.Wait()
		close(out)
	}()
	return out
}
