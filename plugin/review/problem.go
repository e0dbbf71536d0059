package review

import (
	"encoding/json"
	"errors"
	"net/http"
)

// Codes of the API. They are never renamed.
const (
	codeNotSignedIn     = "not_signed_in"
	codeLoginFailed     = "login_failed"
	codeTooManyAttempts = "too_many_attempts"
	codeForbidden       = "forbidden"
	codeCSRF            = "csrf_failed"
	codeCrossOrigin     = "cross_origin"
	codeHostUnknown     = "host_unknown"
	codeNotFound        = "not_found"
	codeMethod          = "method_not_allowed"
	codeRequestInvalid  = "request_invalid"
	codeBodyTooLarge    = "body_too_large"
	codeDecisionInvalid = "decision_invalid"
	codeConflict        = "decision_conflict"
	codeSuperseded      = "superseded"
	codeNoPatch         = "no_patch"
	codeModelNeeded     = "model_needed"
	codeModelNotLoaded  = "model_not_loaded"
	codeTooManyStreams  = "too_many_streams"
	codeBusy            = "busy"
	codeSource          = "source_unreadable"
	codeLedger          = "ledger_failed"
	codeAudit           = "audit_failed"
	codeInternal        = "internal_error"
)

// problem is an error as the API answers it (RFC 9457). Its text names no
// patient; cause is for the log's code alone.
type problem struct {
	Type          string    `json:"type"`
	Title         string    `json:"title"`
	Status        int       `json:"status"`
	Code          string    `json:"code"`
	Detail        string    `json:"detail"`
	Current       *Decision `json:"current,omitempty"`
	CurrentSeries string    `json:"current_series,omitempty"`

	cause error
}

func (p *problem) Error() string { return p.Detail + " (" + p.Code + ")" }

func (p *problem) Unwrap() error { return p.cause }

func fail(status int, code, detail string, cause error) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail, cause: cause}
}

func invalid(detail string) *problem {
	return fail(http.StatusBadRequest, codeRequestInvalid, detail, nil)
}

func notFound() *problem {
	return fail(http.StatusNotFound, codeNotFound, "there is nothing here", nil)
}

// asProblem is err as it is answered.
func asProblem(err error) *problem {
	var p *problem
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &large):
		return fail(http.StatusRequestEntityTooLarge, codeBodyTooLarge, "the request is larger than anything that is needed here", nil)
	case errors.Is(err, errNotFound):
		return notFound()
	case errors.Is(err, errInvalid):
		return fail(http.StatusBadRequest, codeDecisionInvalid, err.Error(), nil)
	}
	return fail(http.StatusInternalServerError, codeInternal, "the service failed; its log has more", err)
}

func (s *Server) answerError(w http.ResponseWriter, r *http.Request, err error) {
	p := asProblem(err)
	if r.Context().Err() != nil {
		return // nobody listens
	}
	if p.Status >= 500 {
		s.log.Warn("request failed", "code", p.Code, "status", p.Status, "path", routeOf(r))
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

func answerJSON(w http.ResponseWriter, contentType string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(text) // a client that went away
	return nil
}
