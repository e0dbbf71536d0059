package plugintest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"
)

// crashVariable holds the plan of a process that is to be killed.
const crashVariable = "NODULESCOPE_TEST_CRASH"

// Main is the TestMain of a package whose test binary is also the process that
// is killed: started by [Crash] it calls child with the plan, and else runs the
// tests. A child that returns has not crashed: it exits with 3.
func Main[Plan any](m *testing.M, child func(Plan) error) {
	text := os.Getenv(crashVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	var plan Plan
	err := json.Unmarshal([]byte(text), &plan)
	if err == nil {
		err = child(plan)
	}
	fmt.Fprintln(os.Stderr, "the process lives on:", err)
	os.Exit(3)
}

// Crash runs this test binary as a child with a plan, until it has killed
// itself with [Die].
func Crash(t testing.TB, plan any) {
	t.Helper()
	cmd := Child(t, plan)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() == 2 || exit.ExitCode() == 3 {
		t.Fatalf("the child was not killed: %v\n%s", err, out)
	}
}

// Child is this test binary as a child with a plan; it is killed when the test
// ends.
func Child(t testing.TB, plan any) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(plan)
	Must(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this test
	cmd.Env = append(os.Environ(), crashVariable+"="+string(text))
	return cmd
}

// Die is SIGKILL: nothing is flushed, closed or deferred.
func Die() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}

// DieAt is a log handler that ends the process at a line.
type DieAt string

// Enabled is true: every line may be the last.
func (d DieAt) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (d DieAt) WithAttrs([]slog.Attr) slog.Handler { return d }

// WithGroup implements slog.Handler.
func (d DieAt) WithGroup(string) slog.Handler { return d }

// Handle ends the process at the line.
func (d DieAt) Handle(_ context.Context, r slog.Record) error {
	if r.Message == string(d) {
		Die()
	}
	return nil
}
