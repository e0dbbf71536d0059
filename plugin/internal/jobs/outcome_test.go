package jobs

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/internal/ledger"
)

// What becomes of a delivery follows from the error, the attempt and whether
// the service must stop, and from nothing else.
func TestOutcome(t *testing.T) {
	plain := errors.New("a failure of the test")
	away := &dicomio.Error{Code: dicomio.CodeUnreachable}
	for name, c := range map[string]struct {
		err     error
		attempt int
		stopped bool
		want    Outcome
		excused bool
	}{
		"done":                              {nil, 1, false, Scored, false},
		"done at a stop":                    {nil, 9, true, Scored, false},
		"unforeseen":                        {plain, 1, false, Retried, false},
		"unforeseen, last attempt":          {plain, 3, false, Dead, false},
		"unforeseen at a stop":              {plain, 3, true, Returned, true},
		"hopeless":                          {hopeless(plain), 1, false, Dead, false},
		"hopeless at a stop":                {fmt.Errorf("job: %w", hopeless(plain)), 1, true, Dead, false},
		"ledger":                            {coded.New(ledger.CodeFailed, "op", "hint", nil), 9, false, Retried, true},
		"broker":                            {errors.Join(plain, &bus.Error{Code: bus.CodeUnreachable}), 9, false, Retried, true},
		"PACS away":                         {away, 9, false, Retried, true},
		"PACS away while the service stops": {away, 1, true, Returned, true},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if c.stopped {
			cancel()
		}
		w := &Worker{MaxAttempts: 3}
		if got, excused := w.outcomeOf(ctx, Scored, c.err, c.attempt); got != c.want || excused != c.excused {
			t.Errorf("%s: %s, excused %v; want %s, %v", name, got, excused, c.want, c.excused)
		}
		cancel()
	}
}

// One holds a key at a time; another key is free, and who waits too long is
// told so.
func TestKeyLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l keyLocks
		unlock, err := l.lock(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		other, err := l.lock(t.Context(), "b")
		if err != nil {
			t.Fatal(err)
		}
		other()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := l.lock(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("waited for with a context that has ended: %v", err)
		}
		got := false
		go func() {
			unlock, err := l.lock(t.Context(), "a")
			if err == nil {
				got = true
				unlock()
			}
		}()
		synctest.Wait()
		if got {
			t.Error("two hold one key")
		}
		unlock()
		synctest.Wait()
		if !got {
			t.Error("a key that was let go of is not free")
		}
	})
}
