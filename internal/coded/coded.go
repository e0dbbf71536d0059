// Package coded has the one error that carries a code: what was refused, why,
// and what the user can do about it.
//
// # Codes
//
// A [Code] names a reason. Codes are part of the message schema (results and
// dead letters carry them) and of what commands print, so a code is never
// renamed. Each package has constants for its own; docs/errors.md lists all.
//
// # Texts
//
// [Error.Error] is for the person at the machine: it holds the path that was
// read and the cause, and folders are sometimes named after patients.
// [Error.Summary] leaves both out: it is for messages, logs and metrics, and
// for whatever else leaves the machine.
package coded

import (
	"errors"
	"strings"
)

// Code names why something was refused or tolerated.
type Code string

// Internal stands for an error that carries no code: a fault of the program.
const Internal Code = "internal_error"

// Error says what was refused and what to do about it.
type Error struct {
	Code Code
	Op   string // what was being done, such as "open series"
	Path string // file or folder; may be empty
	Hint string // what is wrong and what the user can do; holds no value of a message or a file
	Err  error  // cause; may be nil
}

// New makes an Error without a path.
func New(code Code, op, hint string, cause error) *Error {
	return &Error{Code: code, Op: op, Hint: hint, Err: cause}
}

// Error gives operation, path, hint, cause and code on one line.
func (e *Error) Error() string {
	what := e.Op
	if e.Path != "" {
		what += " " + e.Path
	}
	cause := ""
	if e.Err != nil { // a code that cause and error share is printed once
		cause = strings.TrimSuffix(e.Err.Error(), e.suffix())
	}
	return e.line(what, e.Hint, cause)
}

// Summary is Error without the path and without the cause.
func (e *Error) Summary() string { return e.line(e.Op, e.Hint) }

func (e *Error) line(parts ...string) string {
	var said []string
	for _, p := range parts {
		if p = strings.Join(strings.Fields(p), " "); p != "" {
			said = append(said, p)
		}
	}
	return strings.TrimSpace(strings.Join(said, ": ") + e.suffix())
}

func (e *Error) suffix() string { return " (" + string(e.Code) + ")" }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first [Error] in err's tree, or "" where
// there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Summary is the text of err that may leave the machine: the [Error.Summary]
// of the first Error in its tree. What carries no code is told as an internal
// error, without its text.
func Summary(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Summary()
	}
	return New(Internal, "", "an error without a code; the log of the service has more", nil).Summary()
}
