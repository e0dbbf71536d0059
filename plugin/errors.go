package plugin

import (
	"errors"
	"strings"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/nodule"
)

// Code names why a job, a nodule or a setting was refused. Codes are part of
// the message schema: they are never renamed.
type Code string

// Codes of this package. Results and dead letters also carry those of dicomio,
// nodule and bus.
const (
	CodeURIUnsupported   Code = "uri_unsupported" // neither a file:// folder nor a series of DICOMweb
	CodeURIForbidden     Code = "uri_forbidden"   // outside the allowed folders, or of a PACS that is not among the settings
	CodeStudyMismatch    Code = "study_mismatch"  // the series belongs to another study than the job says
	CodeSeriesMismatch   Code = "series_mismatch" // the uri names another series than the job says
	CodeFrameMismatch    Code = "frame_of_reference_mismatch"
	CodeDetectorFailed   Code = "detector_failed"
	CodeScoreNotFinite   Code = "score_not_finite"
	CodeDeadlinePassed   Code = "deadline_passed"
	CodeTimedOut         Code = "job_timed_out" // longer than Config.JobTimeout
	CodeRetriesExhausted Code = "retries_exhausted"
	CodeInternal         Code = "internal_error"
	CodeSettings         Code = "settings_invalid"
	CodeLedger           Code = "ledger_failed"
	CodeLedgerLocked     Code = "ledger_locked" // another process has it open
	CodeAudit            Code = "audit_failed"
	CodeRecordGone       Code = "result_gone" // what was to be sent is no longer kept
)

// Error says what was refused and what to do about it. It names no patient, no
// path and no UID; the cause may, and is for errors.Is and errors.As.
type Error struct {
	Code Code
	Op   string // what was being done, such as "open series"
	Hint string // what is wrong and what the user can do
	Err  error  // cause, may be nil
}

// Error gives operation, hint, cause and code on one line. Use [Summary] for
// text that leaves the machine.
func (e *Error) Error() string {
	text := e.Op + ": " + e.Hint
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return strings.Join(strings.Fields(text), " ") + " (" + string(e.Code) + ")"
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func refuse(code Code, op, hint string, cause error) error {
	return &Error{Code: code, Op: op, Hint: hint, Err: cause}
}

// CodeOf returns the code of err, of this package or of bus, nodule or
// dicomio, and "" where it carries none.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return string(e.Code)
	}
	if code := nodule.CodeOf(err); code != "" {
		return code
	}
	return string(bus.CodeOf(err))
}

// Summary is the text of err that may leave the machine: it holds no path and
// no cause that could name a patient. What carries no code is told as an
// internal error.
func Summary(err error) string {
	var own *Error
	var series *dicomio.Error
	var cut *nodule.Error
	var message *bus.Error
	switch {
	case errors.As(err, &own):
		return own.Op + ": " + own.Hint + " (" + string(own.Code) + ")"
	case errors.As(err, &series):
		return series.Summary()
	case errors.As(err, &cut):
		return cut.Op + ": " + cut.Hint + " (" + string(cut.Code) + ")"
	case errors.As(err, &message):
		return message.Op + ": " + message.Hint + " (" + string(message.Code) + ")"
	}
	return "an error without a code; the log of the service has more (" + string(CodeInternal) + ")"
}

// problem is err as a result or a dead letter carries it.
func problem(err error) *bus.Problem {
	code := CodeOf(err)
	if code == "" {
		code = string(CodeInternal)
	}
	return &bus.Problem{Code: code, Message: Summary(err)}
}
