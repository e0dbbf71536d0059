package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/internal/logtest"
)

const password = "correct horse battery staple"

// patience is for machines that do much else, with more of it where detectors
// work. Whatever a test does, it ends after bound.
const (
	patience        = 2 * time.Minute
	scoringPatience = 6 * time.Minute
	bound           = 10 * time.Minute
)

// program is the binary that the page is part of, built once.
var program = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("TEST_NODULESCOPE"); path != "" {
		return path, nil
	}
	path := filepath.Join(home, "nodulescope")
	build := exec.Command("go", "build", "-buildvcs=false", "-ldflags", "-s -w", "-o", path, "../../cmd/nodulescope") //nolint:gosec // our own
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return path, nil
})

const usersFile = "users.json"

// users is the file of ann, bob (review), vera (view), ada and alan (admin),
// written once: a password takes long to hash, which is its purpose.
var users = sync.OnceValues(func() ([]byte, error) {
	path, err := program()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(home, "users")
	for name, role := range map[string]string{"ann": "review", "bob": "review", "vera": "view", "ada": "admin", "alan": "admin"} {
		cmd := exec.Command(path, "users", "add", name, "--role", role, "--data-dir", dir) //nolint:gosec // our own
		cmd.Stdin = strings.NewReader(password + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("add %s: %w\n%s", name, err, out)
		}
	}
	return os.ReadFile(filepath.Join(dir, usersFile))
})

// run calls the binary and returns what it prints.
func run(t testing.TB, input string, args ...string) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...) //nolint:gosec // our own
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("nodulescope %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// phantom writes a series that is no patient and returns its folder.
func phantom(t testing.TB, args ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ct")
	run(t, "", append([]string{"phantom", dir}, args...)...)
	return dir
}

// service is `nodulescope serve` with its own data and the users of [users].
type service struct {
	url, bus string
	log      logtest.Buffer
	stop     func() // once; the test's end calls it too
}

func serve(t testing.TB, settings ...string) *service {
	t.Helper()
	return serveFrom(t, t.TempDir(), settings...)
}

// serveFrom is serve of a data folder that may hold something already.
func serveFrom(t testing.TB, data string, settings ...string) *service {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("a stop of the service is asked for by a signal")
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	people, err := users()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, usersFile), people, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"serve", "--data-dir", data, "--listen", "", "--review-listen", "127.0.0.1:0", "--nats-port", "0"}
	args = append(args, settings...)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, args...) //nolint:gosec // our own
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	s := &service{}
	cmd.Stderr = &s.log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan error, 1)
	ended := make(chan error, 1)
	go func() {
		ready <- s.read(stdout)
		_, _ = io.Copy(io.Discard, stdout)
		ended <- cmd.Wait()
	}()
	s.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("log of the service:\n%s", s.log.String())
		}
	})
	select {
	case err := <-ready:
		if err != nil {
			t.Fatalf("serve: %v\n%s", err, s.log.String())
		}
	case <-time.After(patience):
		t.Fatal("serve is not ready")
	}
	return s
}

var (
	busLine    = regexp.MustCompile(`^\s+bus\s+(nats://\S+)`)
	reviewLine = regexp.MustCompile(`^\s+review\s+(http://\S+?)/?(?:\s|$)`)
)

// read takes the addresses from what serve prints.
func (s *service) read(stdout io.Reader) error {
	var said strings.Builder
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if m := busLine.FindStringSubmatch(lines.Text()); m != nil {
			s.bus = m[1]
		}
		if m := reviewLine.FindStringSubmatch(lines.Text()); m != nil {
			s.url = m[1]
		}
		if strings.HasPrefix(lines.Text(), "Next,") {
			break
		}
	}
	if s.bus == "" || s.url == "" {
		return errors.New("it does not say where bus and review page are:\n" + said.String())
	}
	return nil
}

// submit puts a series of phantom into the queue.
func (s *service) submit(t testing.TB, dir string) {
	t.Helper()
	run(t, "", "submit", dir, "--nodules", filepath.Join(dir, "truth.json"), "--nats-url", s.bus)
}

// wire is a network between browser and service that can be cut.
type wire struct {
	addr string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

func newWire(t testing.TB, to string) *wire {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{addr: listener.Addr().String(), conns: map[net.Conn]bool{}}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go w.carry(conn, to)
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		w.set(true)
	})
	return w
}

func (w *wire) carry(from net.Conn, address string) {
	defer from.Close()
	to, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer to.Close()
	w.mu.Lock()
	if w.cut {
		w.mu.Unlock()
		return
	}
	w.conns[from], w.conns[to] = true, true
	w.mu.Unlock()
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			_ = pair[0].Close()
			done <- struct{}{}
		}()
	}
	<-done
	<-done
	w.mu.Lock()
	delete(w.conns, from)
	delete(w.conns, to)
	w.mu.Unlock()
}

// set cuts the network, or mends it.
func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for c := range w.conns {
			_ = c.Close()
		}
	}
}

// annSees is the tab of a reader in whose work list the first series is scored.
func annSees(browser context.Context, t testing.TB, s *service) *tab {
	t.Helper()
	ann := newTab(browser, t, "ann")
	ann.size(1280, 800)
	ann.signIn(s.url, "ann")
	ann.within(scoringPatience, "a scored series", `document.querySelector("tbody tr[data-id] .state.scored")`)
	return ann
}
