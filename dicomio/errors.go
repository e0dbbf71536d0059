package dicomio

import (
	"errors"
	"strings"
)

// Code names why data was refused or tolerated. Codes are part of the message
// schema: they are never renamed.
type Code string

// Codes of this package.
const (
	CodeFolderMissing     Code = "folder_missing"
	CodeFolderEmpty       Code = "folder_empty"    // no DICOM image in it
	CodeUnreadable        Code = "file_unreadable" // not parsable as DICOM
	CodeTruncated         Code = "file_truncated"  // ends inside an element, or pixel data shorter than rows x columns x bytes
	CodeNoPixelData       Code = "no_pixel_data"
	CodeNoPixelSpacing    Code = "no_pixel_spacing"
	CodeNoPosition        Code = "no_position" // ImagePositionPatient or ImageOrientationPatient missing or not finite
	CodeNotCT             Code = "not_ct"
	CodeSeriesNotFound    Code = "series_not_found" // the UID that was named is not there
	CodeSeriesAmbiguous   Code = "series_ambiguous" // several series, and none was named
	CodeTransferSyntax    Code = "transfer_syntax_unsupported"
	CodePixelFormat       Code = "pixel_format_unsupported"
	CodeMultiFrame        Code = "multi_frame_unsupported" // enhanced CT, or more than one frame in a file
	CodeSizeMismatch      Code = "decoded_size_mismatch"
	CodeTooFewSlices      Code = "too_few_slices"
	CodeMissingSlices     Code = "missing_slices"     // warning
	CodeIrregularSpacing  Code = "irregular_spacing"  // warning
	CodeDuplicatePosition Code = "duplicate_position" // warning: one of them is kept
	CodeMixedGeometry     Code = "mixed_geometry"     // warning: instances of another orientation, matrix or spacing were left out
	CodeGantryTilt        Code = "gantry_tilt"        // warning
	CodeLimit             Code = "limit_exceeded"     // too many files or too large
)

// Codes of what is stored elsewhere (package web). OfArchive holds for them.
const (
	CodeUnreachable   Code = "pacs_unreachable"   // no connection, or it says that it is busy: time may heal it
	CodeArchiveFailed Code = "pacs_failed"        // it answered with an error of its own, not as the standard says, or not in time
	CodeDenied        Code = "pacs_denied"        // credentials or certificate are not accepted
	CodeNotStored     Code = "pacs_not_found"     // it does not hold what was asked for
	CodeRefusedThere  Code = "pacs_refused"       // it does not do what was asked for
	CodeStoreRefused  Code = "pacs_store_refused" // it did not take an instance
)

// OfArchive tells whether the code is about the place where images are stored,
// not about an image.
func (c Code) OfArchive() bool { return strings.HasPrefix(string(c), "pacs_") }

// Error says what was refused and what to do about it.
type Error struct {
	Code Code
	Op   string // what was being done, such as "open series"
	Path string // file or folder, may be empty
	Hint string // what the user can do
	Err  error  // cause, may be nil
}

// Error gives operation, path, hint, cause and code on one line. It holds the
// path that was read, and folders are sometimes named after patients: use
// Summary for text that leaves the machine.
func (e *Error) Error() string {
	return e.text(true)
}

// Summary is Error without the path and without the cause, which may name the
// path too. It is fit for messages, logs and metrics.
func (e *Error) Summary() string {
	return e.text(false)
}

func (e *Error) text(private bool) string {
	var b strings.Builder
	b.WriteString(e.Op)
	if private && e.Path != "" {
		b.WriteString(" " + e.Path)
	}
	if e.Hint != "" {
		b.WriteString(": " + e.Hint)
	}
	if private && e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	b.WriteString(" (" + string(e.Code) + ")")
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first Error in err's chain, or "" where there
// is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// refuse makes the error of one file or series; op and path are added by the
// caller that knows them.
func refuse(code Code, hint string, cause error) *Error {
	return &Error{Code: code, Op: "read image", Hint: hint, Err: cause}
}

// asError gives err a code where it has none yet.
func asError(err error, code Code, hint string) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return refuse(code, hint, err)
}
