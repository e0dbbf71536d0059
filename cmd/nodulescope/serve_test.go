package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/internal/logtest"
)

// service is a running 'nodulescope serve' of this test binary.
type service struct {
	t    *testing.T
	cmd  *exec.Cmd
	bus  string // URL
	http string
	logs *logtest.Buffer
}

// startService runs serve with a bus of its own on free ports, and returns
// when it says that it is ready.
func startService(t *testing.T, dataDir, model string, more ...string) *service {
	t.Helper()
	args := append([]string{"serve", "--data-dir", dataDir, "--model", model, "--nats-port", "0", "--listen", "127.0.0.1:0", "--review-listen", "127.0.0.1:0"}, more...)
	s := &service{t: t, cmd: exec.Command(os.Args[0], args...), logs: &logtest.Buffer{}} //nolint:gosec // this test
	s.cmd.Env = append(cleanEnviron(), runAsProgram+"=1")
	s.cmd.Stderr = s.logs
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			_ = s.cmd.Process.Kill()
			_ = s.cmd.Wait()
		}
		if t.Failed() {
			t.Logf("log of the service:\n%s", s.logs)
		}
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if m := regexp.MustCompile(`bus +(nats://\S+)`).FindStringSubmatch(lines.Text()); m != nil {
			s.bus = m[1]
		}
		if m := regexp.MustCompile(`health +(http://[^/]+)/`).FindStringSubmatch(lines.Text()); m != nil {
			s.http = m[1]
		}
		if strings.Contains(lines.Text(), "results --follow") {
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return s
		}
	}
	t.Fatalf("the service ended before it was ready:\n%s", s.logs)
	return nil
}

// stop asks for an orderly end and returns the exit code.
func (s *service) stop() int {
	s.t.Helper()
	if runtime.GOOS == "windows" {
		s.t.Skip("no interrupt can be sent to a process on windows")
	}
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	_ = s.cmd.Wait() // the exit code tells
	return s.cmd.ProcessState.ExitCode()
}

// results waits until the bus holds as many results as wanted.
func (s *service) results(want int) []bus.Result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	for {
		out, _ := command(s.t, exitOK, "results", "--json", "--nats-url", s.bus)
		var results []bus.Result
		for line := range strings.Lines(out) {
			results = append(results, decodeResult(s.t, line))
		}
		if len(results) >= want {
			return results
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("%d results, want %d", len(results), want)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// command runs a command line in this process.
func command(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := execute(t.Context(), args, nil, &out, &errs); code != want {
		t.Fatalf("nodulescope %s: exit code %d, want %d\n%s", strings.Join(args, " "), code, want, errs.String())
	}
	return out.String(), errs.String()
}

func decodeResult(t *testing.T, text string) bus.Result {
	t.Helper()
	var r bus.Result
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("not a result: %v", err)
	}
	return r
}

// cleanEnviron is the environment without settings.
func cleanEnviron() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, envPrefix) {
			kept = append(kept, variable)
		}
	}
	return kept
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	return checktest.WriteFile(t, name, []byte(content))
}

func TestServeAnswersJobs(t *testing.T) {
	model, scan := testModel(t), t.TempDir()
	if err := dicomtest.WriteSeries(scan, testSpec("1.2.3", "")); err != nil {
		t.Fatal(err)
	}
	nodules := writeFile(t, "nodules.json", `[{"id": "a", "position_lps_mm": [0, 0, 0], "diameter_mm": 12}, {"id": "b", "position_lps_mm": [900, 0, 0]}]`)
	s := startService(t, t.TempDir(), model)

	out, _ := command(t, exitOK, "submit", scan, "--nodules", nodules, "--nats-url", s.bus)
	id, _, _ := strings.Cut(out, "\n")
	if !regexp.MustCompile(`^job-[0-9a-f]{32}$`).MatchString(id) || !strings.Contains(out, "Next: nodulescope results --nats-url "+s.bus) {
		t.Errorf("submit printed %q", out)
	}
	again, _ := command(t, exitOK, "submit", scan, "--nodules", nodules, "--nats-url", s.bus)
	if !strings.HasPrefix(again, id+"\nWas submitted before") {
		t.Errorf("the same job again printed %q", again)
	}
	r := s.results(1)[0]
	if r.JobID != id || len(r.Nodules) != 2 || len(r.Nodules[0].Scores) != 1 || r.Nodules[1].Error == nil {
		t.Errorf("result %+v", r)
	}

	t.Run("same as score", func(t *testing.T) {
		out, _ := command(t, exitBadInput, "score", scan, "--nodules", nodules, "--model", model, "--json")
		direct := decodeResult(t, out)
		direct.TimingsMS = r.TimingsMS
		if same, err := equalJSON(direct, r); !same {
			t.Errorf("score gave\n%+v\nand the service\n%+v (%v)", direct, r, err)
		}
	})
	t.Run("table", func(t *testing.T) {
		out, _ := command(t, exitOK, "results", "--nats-url", s.bus)
		for _, want := range []string{`^NODULE +MODEL +SCORE`, `(?m)^\S+Z +job job-\S+$`, `(?m)^a, 12\.0 mm +vae-ad +0\.\d+ +uncalibrated`, `(?m)^b +- +refused +candidate_outside_scan$`} {
			if !regexp.MustCompile(want).MatchString(out) {
				t.Errorf("%q is not in\n%s", want, out)
			}
		}
		if out, _ := command(t, exitOK, "results", "--nats-url", s.bus, "--site", "elsewhere"); !strings.HasPrefix(out, "No results.") {
			t.Errorf("another site has %q", out)
		}
		if out, _ := command(t, exitOK, "results", "--nats-url", s.bus, "--since", "2100-01-01T00:00:00Z"); !strings.HasPrefix(out, "No results.") {
			t.Errorf("the future has %q", out)
		}
		if out, _ := command(t, exitOK, "results", "--nats-url", s.bus, "--since", "1h", "--json"); decodeResult(t, out).Identity != r.Identity {
			t.Errorf("the last hour has %q", out)
		}
	})
	t.Run("corrected position", func(t *testing.T) {
		moved := writeFile(t, "nodules.json", `[{"id": "a", "position_lps_mm": [1, 0, 0], "diameter_mm": 12}]`)
		command(t, exitOK, "submit", "file://"+filepath.ToSlash(scan), "--nodules", moved, "--nats-url", s.bus, "--priority", "stat", "--deadline", "1h")
		if corrected := s.results(2)[1]; corrected.Supersedes != r.Identity {
			t.Errorf("supersedes %q, want %q", corrected.Supersedes, r.Identity)
		}
	})
	t.Run("health", func(t *testing.T) {
		for _, path := range []string{"/healthz", "/readyz", "/metrics", "/version"} {
			response, err := http.Get(s.http + path)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", path, response.Status)
			}
		}
	})
	t.Run("taken port", func(t *testing.T) {
		port := s.bus[strings.LastIndex(s.bus, ":")+1:]
		_, errs := command(t, exitUsage, "serve", "--data-dir", t.TempDir(), "--model", model, "--nats-port", port, "--listen", "")
		if !strings.Contains(errs, "cannot listen on 127.0.0.1:"+port) || !strings.Contains(errs, "--nats-url nats://127.0.0.1:"+port) {
			t.Errorf("printed %q", errs)
		}
	})
	if code := s.stop(); code != exitOK {
		t.Errorf("exit code %d after an interrupt, want %d", code, exitOK)
	}
}

func TestFollowEndsWithAnInterrupt(t *testing.T) {
	model, scan := testModel(t), t.TempDir()
	if err := dicomtest.WriteSeries(scan, testSpec("1.2.3", "")); err != nil {
		t.Fatal(err)
	}
	s := startService(t, t.TempDir(), model)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	read, write := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- execute(ctx, []string{"results", "--follow", "--nats-url", s.bus}, nil, write, io.Discard)
		write.Close()
	}()
	command(t, exitOK, "submit", scan, "--nodules", writeFile(t, "nodules.json", manyNodules(1)), "--nats-url", s.bus)
	lines := bufio.NewScanner(read)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "n1,") {
	}
	if !strings.HasPrefix(lines.Text(), "n1,") {
		t.Fatal("the result was not printed")
	}
	interrupt()
	go func() { _, _ = io.Copy(io.Discard, read) }()
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d, want %d", got, exitOK)
	}
}

func TestDeadLettersAreListedAndReplayed(t *testing.T) {
	model, scan := testModel(t), filepath.Join(t.TempDir(), "scan")
	if err := dicomtest.WriteSeries(scan, testSpec("1.2.3", "")); err != nil {
		t.Fatal(err)
	}
	s := startService(t, t.TempDir(), model, "--max-attempts", "1", "--arrival-quiet", "0")
	elsewhere := filepath.Join(filepath.Dir(scan), "later")
	command(t, exitOK, "submit", scan, "--nodules", writeFile(t, "nodules.json", manyNodules(1)), "--nats-url", s.bus, "--uri", elsewhere)
	var listed string
	for end := time.Now().Add(time.Minute); !strings.Contains(listed, "folder_missing"); time.Sleep(50 * time.Millisecond) {
		if listed, _ = command(t, exitOK, "dead", "--nats-url", s.bus); time.Now().After(end) {
			t.Fatalf("the job was not put aside: %s", listed)
		}
	}
	asJSON, _ := command(t, exitOK, "dead", "--json", "--nats-url", s.bus)
	var letter struct {
		Number uint64 `json:"number"`
		Site   string `json:"site"`
		Code   string `json:"code"`
	}
	if err := json.Unmarshal([]byte(asJSON), &letter); err != nil || letter.Number != 1 || letter.Site != "local" || letter.Code != "folder_missing" {
		t.Errorf("letter %+v of %s (%v)", letter, asJSON, err)
	}
	if err := os.Rename(scan, elsewhere); err != nil {
		t.Fatal(err)
	}
	if out, _ := command(t, exitOK, "dead", "replay", "1", "--nats-url", s.bus); out != "1 is in the queue again\n" {
		t.Errorf("replay printed %q", out)
	}
	if r := s.results(1)[0]; len(r.Nodules) != 1 || r.Nodules[0].Error != nil {
		t.Errorf("result %+v", r)
	}
	if _, errs := command(t, exitBadInput, "dead", "replay", "99", "--nats-url", s.bus); !strings.Contains(errs, "99: ") {
		t.Errorf("a number that is not there: %q", errs)
	}
}

// The password of a service that was killed is not sent to whoever has its port now.
func TestAccessEndsWithTheService(t *testing.T) {
	s := startService(t, t.TempDir(), testModel(t))
	if user, password := localAccess(s.bus, bus.RoleOperator); user != "operator" || password == "" {
		t.Fatalf("%q and a password of %d characters", user, len(password))
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait()
	if _, err := os.Stat(accessCopy(s.bus)); err != nil {
		t.Fatal("the service was not killed: ", err)
	}
	if user, password := localAccess(s.bus, bus.RoleOperator); user != "" || password != "" {
		t.Error("the password of a service that is gone is used")
	}
}

// A service keeps no more threads busy than it was told.
func TestThreads(t *testing.T) {
	s := startService(t, t.TempDir(), testModel(t), "--threads", "1", "--outline", "off")
	r, err := http.Get(s.http + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || !strings.Contains(string(text), "\ngo_sched_gomaxprocs_threads 1\n") {
		t.Errorf("%s, %v", regexp.MustCompile("go_sched.*").FindAll(text, -1), err)
	}
	if _, stderr := command(t, exitUsage, "serve", "--check-config", "--threads", "-1"); !strings.Contains(stderr, "threads") {
		t.Error(stderr)
	}
}

// TestOwnBusWithPassword uses one settings file for the service and its
// clients.
func TestOwnBusWithPassword(t *testing.T) {
	model, scan, dir := testModel(t), t.TempDir(), t.TempDir()
	if err := dicomtest.WriteSeries(scan, testSpec("1.2.3", "")); err != nil {
		t.Fatal(err)
	}
	password, settings := filepath.Join(dir, "password"), filepath.Join(dir, "site.yaml")
	for path, content := range map[string]string{
		password: "a long secret of the site\n",
		settings: "site: ward-7\nnats: {user: ann, password-file: '" + password + "'}\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := startService(t, filepath.Join(dir, "data"), model, "--config", settings, "--roots", scan)
	nodules := writeFile(t, "nodules.json", manyNodules(1))
	if _, errs := command(t, exitFailure, "submit", scan, "--nodules", nodules, "--nats-url", s.bus, "--site", "ward-7"); !strings.Contains(errs, "bus_unreachable") {
		t.Errorf("without the password: %s", errs)
	}
	command(t, exitOK, "submit", scan, "--nodules", nodules, "--nats-url", s.bus, "--config", settings)
	command(t, exitOK, "results", "--nats-url", s.bus, "--config", settings)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	read, write := io.Pipe()
	go func() {
		execute(ctx, []string{"results", "--follow", "--json", "--nats-url", s.bus, "--config", settings}, nil, write, io.Discard)
		write.Close()
	}()
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if r := decodeResult(t, line); r.SeriesUID != "1.2.3" || len(r.Nodules) != 1 || r.Nodules[0].Error != nil {
		t.Errorf("result %+v", r)
	}
	if strings.Contains(s.logs.String(), "secret") {
		t.Error("the log holds the password")
	}
}
