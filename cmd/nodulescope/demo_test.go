package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// interrupting ends its context when something is written to it.
type interrupting struct {
	bytes.Buffer
	interrupt context.CancelFunc
	at        string
}

func (w *interrupting) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if strings.Contains(w.String(), w.at) {
		w.interrupt()
	}
	return n, err
}

func TestInterruptedDemoCanBeRunAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	args := []string{"demo", "--dir", dir, "--model", testModel(t), "--slices", "48", "--size", "96", "--count", "1"}
	for _, at := range []string{"1. ", "2. ", "3. "} {
		ctx, cancel := context.WithCancel(t.Context())
		var stderr bytes.Buffer
		stdout := &interrupting{interrupt: cancel, at: at}
		code := execute(ctx, args, nil, stdout, &stderr)
		cancel()
		if code != exitInterrupted {
			t.Errorf("interrupted at %q: exit code %d, want %d: %s", at, code, exitInterrupted, stderr.String())
		}
		if left, err := filepath.Glob(filepath.Join(dir, workPrefix+"*")); len(left) > 0 || err != nil {
			t.Errorf("interrupted at %q: %d folders of work are left (%v)", at, len(left), err)
		}
	}
	command(t, exitOK, args...)
	if !exists(filepath.Join(dir, "index.html")) {
		t.Error("the run after has no page")
	}
}
