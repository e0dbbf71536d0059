package jobs

import (
	"context"
	"errors"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/ledger"
)

// Outcome is what becomes of a delivery, as the metric
// nodulescope_deliveries_total names it.
type Outcome string

// Outcomes.
const (
	Scored   Outcome = "scored"   // a new result
	Answered Outcome = "answered" // its result was there
	Repaired Outcome = "repaired" // its result was made before a crash
	Partial  Outcome = "partial"  // answered, and the job comes again: its series is still arriving
	Retried  Outcome = "retried"
	Returned Outcome = "handed_back" // at a stop
	Dead     Outcome = "dead"
)

// Outcomes are all of them.
func Outcomes() []Outcome {
	return []Outcome{Scored, Answered, Repaired, Partial, Retried, Returned, Dead}
}

// Codes of this package. They are part of the message schema.
const (
	CodeDeadlinePassed   coded.Code = "deadline_passed"
	CodeTimedOut         coded.Code = "job_timed_out" // longer than Worker.JobTimeout
	CodeRetriesExhausted coded.Code = "retries_exhausted"
)

// hopelessError is one that another attempt would meet again.
type hopelessError struct{ error }

func (e hopelessError) Unwrap() error { return e.error }

func hopeless(err error) error { return hopelessError{err} }

// outcomeOf decides what becomes of a delivery: how tells what was done, where
// err is nil. ctx is that of the work; it ends when the service must. excused
// tells that the attempt does not count: it failed for no fault of the job.
func (w *Worker) outcomeOf(ctx context.Context, how Outcome, err error, attempt int) (o Outcome, excused bool) {
	var never hopelessError
	switch {
	case err == nil:
		return how, how == Partial
	case errors.Is(err, errArriving), errors.Is(err, errBusy):
		return Retried, true
	case errors.As(err, &never):
		return Dead, false
	case ctx.Err() != nil:
		return Returned, true
	case ours(err):
		return Retried, true
	case attempt >= w.MaxAttempts:
		return Dead, false
	}
	return Retried, false
}

// ours tells errors of broker, disk and ledger, and a PACS or a storage that is not there:
// no fault of a job, however often it meets them.
func ours(err error) bool {
	switch coded.CodeOf(err) {
	case ledger.CodeFailed, audit.CodeFailed, bus.CodeStream, bus.CodeUnreachable,
		dicomio.CodeUnreachable, dicomio.CodeStorageSilent:
		return true
	}
	return false
}

// passing tells errors that time may heal, such as a series that is still
// being written.
func passing(err error) bool {
	switch dicomio.CodeOf(err) {
	case dicomio.CodeFolderMissing, dicomio.CodeFolderEmpty, dicomio.CodeSeriesNotFound,
		dicomio.CodeTruncated, dicomio.CodeUnreadable, dicomio.CodeTooFewSlices,
		dicomio.CodeUnreachable, dicomio.CodeArchiveFailed, dicomio.CodeStorageSilent:
		return true
	}
	return coded.CodeOf(err) == "" // not foreseen
}
