package plugin

import (
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/internal/ledger"
	"github.com/nodulescope/nodulescope/plugin/internal/problem"
)

// Error says what was refused and what to do about it.
type Error = coded.Error

// Code names why a job, a nodule or a setting was refused. Codes are part of
// the message schema: they are never renamed.
type Code = coded.Code

// Codes of the service. Results and dead letters also carry those of scoring,
// series, dicomio, nodule and bus.
const (
	CodeSettings         Code = "settings_invalid"
	CodeInternal              = coded.Internal
	CodeLedger                = ledger.CodeFailed
	CodeLedgerLocked          = ledger.CodeLocked // another process has it open
	CodeDeadlinePassed        = jobs.CodeDeadlinePassed
	CodeTimedOut              = jobs.CodeTimedOut // longer than Config.JobTimeout
	CodeRetriesExhausted      = jobs.CodeRetriesExhausted
)

// CodeOf returns the code of err, of any room, and "" where it carries none.
func CodeOf(err error) Code { return problem.CodeOf(err) }
