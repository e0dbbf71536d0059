package dicomio

// Code names why data was refused or tolerated. Codes are part of the message
// schema: they are never renamed.
type Code string

// Codes of this package.
const (
	CodeFolderMissing     Code = "folder_missing"
	CodeFolderEmpty       Code = "folder_empty"    // no DICOM image in it
	CodeUnreadable        Code = "file_unreadable" // not parsable as DICOM
	CodeTruncated         Code = "file_truncated"  // pixel data shorter than rows x columns x frames x bytes
	CodeNoPixelData       Code = "no_pixel_data"
	CodeNoPixelSpacing    Code = "no_pixel_spacing"
	CodeNoPosition        Code = "no_position" // ImagePositionPatient or ImageOrientationPatient missing or not finite
	CodeNotCT             Code = "not_ct"
	CodeSeriesNotFound    Code = "series_not_found" // the UID that was named is not there
	CodeSeriesAmbiguous   Code = "series_ambiguous" // several series, and none was named
	CodeTransferSyntax    Code = "transfer_syntax_unsupported"
	CodePixelFormat       Code = "pixel_format_unsupported"
	CodeSizeMismatch      Code = "decoded_size_mismatch"
	CodeTooFewSlices      Code = "too_few_slices"
	CodeMissingSlices     Code = "missing_slices"     // warning
	CodeIrregularSpacing  Code = "irregular_spacing"  // warning
	CodeDuplicatePosition Code = "duplicate_position" // warning: one of them is kept
	CodeMixedGeometry     Code = "mixed_geometry"     // warning: instances of another orientation, matrix or spacing were left out
	CodeGantryTilt        Code = "gantry_tilt"        // warning
	CodeLimit             Code = "limit_exceeded"     // too many files or too large
)

// Error says what was refused and what to do about it.
type Error struct {
	Code Code
	Op   string // what was being done, such as "open series"
	Path string // file or folder, may be empty
	Hint string // what the user can do
	Err  error  // cause, may be nil
}
