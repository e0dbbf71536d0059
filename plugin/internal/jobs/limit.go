package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nodulescope/nodulescope/dicomio"
)

// errTimeUp is the cause that ends the context of a job whose time is over. To those
// who ask it is a deadline.
var errTimeUp = fmt.Errorf("the time of the job is over: %w", context.DeadlineExceeded)

// limit is the time that an attempt may take. It is used by the attempt's own
// goroutine.
type limit struct {
	timer *time.Timer
	until time.Time
}

// limitKey finds the limit of a job in its context.
type limitKey struct{}

// withLimit ends a context after a time; what passes while the limit is paused does
// not count. cancel must be called.
func withLimit(ctx context.Context, d time.Duration) (limited context.Context, cancel context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	l := &limit{timer: time.AfterFunc(d, func() { end(errTimeUp) }), until: time.Now().Add(d)}
	return context.WithValue(ctx, limitKey{}, l), func() {
		l.timer.Stop()
		end(nil)
	}
}

// pause has the limit of a job wait until resume, and go on with what was left. A
// limit that is over stays so.
func pause(ctx context.Context) (resume func()) {
	l, there := ctx.Value(limitKey{}).(*limit)
	if !there || !l.timer.Stop() {
		return func() {}
	}
	left := time.Until(l.until)
	return func() {
		l.until = time.Now().Add(left)
		l.timer.Reset(left)
	}
}

// timedOut tells whether the limit has ended, and with it the job, which failed with
// err. What the end of its context looks like from outside, such as a connection
// that was cut, is no trouble of ours.
func timedOut(limited context.Context, err error) bool {
	if context.Cause(limited) != errTimeUp { //nolint:errorlint // the very one: a deadline of another is none
		return false
	}
	cut := dicomio.CodeOf(err) == dicomio.CodeUnreachable && errors.Is(err, context.Canceled)
	return !ours(err) || cut
}
