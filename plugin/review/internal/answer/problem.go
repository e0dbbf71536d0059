package answer

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// Codes of the API. They are never renamed.
const (
	CodeNotSignedIn     = "not_signed_in"
	CodeLoginFailed     = "login_failed"
	CodeTooManyAttempts = "too_many_attempts"
	CodeForbidden       = "forbidden"
	CodeCSRF            = "csrf_failed"
	CodeCrossOrigin     = "cross_origin"
	CodeHostUnknown     = "host_unknown"
	CodeNotFound        = "not_found"
	CodeMethod          = "method_not_allowed"
	CodeRequestInvalid  = "request_invalid"
	CodeBodyTooLarge    = "body_too_large"
	CodeDecisionInvalid = "decision_invalid"
	CodeConflict        = "decision_conflict"
	CodeSuperseded      = "superseded"
	CodeUnseen          = "images_unseen"
	CodeRebuilding      = "ledger_rebuilding"
	CodeNoPatch         = "no_patch"
	CodeModelNeeded     = "model_needed"
	CodeModelNotLoaded  = "model_not_loaded"
	CodeTooManyStreams  = "too_many_streams"
	CodeBusy            = "busy"
	CodeSource          = "source_unreadable"
	CodeLedger          = "ledger_failed"
	CodeAudit           = "audit_failed"
	CodeInternal        = "internal_error"
)

// Problem is an error as the API answers it (RFC 9457). Its text names no
// patient; cause is for the log's code alone.
type Problem struct {
	Type          string          `json:"type"`
	Title         string          `json:"title"`
	Status        int             `json:"status"`
	Code          string          `json:"code"`
	Detail        string          `json:"detail"`
	Current       *store.Decision `json:"current,omitempty"`
	CurrentSeries string          `json:"current_series,omitempty"`

	cause error
}

func (p *Problem) Error() string { return p.Detail + " (" + p.Code + ")" }

func (p *Problem) Unwrap() error { return p.cause }

// Fail is a problem with a sentence for people. cause is what led to it, nil
// where nothing did.
func Fail(status int, code, detail string, cause error) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail, cause: cause}
}

// Invalid is for a request that is not as the API describes it.
func Invalid(detail string) *Problem {
	return Fail(http.StatusBadRequest, CodeRequestInvalid, detail, nil)
}

// NotFound is for what is not there, or not to be known of.
func NotFound() *Problem {
	return Fail(http.StatusNotFound, CodeNotFound, "not found", nil)
}

// LedgerRead is for a ledger that cannot be read.
func LedgerRead(cause error) *Problem {
	return Fail(http.StatusInternalServerError, CodeLedger, "the ledger cannot be read", cause)
}

// Unaudited is for an audit trail that cannot be written; detail says what
// follows from that.
func Unaudited(detail string, cause error) *Problem {
	return Fail(http.StatusInternalServerError, CodeAudit, detail, cause)
}

// problemOf is err as it is answered.
func problemOf(err error) *Problem {
	var p *Problem
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &large):
		return Fail(http.StatusRequestEntityTooLarge, CodeBodyTooLarge, "the request is too large", nil)
	case errors.Is(err, store.ErrNotFound):
		return NotFound()
	case errors.Is(err, store.ErrInvalid):
		return Fail(http.StatusBadRequest, CodeDecisionInvalid, err.Error(), nil)
	}
	return Fail(http.StatusInternalServerError, CodeInternal, "internal error; the log of the service has more", err)
}

// Error answers an error, unless nobody listens any more.
func Error(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	p := problemOf(err)
	if r.Context().Err() != nil {
		return
	}
	if p.Status >= 500 {
		log.Warn("request failed", "code", p.Code, "status", p.Status, "path", routeOf(r))
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a client that went away
}

// routeOf is the pattern that a request matched: a path may hold UIDs.
func routeOf(r *http.Request) string {
	if r.Pattern != "" {
		return r.Pattern
	}
	return "none"
}
