package bus

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
)

// An answer whose connection is lost is not waited for: it is asked for again, on the
// next one.
func TestCallEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	server := startServer(t, ServerOptions{StoreDir: t.TempDir(), Port: -1})
	b := connect(t, Options{URL: server.URL()})
	attempts := 0
	got, err := call(testContext(t), b, "test", func(ctx context.Context) (string, error) {
		if attempts++; attempts > 1 {
			return "answer", nil
		}
		if err := server.Restart(testContext(t)); err != nil {
			t.Error(err)
		}
		<-ctx.Done()
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("it was waited for to the end: %v", ctx.Err())
		}
		return "", ctx.Err()
	})
	if got != "answer" || err != nil || attempts != 2 {
		t.Errorf("%q, %v, %d attempts", got, err, attempts)
	}
}

// What the caller ends is not tried again.
func TestCallEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	ctx, cancel := context.WithCancel(testContext(t))
	attempts := 0
	err := b.run(ctx, "test", func(ctx context.Context) error {
		attempts++
		cancel()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, nats.ErrDisconnected) || attempts != 1 {
		t.Errorf("%v after %d attempts", err, attempts)
	}
}
