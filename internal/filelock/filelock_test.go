package filelock_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/internal/filelock"
)

func TestTakeAndHeld(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.lock")
	if filelock.Held(path) {
		t.Error("a file that is not there is held")
	}
	f, err := filelock.Take(path)
	if err != nil {
		t.Fatal(err)
	}
	if !filelock.Held(path) {
		t.Error("it is not held")
	}
	if _, err := filelock.Take(path); err == nil {
		t.Error("it was taken twice")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if filelock.Held(path) {
		t.Error("it is held after its end")
	}
}

// holder is, in the environment, the file that this program locks until it is killed.
const holder = "FILELOCK_TEST_HOLDS"

// A lock of another process is seen, and ends with it however it ends.
func TestAnotherProcess(t *testing.T) {
	if path := os.Getenv(holder); path != "" {
		if _, err := filelock.Take(path); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stdout.WriteString("held\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
	}
	path := filepath.Join(t.TempDir(), "a.lock")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAnotherProcess$") //nolint:gosec // this test
	cmd.Env = append(os.Environ(), holder+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "held\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if !filelock.Held(path) {
		t.Error("it is not held")
	}
	if _, err := filelock.Take(path); err == nil {
		t.Error("it was taken twice")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	f, err := filelock.Take(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
