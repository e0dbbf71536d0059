package dicomio

import (
	"errors"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/storage"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// Code names why data was refused or tolerated.
type Code = coded.Code

// Error says what was refused and what to do about it. It holds the path that
// was read, and folders are sometimes named after patients: its Summary is the
// text that may leave the machine.
type Error = coded.Error

// ErrChanged is the cause of an error about a file that is not what it was when
// its series was opened: it is to be opened again.
var ErrChanged = errors.New("the file has changed")

// CodeOf returns the code of the first Error in err's tree, or "" where there
// is none.
func CodeOf(err error) Code { return coded.CodeOf(err) }

// Codes of this package.
const (
	CodeFolderMissing     Code = "folder_missing"
	CodeFolderEmpty       Code = "folder_empty"       // no DICOM image in it
	CodeUnreadable        Code = codec.CodeUnreadable // not parsable as DICOM
	CodeTruncated         Code = codec.CodeTruncated  // ends inside an element, or pixel data shorter than rows x columns x bytes
	CodeNoPixelData       Code = codec.CodeNoPixelData
	CodeNoPixelSpacing    Code = "no_pixel_spacing"
	CodeNoPosition        Code = "no_position" // ImagePositionPatient or ImageOrientationPatient missing or not finite
	CodeNotCT             Code = "not_ct"
	CodeSeriesNotFound    Code = "series_not_found" // the UID that was named is not there
	CodeSeriesAmbiguous   Code = "series_ambiguous" // several series, and none was named
	CodeTransferSyntax    Code = codec.CodeSyntax
	CodePixelFormat       Code = codec.CodePixelFormat
	CodeMultiFrame        Code = "multi_frame_unsupported" // more than one frame in a file of a kind that has one
	CodeSizeMismatch      Code = codec.CodeSizeMismatch
	CodeTooFewSlices      Code = "too_few_slices"
	CodeMissingSlices     Code = "missing_slices"      // warning
	CodeIrregularSpacing  Code = "irregular_spacing"   // warning
	CodeDuplicatePosition Code = "duplicate_position"  // warning: one of them is kept
	CodeMixedGeometry     Code = "mixed_geometry"      // warning: instances of another orientation, matrix or spacing were left out
	CodeSeveralVolumes    Code = "several_volumes"     // warning: one volume of the series was taken, the others were left out
	CodeMixedVolumes      Code = "mixed_volumes"       // several scans alternate, and nothing tells them apart
	CodeUIDRepeated       Code = "uid_repeated"        // one SOP Instance UID, and more than one image
	CodePatientsDiffer    Code = "patients_differ"     // images of one series have different patient IDs
	CodeOffLine           Code = "slices_off_line"     // origins of the slices lie on no straight line
	CodeArchive           Code = "archive_unsupported" // encrypted, of another kind, or within an archive
	CodeIndex             Code = "dicomdir_unusable"   // warning: a DICOMDIR is corrupt; the files are read without it
	CodeFileMissing       Code = "file_missing"        // a DICOMDIR lists images that are not there; of a series that is read: warning
	CodeGantryTilt        Code = "gantry_tilt"         // warning
	CodeLossy             Code = "lossy_compression"   // warning: pixels are not those that were reconstructed
	CodeLimit             Code = codec.CodeLimit       // too many files or too large
)

// CodeStorageSilent says that a storage does not answer: it tells nothing of
// the files there.
const CodeStorageSilent = storage.CodeSilent

// Codes of what is stored elsewhere (package web). OfArchive holds for them.
const (
	CodeUnreachable   Code = "pacs_unreachable"   // no connection, or it says that it is busy: time may heal it
	CodeArchiveFailed Code = "pacs_failed"        // it answered with an error of its own, not as the standard says, or not in time
	CodeDenied        Code = "pacs_denied"        // credentials or certificate are not accepted
	CodeNotStored     Code = "pacs_not_found"     // it does not hold what was asked for
	CodeRefusedThere  Code = "pacs_refused"       // it does not do what was asked for
	CodeStoreRefused  Code = "pacs_store_refused" // it did not take an instance
)

// OfArchive tells whether a code is about the place where images are stored,
// not about an image.
func OfArchive(code Code) bool { return strings.HasPrefix(string(code), "pacs_") }

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
