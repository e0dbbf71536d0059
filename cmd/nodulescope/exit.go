package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/plugin/review/accounts"
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
	var own *cliError
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &own):
		return own.code
	case isAny(err, models.ErrCheckpoint, models.ErrDigest, detector.ErrPreprocessing, detector.ErrNoNormals, detector.ErrTooFew, accounts.ErrFile):
		return exitBadInput
	}
	if code, known := exitCodes[string(coded.CodeOf(err))]; known {
		return code
	}
	return exitFailure
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
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
