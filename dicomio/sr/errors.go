package sr

import "github.com/nodulescope/nodulescope/dicomio"

// Codes of this package, of errors that are a [dicomio.Error]. They are never
// renamed.
const (
	CodeReportInvalid dicomio.Code = "report_invalid"     // what was asked to be written cannot be
	CodeNotWritten    dicomio.Code = "report_not_written" // the writer failed
	CodeNotReport     dicomio.Code = "not_a_report"       // no structured report that could hold candidates
)

func refuse(code dicomio.Code, op, hint string, cause error) error {
	return &dicomio.Error{Code: code, Op: op, Hint: hint, Err: cause}
}
