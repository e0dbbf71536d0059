//go:build unix

package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
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
	n := newNotifier(slog.New(slog.DiscardHandler))
	defer n.describe(func(ctx context.Context) string { <-ctx.Done(); return "" })() // so does what it looks at
	end := n.ready(func(context.Context) error {
		defer func() { asked <- struct{}{} }()
		if hangs.Load() {
			return errors.New("it hangs")
		}
		return nil
	})
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

// A service that starts says what it waits for.
func TestServiceManagerHearsWhatAStartWaitsFor(t *testing.T) {
	conn := manager(t)
	busy, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "serve", "--data-dir", t.TempDir(), "--model", testModel(t), //nolint:gosec // this test
		"--nats-url", "nats://"+busy.Addr().String(), "--listen", "127.0.0.1:0", "--review-listen", "127.0.0.1:0")
	cmd.Env = append(cleanEnviron(), runAsProgram+"=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = cmd.Process.Kill(), cmd.Wait() }()
	text := make([]byte, 1024)
	for line := ""; !strings.HasPrefix(line, "STATUS=takes no jobs; bus: "); {
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		if line = string(text[:n]); strings.HasPrefix(line, "READY") {
			t.Fatal("ready without a bus")
		}
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
