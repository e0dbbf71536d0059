package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/logtest"
)

// goldenService is a service with a bus of its own on free ports, as its
// clients see it.
type goldenService struct {
	t      *testing.T
	cmd    *exec.Cmd
	logs   *logtest.Buffer
	bus    string // URL
	health string // URL
	page   string // URL
	client *http.Client
	csrf   string
	conn   *nats.Conn
	seen   chan *nats.Msg
	told   []*nats.Msg // messages, in order
}

const goldenPassword = "correct horse battery"

// startGoldenService returns when the service says that it is ready for jobs.
func startGoldenService(t *testing.T, dataDir string, more ...string) *goldenService {
	t.Helper()
	s := &goldenService{t: t, logs: &logtest.Buffer{}, seen: make(chan *nats.Msg, 1000)}
	s.cmd = goldenCommand(append([]string{"serve", "--data-dir", dataDir, "--device", "cpu", "--max-attempts", "1", "--arrival-quiet", "0",
		"--nats-port", "0", "--listen", "127.0.0.1:0", "--review-listen", "127.0.0.1:0"}, more...)...)
	s.cmd.Stderr = s.logs
	stdout, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.end)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Next, ") {
		for pattern, into := range map[string]*string{`^ +bus +(nats://\S+)`: &s.bus, `^ +health +(http://[^/ ]+)`: &s.health, `^ +review +(http://\S+)`: &s.page} {
			if m := regexp.MustCompile(pattern).FindStringSubmatch(lines.Text()); m != nil {
				*into = m[1]
			}
		}
	}
	if s.bus == "" || s.health == "" || s.page == "" {
		t.Fatalf("the service said not where it listens:\n%s", s.logs)
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.client = &http.Client{Jar: jar, Timeout: time.Minute}
	access, err := bus.ReadAccess(filepath.Join(dataDir, accessName))
	if err != nil {
		t.Fatal(err)
	}
	if s.conn, err = nats.Connect(s.bus, nats.UserInfo(string(bus.RoleService), access[bus.RoleService])); err != nil {
		t.Fatal(err)
	}
	if _, err = s.conn.ChanSubscribe("nodule.v1.>", s.seen); err == nil {
		err = s.conn.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *goldenService) end() {
	if s.conn != nil {
		s.conn.Close()
	}
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
	if s.t.Failed() {
		s.t.Logf("log of the service:\n%s", s.logs)
	}
}

// stop asks for an orderly end.
func (s *goldenService) stop() {
	s.t.Helper()
	s.conn.Close()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Fatalf("the service ended with %v", err)
	}
}

// until waits for a message whose subject begins so.
func (s *goldenService) until(subject string) *nats.Msg {
	s.t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case m := <-s.seen:
			s.told = append(s.told, m)
			if strings.HasPrefix(m.Subject, subject) {
				return m
			}
		case <-limit:
			s.t.Fatalf("no message at %s", subject)
		}
	}
}

// publish puts bytes on a subject of a stream, as anybody may.
func (s *goldenService) publish(subject, text string) {
	s.t.Helper()
	if _, err := s.conn.Request(subject, []byte(text), time.Minute); err != nil {
		s.t.Fatal(err)
	}
}

// signIn opens a session on the review page.
func (s *goldenService) signIn(name string) (answer []byte) {
	s.t.Helper()
	answer = s.call(http.MethodPost, "/session", map[string]string{"name": name, "password": goldenPassword}, http.StatusOK)
	var session struct{ CSRF string }
	if err := json.Unmarshal(answer, &session); err != nil || session.CSRF == "" {
		s.t.Fatalf("no session in %s (%v)", answer, err)
	}
	s.csrf = session.CSRF
	return answer
}

// call asks the review API, and fails where the status is another.
func (s *goldenService) call(method, path string, body any, want int) []byte {
	s.t.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			s.t.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.page+"/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("X-CSRF-Token", s.csrf)
	r.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		s.t.Fatalf("%s %s: %s, want %d (%v)\n%s", method, path, response.Status, want, err, answer)
	}
	return answer
}
