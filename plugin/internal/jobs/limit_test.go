package jobs

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// Pauses do not count, and what was left before one is left after it.
func TestLimitPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := withLimit(t.Context(), time.Minute)
		defer cancel()
		for range 3 {
			time.Sleep(15 * time.Second)
			resume := pause(ctx)
			time.Sleep(time.Hour)
			resume()
		}
		time.Sleep(14 * time.Second)
		if ctx.Err() != nil {
			t.Fatal("ended after 59 s")
		}
		time.Sleep(2 * time.Second)
		if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) || !timedOut(ctx, ctx.Err()) {
			t.Fatalf("after 61 s: %v", context.Cause(ctx))
		}
		pause(ctx)() // stays over
		pause(t.Context())()
	})
}

func TestTimedOut(t *testing.T) {
	t.Parallel()
	over, end := context.WithCancelCause(t.Context())
	end(errTimeUp)
	stopped, cancel := withLimit(t.Context(), time.Hour)
	cancel()
	cut := coded.New(dicomio.CodeUnreachable, "read", "", fmt.Errorf("read: %w", context.Canceled))
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		want bool
	}{
		{"scoring was ended", over, context.Canceled, true},
		{"a connection was cut by the end", over, cut, true},
		{"the PACS is not there", over, coded.New(dicomio.CodeUnreachable, "read", "", nil), false},
		{"the broker is not there", over, coded.New(bus.CodeUnreachable, "publish", "", context.Canceled), false},
		{"the work was ended", stopped, context.Canceled, false},
	} {
		if got := timedOut(c.ctx, c.err); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
