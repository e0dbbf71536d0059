package plugin

import (
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/internal/problem"
)

// Error says what was refused and what to do about it.
type Error = coded.Error

// Code names why a job, a nodule or a setting was refused. Codes are part of
// the message schema: they are never renamed.
type Code = coded.Code

// Codes of this package. Results and dead letters also carry those of series,
// dicomio, nodule and bus.
const (
	CodeDetectorFailed   Code = "detector_failed"
	CodeScoreNotFinite   Code = "score_not_finite"
	CodeDeadlinePassed   Code = "deadline_passed"
	CodeTimedOut         Code = "job_timed_out" // longer than Config.JobTimeout
	CodeRetriesExhausted Code = "retries_exhausted"
	CodeInternal         Code = coded.Internal
	CodeSettings         Code = "settings_invalid"
	CodeLedger           Code = "ledger_failed"
	CodeLedgerLocked     Code = "ledger_locked" // another process has it open
	CodeAudit            Code = "audit_failed"
	CodeRecordGone       Code = "result_gone" // what was to be sent is no longer kept
)

// CodeOf returns the code of err, of any room, and "" where it carries none.
func CodeOf(err error) Code { return problem.CodeOf(err) }
