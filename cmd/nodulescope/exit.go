package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/review/accounts"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// Exit codes. They are part of the help and never change.
const (
	exitOK          = 0
	exitFailure     = 1   // something went wrong that is neither of the below
	exitUsage       = 2   // a command, argument, flag or setting is wrong
	exitBadInput    = 3   // the data that was given cannot be used
	exitInterrupted = 130 // SIGINT or SIGTERM before the end
)

const exitCodesHelp = `  0    done
  1    failed: the message says what to do
  2    a command, argument, flag or setting is wrong
  3    the data cannot be used: a series, a candidate file, a checkpoint
  130  interrupted before the end`

// cliError is an error with the exit code it stands for and a hint that says
// what the user can do.
type cliError struct {
	code int
	hint string // may be empty
	err  error
}

func (e *cliError) Error() string {
	if e.hint == "" {
		return e.err.Error()
	}
	return e.err.Error() + " — " + e.hint
}

func (e *cliError) Unwrap() error { return e.err }

// usageError reports a wrong command line or setting (exit code 2).
func usageError(err error, hint string) error {
	return &cliError{code: exitUsage, hint: hint, err: err}
}

// badInput reports data that cannot be used (exit code 3).
func badInput(err error, hint string) error {
	return &cliError{code: exitBadInput, hint: hint, err: err}
}

// exitCode maps the error of a command to the exit code of the process. What
// the packages refuse with a code of their own needs no badInput around it.
func exitCode(ctx context.Context, err error) int {
	var coded *cliError
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &coded):
		return coded.code
	case dicomio.CodeOf(err).OfArchive() && dicomio.CodeOf(err) != dicomio.CodeNotStored:
		return exitFailure // a PACS that cannot be asked
	case nodule.CodeOf(err) != "": // those of dicomio included
		return exitBadInput
	case isAny(err, models.ErrCheckpoint, models.ErrDigest, detector.ErrPreprocessing, detector.ErrNoNormals, detector.ErrTooFew, accounts.ErrFile):
		return exitBadInput
	default:
		return codeExitCode(plugin.CodeOf(err)) // those of bus included
	}
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// codeExitCode is the exit code for a code of plugin or bus.
func codeExitCode(code plugin.Code) int {
	switch code {
	case series.CodeURIUnsupported, series.CodeURIForbidden, series.CodeStudyMismatch, series.CodeMismatch, series.CodeFrameMismatch:
		return exitBadInput
	case plugin.CodeSettings:
		return exitUsage
	default:
		return busExitCode(bus.Code(code))
	}
}

// busExitCode tells a message that cannot be used and a wrong setting from
// what the broker does not do.
func busExitCode(code bus.Code) int {
	switch code {
	case bus.CodeNotJSON, bus.CodeNotCloudEvent, bus.CodeSchemaVersion, bus.CodeWrongType,
		bus.CodeJobTooLarge, bus.CodeTooManyNodules, bus.CodeJobInvalid, bus.CodeResultInvalid,
		bus.CodeReviewInvalid, bus.CodeDeadInvalid, bus.CodeMessageTooLarge, bus.CodeNotReplayable:
		return exitBadInput
	case bus.CodeSettings, bus.CodeSiteInvalid:
		return exitUsage
	default:
		return exitFailure
	}
}

// errorLine is what the user reads: one line, whatever the error holds.
func errorLine(err error, code int) string {
	if code == exitInterrupted {
		return "nodulescope: interrupted — what was not finished can be run again"
	}
	var parts []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	return fmt.Sprintf("nodulescope: %s", strings.Join(parts, "; "))
}
