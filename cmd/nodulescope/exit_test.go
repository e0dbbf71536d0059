package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/series"
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
		{"series", t.Context(), fmt.Errorf("score: %w", &dicomio.Error{Code: dicomio.CodeNotCT, Op: "open series", Hint: "name a CT series"}),
			exitBadInput, "nodulescope: score: open series: name a CT series (not_ct)"},
		{"candidate file", t.Context(), &nodule.Error{Code: nodule.CodeCandidateFileInvalid, Op: "read candidates", Hint: "give JSON, CSV or XML"},
			exitBadInput, "nodulescope: read candidates: give JSON, CSV or XML (candidate_file_invalid)"},
		{"job", t.Context(), &bus.Error{Code: bus.CodeJobTooLarge, Op: "submit", Hint: "send fewer nodules"},
			exitBadInput, "nodulescope: submit: send fewer nodules (job_too_large)"},
		{"site", t.Context(), &bus.Error{Code: bus.CodeSiteInvalid, Op: "submit", Hint: "use a-z, 0-9 and -"},
			exitUsage, "nodulescope: submit: use a-z, 0-9 and - (site_invalid)"},
		{"broker", t.Context(), &bus.Error{Code: bus.CodeUnreachable, Op: "connect", Hint: "start serve"},
			exitFailure, "nodulescope: connect: start serve (bus_unreachable)"},
		{"job's folder", t.Context(), &plugin.Error{Code: series.CodeURIForbidden, Op: "read uri", Hint: "name another"},
			exitBadInput, "nodulescope: read uri: name another (uri_forbidden)"},
		{"service's settings", t.Context(), &plugin.Error{Code: plugin.CodeSettings, Op: "check settings", Hint: "1 to 64 jobs"},
			exitUsage, "nodulescope: check settings: 1 to 64 jobs (settings_invalid)"},
		{"service's ledger", t.Context(), &plugin.Error{Code: plugin.CodeLedgerLocked, Op: "open ledger", Hint: "stop the other"},
			exitFailure, "nodulescope: open ledger: stop the other (ledger_locked)"},
		{"checkpoint", t.Context(), fmt.Errorf("resume: %w", models.ErrDigest),
			exitBadInput, "nodulescope: resume: " + models.ErrDigest.Error()},
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
