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

// verdict is what an error means for a letter.
type verdict int

const (
	passing  verdict = iota // time heals it
	doubtful                // time may heal it
	final
)

// judge tells a refusal from what is worth trying again.
func judge(err error) verdict {
	var refused *refusedError
	var made *makeError
	switch code := dicomio.CodeOf(err); {
	case errors.Is(err, ErrNowhere) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return passing
	case errors.Is(err, ErrGone):
		return final
	case errors.As(err, &refused):
		return judgeReasons(refused.results)
	case web.StatusOf(err) != 0:
		return judgeStatus(web.StatusOf(err))
	case code == dicomio.CodeUnreachable || code == dicomio.CodeArchiveFailed || code == dicomio.CodeDenied:
		return passing // the network, a certificate, a file with a password
	case code == sr.CodeReportInvalid || code == dicomio.CodeLimit:
		return final
	case errors.As(err, &made) || code != "":
		return doubtful // such as a folder that is not there
	}
	return passing // ledger, audit trail
}

// judgeStatus is for an answer other than success.
func judgeStatus(status int) verdict {
	switch status {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired, // credentials are renewed
		http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return passing
	}
	if status >= 400 && status < 500 {
		return final
	}
	return passing
}

// judgeReasons is for FailureReason (PS3.18 table I.2-2). What the PACS had
// already does not come here: it is taken.
func judgeReasons(results []web.StoreResult) verdict {
	for _, r := range results {
		if r.Status != web.Refused {
			continue
		}
		switch {
		case r.Reason == 0 || r.Reason == 0x0110 || r.Reason&0xFF00 == 0xA700: // not said, processing failure, out of resources
		default:
			return final
		}
	}
	return doubtful
}
