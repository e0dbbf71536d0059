package bus

import (
	"errors"
	"strings"
)

// Code names why a message or a setting was refused. Codes are part of the
// message schema (a dead letter carries one): they are never renamed.
type Code string

// Codes of messages.
const (
	CodeNotJSON          Code = "not_json"
	CodeNotCloudEvent    Code = "not_cloudevent"         // JSON, but no CloudEvent of version 1.0
	CodeSchemaVersion    Code = "unknown_schema_version" // the right kind in a version that is not known here
	CodeWrongType        Code = "wrong_type"             // a CloudEvent of another kind
	CodeJobTooLarge      Code = "job_too_large"          // over MaxJobBytes
	CodeTooManyNodules   Code = "too_many_nodules"       // over MaxJobNodules
	CodeJobInvalid       Code = "job_invalid"
	CodeResultInvalid    Code = "result_invalid"
	CodeReviewInvalid    Code = "review_invalid"
	CodeDeadInvalid      Code = "dead_invalid"
	CodeMessageTooLarge  Code = "message_too_large"  // over what the broker or the reader takes
	CodeNotReplayable    Code = "not_replayable"     // a dead letter that was not kept whole, or is gone
	CodeRetriesExhausted Code = "retries_exhausted"  // for workers that give up
	CodeSiteInvalid      Code = "site_invalid"       // see [CheckSite]
	CodeStream           Code = "stream_unavailable" // missing, full or not permitted
	CodeIncompatible     Code = "stream_incompatible"
	CodeSettings         Code = "settings_invalid"
	CodeStoreLocked      Code = "store_locked" // another process has the store open
	CodeServer           Code = "server_failed"
	CodeUnreachable      Code = "bus_unreachable"
)

// Error says what was refused and what to do about it. It never holds a value
// of the message: only field names, indices and limits.
type Error struct {
	Code Code
	Op   string // what was being done, such as "decode job"
	Hint string // what is wrong and what the user can do
	Err  error  // cause, may be nil
}

// Error implements error as one line.
func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	if e.Op != "" {
		parts = append(parts, e.Op)
	}
	if e.Hint != "" {
		parts = append(parts, e.Hint)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	text := strings.Join(parts, ": ") + " (" + string(e.Code) + ")"
	return strings.Join(strings.Fields(text), " ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of err, or "" where it carries none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func refuse(code Code, op, hint string, cause error) error {
	return &Error{Code: code, Op: op, Hint: hint, Err: cause}
}
