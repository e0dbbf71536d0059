//go:build unix

package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/plugin"
)

// manager listens as systemd does.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "100000")
	return conn
}

// heard waits for what is said next, states apart.
func heard(t *testing.T, conn *net.UnixConn, within time.Duration) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 256)
	n, err := conn.Read(text)
	for err == nil && strings.HasPrefix(string(text[:n]), "STATUS=") {
		n, err = conn.Read(text)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text[:n])
}

// The manager hears that the service is ready, that it is alive as long as it
// is, and that it stops.
func TestServiceManagerHears(t *testing.T) {
	conn := manager(t)
	s := startService(t, t.TempDir(), testModel(t))
	if got := heard(t, conn, time.Minute); got != "READY=1" {
		t.Errorf("first %q", got)
	}
	for range 3 {
		if got := heard(t, conn, time.Minute); got != "WATCHDOG=1" {
			t.Errorf("then %q", got)
		}
	}
	ended := make(chan int, 1)
	go func() { ended <- s.stop() }()
	for {
		switch got := heard(t, conn, time.Minute); got {
		case "WATCHDOG=1":
			continue
		case "STOPPING=1":
		default:
			t.Errorf("at the end %q", got)
		}
		break
	}
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

// Who hangs is silent.
func TestServiceManagerHearsNothingOfWhatHangs(t *testing.T) {
	conn := manager(t)
	var hangs atomic.Bool
	asked := make(chan struct{}, 100)
	end := newNotifier(slog.New(slog.DiscardHandler)).ready(func(context.Context) error {
		defer func() { asked <- struct{}{} }()
		if hangs.Load() {
			return errors.New("it hangs")
		}
		return nil
	}, func(ctx context.Context) string { <-ctx.Done(); return "" }) // so does what it looks at
	defer end()
	if ready, alive := heard(t, conn, time.Minute), heard(t, conn, time.Minute); ready != "READY=1" || alive != "WATCHDOG=1" {
		t.Errorf("%q, %q", ready, alive)
	}
	hangs.Store(true)
	for range cap(asked) / 20 {
		<-asked
	}
	for heard(t, conn, time.Millisecond) != "" { // said before
	}
	for range 3 {
		<-asked
	}
	if got := heard(t, conn, time.Millisecond); got != "" {
		t.Errorf("%q is said of what hangs", got)
	}
}

func TestStateLine(t *testing.T) {
	for want, r := range map[string]plugin.Readiness{
		"takes jobs": {Ready: true, Checks: map[string]string{"bus": "ok", "storage": "2 reads hang"}},
		"takes no jobs; bus: no answer; disk: full: make room": {Checks: map[string]string{"disk": "full:\nmake room", "ledger": "ok", "bus": "no answer"}},
	} {
		if got := stateLine(r); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
