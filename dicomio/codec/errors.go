package codec

import (
	"errors"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// Codes of errors of this package.
const (
	CodeUnreadable   coded.Code = "file_unreadable" // not parsable as DICOM
	CodeTruncated    coded.Code = "file_truncated"  // ends inside an element, or pixel data shorter than rows x columns x bytes
	CodeNoPixelData  coded.Code = "no_pixel_data"
	CodePixelFormat  coded.Code = "pixel_format_unsupported"
	CodeSizeMismatch coded.Code = "decoded_size_mismatch"
	CodeSyntax       coded.Code = "transfer_syntax_unsupported"
	CodeLimit        coded.Code = "limit_exceeded"
)

// ErrNotDICOM tells what is no DICOM file at all.
var ErrNotDICOM = errors.New("not a DICOM file")

// refuse makes the error of one file; what was being done is told better by
// the caller.
func refuse(code coded.Code, hint string, cause error) *coded.Error {
	return coded.New(code, "read image", hint, cause)
}

// asError gives err a code where it has none yet.
func asError(err error, code coded.Code, hint string) *coded.Error {
	var e *coded.Error
	if errors.As(err, &e) {
		return e
	}
	return refuse(code, hint, err)
}
