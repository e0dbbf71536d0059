package bus

import "github.com/nodulescope/nodulescope/internal/coded"

// Code names why a message or a setting was refused. Codes are part of the
// message schema (a dead letter carries one): they are never renamed.
type Code = coded.Code

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
	CodeStoreLocked      Code = "store_locked"  // another process has the store open
	CodeStoreDamaged     Code = "store_damaged" // a stream of the embedded server does not open
	CodeServer           Code = "server_failed"
	CodeUnreachable      Code = "bus_unreachable"
	CodeObject           Code = "object_damaged" // of a bucket: missing, half written or altered
	CodeBucketFull       Code = "bucket_full"
)

// Error is the error of this package. It never holds a value of the message:
// only field names, indices and limits.
type Error = coded.Error

// CodeOf returns the code of err, or "" where it carries none.
func CodeOf(err error) Code { return coded.CodeOf(err) }

// ProblemOf is an error, of any package, as a result or a dead letter carries
// it: the code, internal_error where it has none, and a text that names neither
// a path nor a patient.
func ProblemOf(err error) *Problem {
	code := coded.CodeOf(err)
	if code == "" {
		code = coded.Internal
	}
	return &Problem{Code: string(code), Message: coded.Summary(err)}
}
