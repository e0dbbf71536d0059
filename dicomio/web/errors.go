package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio"
)

func fail(code dicomio.Code, op, hint string, cause error) *dicomio.Error {
	return &dicomio.Error{Code: code, Op: op, Hint: hint, Err: cause}
}

// statusError says what a status other than success means for the user. What
// the server wrote is left out: it may name a patient.
func statusError(op string, status int) error {
	code, hint := dicomio.CodeRefusedThere, "the PACS does not do this"
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusProxyAuthRequired:
		code, hint = dicomio.CodeDenied, "the PACS does not accept the credentials, or they do not allow this; check its settings"
	case status == http.StatusNotFound || status == http.StatusGone:
		code, hint = dicomio.CodeNotStored, "the PACS does not have it, or its DICOMweb address is wrong"
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status == http.StatusBadGateway ||
		status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout:
		code, hint = dicomio.CodeUnreachable, "the PACS is busy or cannot be reached; try again later"
	case status >= 500:
		code, hint = dicomio.CodeArchiveFailed, "the PACS failed to do this; see its log"
	case status >= 300 && status < 400:
		hint = "the PACS redirects to another address, which is not followed; use that address in the settings"
	}
	return fail(code, op, fmt.Sprintf("%s (HTTP %d)", hint, status), httpStatus(status))
}

// httpStatus is the cause of an error that a server answered with.
type httpStatus int

// Error is the phrase of the standard, not what the server wrote.
func (s httpStatus) Error() string {
	if text := http.StatusText(int(s)); text != "" {
		return text
	}
	return "unknown status"
}

// StatusOf is the HTTP status that a server answered with instead of success,
// and 0 where err is about something else.
func StatusOf(err error) int {
	var s httpStatus
	if errors.As(err, &s) {
		return int(s)
	}
	return 0
}

// transportError is a request without an answer, or an answer that broke off.
// The address is taken out of it, for it holds UIDs.
func transportError(op string, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var dial *net.OpError
	var name *net.DNSError
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var check *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &invalid) || errors.As(err, &host) || errors.As(err, &unknown) || errors.As(err, &check):
		return fail(dicomio.CodeDenied, op, "the certificate of the PACS is not trusted; name its authority with ca-file", err)
	case errors.As(err, &dial) && dial.Op == "remote error": // a TLS alert
		return fail(dicomio.CodeDenied, op, "the PACS ended the TLS handshake; does it require a client certificate?", err)
	case errors.As(err, &record) || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fail(dicomio.CodeRefusedThere, op, "the PACS does not use TLS at this address; should it be http?", nil)
	case errors.As(err, &name) || errors.As(err, &dial) && dial.Op == "dial":
		return fail(dicomio.CodeUnreachable, op, "no connection to the PACS; is it running, and is its address right?", err)
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || isTimeout(err):
		return fail(dicomio.CodeArchiveFailed, op, "the PACS did not answer in time", err)
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return fail(dicomio.CodeUnreachable, op, "the connection to the PACS was cut", err)
	}
	return fail(dicomio.CodeUnreachable, op, "the connection to the PACS failed", err)
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// broken is an answer that is not as the standard says.
func broken(op, hint string, cause error) error {
	return fail(dicomio.CodeArchiveFailed, op, hint, cause)
}

// checkUIDs refuses what cannot be part of an address (PS3.5 section 9.1).
func checkUIDs(op string, uids ...string) error {
	for _, uid := range uids {
		if !ValidUID(uid) {
			return fail(dicomio.CodeRefusedThere, op, "a UID must have 1 to 64 digits and dots", nil)
		}
	}
	return nil
}

// ValidUID tells whether a UID has 1 to 64 digits and dots, and a digit at
// both ends.
func ValidUID(uid string) bool {
	return uid != "" && len(uid) <= 64 && strings.Trim(uid, "0123456789.") == "" &&
		uid[0] != '.' && uid[len(uid)-1] != '.' && !strings.Contains(uid, "..")
}
