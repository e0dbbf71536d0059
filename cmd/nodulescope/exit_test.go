package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestExitCode(t *testing.T) {
	plain := errors.New("disk full")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		name string
		ctx  context.Context
		err  error
		code int
		line string
	}{
		{"plain", t.Context(), plain, exitFailure, "nodulescope: disk full"},
		{"usage", t.Context(), usageError(plain, "free some"), exitUsage, "nodulescope: disk full — free some"},
		{"bad input, wrapped", t.Context(), fmt.Errorf("score: %w", badInput(plain, "")), exitBadInput, "nodulescope: score: disk full"},
		{"several lines", t.Context(), errors.Join(plain, errors.New(" slow \n\n")), exitFailure, "nodulescope: disk full; slow"},
		{"interrupted", cancelled, fmt.Errorf("read: %w", context.Canceled), exitInterrupted, "nodulescope: interrupted — what was not finished can be run again"},
		{"failed while interrupted", cancelled, plain, exitFailure, "nodulescope: disk full"},
		{"cancelled by something else", t.Context(), context.Canceled, exitFailure, "nodulescope: context canceled"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code := exitCode(test.ctx, test.err)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if line := errorLine(test.err, code); line != test.line {
				t.Errorf("printed %q, want %q", line, test.line)
			}
		})
	}
	if code := exitCode(cancelled, nil); code != exitOK {
		t.Errorf("exit code %d of a command that ended well after an interrupt, want %d", code, exitOK)
	}
}
