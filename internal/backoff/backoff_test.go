package backoff

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestDoubling(t *testing.T) {
	d := Doubling{First: 10 * time.Second, Max: time.Minute}
	for attempt, want := range []time.Duration{0: 10 * time.Second, 1: 10 * time.Second, 2: 20 * time.Second, 3: 40 * time.Second, 4: time.Minute, 1000: time.Minute} {
		if want == 0 {
			continue
		}
		if got := d.After(attempt); got != want {
			t.Errorf("after attempt %d: %s, want %s", attempt, got, want)
		}
	}
	if got := (Doubling{First: time.Hour, Max: time.Second}).After(1); got != time.Second {
		t.Errorf("the first wait is %s, over the limit", got)
	}
	if got := (Doubling{Max: time.Second}).After(1 << 30); got != 0 {
		t.Errorf("no wait became %s", got)
	}
	if got := (Doubling{First: math.MaxInt64 - 1, Max: math.MaxInt64}).After(3); got != math.MaxInt64 {
		t.Errorf("an absurd wait became %s", got)
	}
	if got := d.Next(0); got != d.First {
		t.Errorf("the first is %s", got)
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := Wait(t.Context(), time.Hour); err != nil || time.Since(start) != time.Hour {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := Wait(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Hour+time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}
