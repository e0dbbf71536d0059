package outbox

import (
	"context"
	"errors"
	"net/http"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/dicomio/web"
)

// makeError is a document that could not be made.
type makeError struct{ err error }

func (e *makeError) Error() string { return "make document: " + e.err.Error() }
func (e *makeError) Unwrap() error { return e.err }

// refusedError is a document that the PACS did not take, with the reasons.
type refusedError struct {
	err     error
	results []web.StoreResult
}

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// failure is what an error means for a letter.
type failure int

const (
	transient failure = iota // time heals it
	uncertain                // time may heal it
	permanent
)

// classify tells a refusal from what is worth trying again.
func classify(err error) failure {
	var refused *refusedError
	var made *makeError
	switch code := dicomio.CodeOf(err); {
	case errors.Is(err, ErrNowhere) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return transient
	case errors.Is(err, ErrGone):
		return permanent
	case errors.As(err, &refused):
		return ofReasons(refused.results)
	case web.StatusOf(err) != 0:
		return ofStatus(web.StatusOf(err))
	case code == dicomio.CodeUnreachable || code == dicomio.CodeStorageSilent || code == dicomio.CodeArchiveFailed || code == dicomio.CodeDenied:
		return transient // the network, a mount, a certificate, a file with a password
	case code == sr.CodeReportInvalid || code == dicomio.CodeLimit:
		return permanent
	case errors.As(err, &made) || code != "":
		return uncertain // such as a folder that is not there
	}
	return transient // ledger, audit trail
}

// ofStatus is for an answer other than success.
func ofStatus(status int) failure {
	switch status {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired, // credentials are renewed
		http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return transient
	}
	if status >= 400 && status < 500 {
		return permanent
	}
	return transient
}

// ofReasons is for FailureReason (PS3.18 table I.2-2). What the PACS had
// already does not come here: it is taken.
func ofReasons(results []web.StoreResult) failure {
	for _, r := range results {
		if r.Status != web.Refused {
			continue
		}
		switch {
		case r.Reason == 0 || r.Reason == 0x0110 || r.Reason&0xFF00 == 0xA700: // not said, processing failure, out of resources
		default:
			return permanent
		}
	}
	return uncertain
}
