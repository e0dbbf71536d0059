package bus

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
)

func TestStartRefuses(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "password")
	write(t, secret, "one\ntwo\n")
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "x")
	for name, opts := range map[string]ServerOptions{
		"no store":           {},
		"store is a file":    {StoreDir: file},
		"port":               {StoreDir: t.TempDir(), Port: 70000},
		"beyond loopback":    {StoreDir: t.TempDir(), Host: "0.0.0.0", Port: -1},
		"user alone":         {StoreDir: t.TempDir(), User: "u"},
		"no password file":   {StoreDir: t.TempDir(), User: "u", PasswordFile: "/none"},
		"two-line password":  {StoreDir: t.TempDir(), User: "u", PasswordFile: secret},
		"certificate alone":  {StoreDir: t.TempDir(), TLSCert: file},
		"broken certificate": {StoreDir: t.TempDir(), TLSCert: file, TLSKey: file},
		"broken nkey":        {StoreDir: t.TempDir(), NkeyUsers: []string{"UX"}, Port: -1},
	} {
		s, err := Start(testContext(t), opts)
		if CodeOf(err) != CodeSettings {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			_ = s.Shutdown(testContext(t))
		}
	}
}

func TestPortTakenIsSaid(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	_, err = Start(testContext(t), ServerOptions{StoreDir: dir, Port: l.Addr().(*net.TCPAddr).Port})
	wantCode(t, err, CodeServer)
	if !strings.Contains(err.Error(), "in use") {
		t.Errorf("the reason is not told: %v", err)
	}
	startServer(t, ServerOptions{StoreDir: dir, Port: -1}) // the store is free again
}

func TestStoreIsLocked(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, ServerOptions{StoreDir: dir, DontListen: true})
	_, err := Start(testContext(t), ServerOptions{StoreDir: dir, DontListen: true})
	wantCode(t, err, CodeStoreLocked)
	if err := s.Shutdown(testContext(t)); err != nil {
		t.Fatal(err)
	}
	startServer(t, ServerOptions{StoreDir: dir, DontListen: true})
}

func TestStartEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	_, err := Start(ctx, ServerOptions{StoreDir: dir, DontListen: true})
	wantCode(t, err, CodeServer)
	startServer(t, ServerOptions{StoreDir: dir, DontListen: true})
}

func TestUserAndNkey(t *testing.T) {
	dir := t.TempDir()
	password, wrong, seedFile := filepath.Join(dir, "pw"), filepath.Join(dir, "wrong"), filepath.Join(dir, "seed")
	write(t, password, "correct horse\n")
	write(t, wrong, "incorrect horse\n")
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, _ := pair.Seed()
	public, _ := pair.PublicKey()
	write(t, seedFile, string(seed))
	s := startServer(t, ServerOptions{Port: -1, User: "site", PasswordFile: password, NkeyUsers: []string{public}})
	inside := connect(t, Options{Server: s})
	if err := inside.EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	for name, opts := range map[string]Options{
		"user": {URL: s.URL(), User: "site", PasswordFile: password},
		"nkey": {URL: s.URL(), NkeySeedFile: seedFile},
	} {
		if err := connect(t, opts).Health(testContext(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, opts := range map[string]Options{
		"nobody":         {URL: s.URL()},
		"wrong password": {URL: s.URL(), User: "site", PasswordFile: wrong},
	} {
		_, err := Connect(testContext(t), opts)
		if CodeOf(err) != CodeUnreachable || strings.Contains(err.Error(), "horse") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRestartKeepsMessages(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, ServerOptions{StoreDir: dir, DontListen: true})
	b := connect(t, Options{Server: s})
	if err := b.EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	submit(t, b, "site", "1", sampleJob(1))
	if _, err := b.PublishResult(testContext(t), "site", "/p", sampleResult("r1")); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if err := s.Shutdown(testContext(t)); err != nil {
		t.Fatal(err)
	}
	b = connect(t, Options{Server: startServer(t, ServerOptions{StoreDir: dir, DontListen: true})})
	if err := b.Health(testContext(t)); err != nil {
		t.Fatal(err)
	}
	env, _, err := DecodeJob(next(t, openQueue(t, b, "site")).Data)
	if err != nil || env.ID != "1" {
		t.Error(env.ID, err)
	}
	if seq, found, err := b.FindResult(testContext(t), "site", "r1", 0); seq != 1 || !found || err != nil {
		t.Error(seq, found, err)
	}
	if ack := submit(t, b, "site", "1", sampleJob(1)); !ack.Duplicate {
		t.Error("the duplicate window did not survive the restart")
	}
}

func TestReconnectAfterRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServer(t, ServerOptions{StoreDir: dir, Port: -1})
	b := connect(t, Options{URL: s.URL()})
	if err := b.EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	q := openQueue(t, b, "site")
	got := make(chan *Delivery, 1)
	go func() {
		d, err := q.Next(testContext(t))
		if err != nil {
			t.Error(err)
		}
		got <- d
	}()
	results := make(chan string, 10)
	go func() {
		_ = b.FollowResults(testContext(t), "site", FollowOptions{FromStart: true}, func(_ Envelope, r Result) error {
			results <- r.Identity
			return nil
		})
	}()
	publish := func(identity string) {
		if _, err := b.PublishResult(testContext(t), "site", "/p", sampleResult(identity)); err != nil {
			t.Error(err)
		}
		select {
		case r := <-results:
			if r != identity {
				t.Errorf("result %s, want %s", r, identity)
			}
		case <-time.After(45 * time.Second):
			t.Fatalf("result %s was not followed", identity)
		}
	}
	publish("before")
	if err := s.Shutdown(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if CodeOf(b.Health(testContext(t))) == "" {
		t.Error("healthy without a broker")
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(s.URL(), "nats://"))
	again, _ := strconv.Atoi(port)
	startServer(t, ServerOptions{StoreDir: dir, Port: again})
	for _, err := b.LastResultSeq(testContext(t)); err != nil; _, err = b.LastResultSeq(testContext(t)) {
		time.Sleep(50 * time.Millisecond)
	}
	submit(t, b, "site", "after", sampleJob(1))
	if d := <-got; d == nil || d.Done(testContext(t)) != nil {
		t.Error("the queue did not outlast the restart")
	}
	publish("after")
	for b.Health(testContext(t)) != nil { // each exchange that failed has gone well since
		time.Sleep(50 * time.Millisecond)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
