package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/plugin/documents"
)

// maxReportBytes is more than any report of a job takes.
const maxReportBytes = 64 << 20

const reportHint = "name a file for --sr that can be written and is not there yet, or is a report"

// saveReport writes the structured report of a result. A file that holds this
// report already is left as it is, with the time at which it was made: the
// same result is one document. Any other report is replaced, any other file is
// not.
func saveReport(ctx context.Context, name string, result bus.Result, series *dicomio.Series) error {
	header, err := sr.HeaderOf(ctx, series)
	if err != nil {
		return err
	}
	report, err := documents.Report(result, series, header, time.Now().Truncate(time.Second))
	if err != nil {
		return err
	}
	there, err := reportIn(name)
	switch {
	case err != nil:
		return usageError(err, reportHint)
	case there == report.SOPInstanceUID():
		return nil
	}
	var b bytes.Buffer
	if err := report.Encode(&b); err != nil {
		return err
	}
	// A report names the patient: only the user may read it.
	if err := atomicfile.WriteBytes(name, 0o600, b.Bytes()); err != nil {
		return usageError(fmt.Errorf("report: %w", err), reportHint)
	}
	return nil
}

// reportIn names the report in a file; it is empty where there is no file.
func reportIn(name string) (sopInstanceUID string, err error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxReportBytes))
	if err != nil {
		return "", err
	}
	if id, err := dicomio.Identify(b); err == nil && sr.IsReport(id.SOPClassUID) {
		return id.SOPInstanceUID, nil
	}
	return "", fmt.Errorf("%s is there already, and no report", name)
}
