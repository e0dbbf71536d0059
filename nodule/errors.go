package nodule

import (
	"errors"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio"
)

// Code names why a candidate, cube, patch or file was refused. Codes are part
// of the message schema: they are never renamed.
type Code string

// Codes of this package.
const (
	CodeCandidateInvalid     Code = "candidate_invalid"      // not finite, absurd, or without an id
	CodeCandidateOutside     Code = "candidate_outside_scan" // the centre lies outside the volume
	CodeCandidateDuplicate   Code = "candidate_duplicate"    // the same id twice
	CodeTooManyCandidates    Code = "too_many_candidates"
	CodeNoCandidates         Code = "no_candidates"
	CodeCandidateFileInvalid Code = "candidate_file_invalid"
	CodeCubePadding          Code = "cube_padding"      // too much of the cube has no data
	CodeSupportTooSmall      Code = "support_too_small" // too little of the core has data
	CodeGeometryInvalid      Code = "geometry_invalid"
	CodeDatasetInvalid       Code = "dataset_invalid"
	CodeSplitInvalid         Code = "split_invalid"
)

// Error says what was refused and what to do about it.
type Error struct {
	Code Code
	Op   string // what was being done, such as "cut cube"
	Path string // file, may be empty
	Hint string // what is wrong and what the user can do
	Err  error  // cause, may be nil
}

// Error gives operation, file, hint, cause and code in one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Path != "" {
		b.WriteString(" " + e.Path)
	}
	if e.Hint != "" {
		b.WriteString(": " + e.Hint)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	b.WriteString(" (" + string(e.Code) + ")")
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first error of this package or of dicomio in
// err's chain, and "" where there is none.
func CodeOf(err error) string {
	for err != nil {
		switch e := err.(type) { //nolint:errorlint // the chain is walked here
		case *Error:
			return string(e.Code)
		case *dicomio.Error:
			return string(e.Code)
		case interface{ Unwrap() []error }:
			for _, sub := range e.Unwrap() {
				if c := CodeOf(sub); c != "" {
					return c
				}
			}
			return ""
		}
		err = errors.Unwrap(err)
	}
	return ""
}
