package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/derived"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/smallfile"
	"github.com/nodulescope/nodulescope/plugin/documents"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// maxDocumentBytes is more than a document of a job takes.
const maxDocumentBytes = 512 << 20

// documentFlags name the DICOM files that a result is written into.
type documentFlags struct{ report, outlines string }

func (o *documentFlags) register(f *pflag.FlagSet) {
	f.StringVar(&o.report, "sr", "", "write a DICOM structured report, which names the patient, into `FILE`")
	f.StringVar(&o.outlines, "seg", "", "write a DICOM segmentation of the outlines, which names the patient, into `FILE`; the report of --sr refers to it")
}

func (o documentFlags) any() bool { return o.report != "" || o.outlines != "" }

// save writes the structured report of a result and the segmentation of its
// outlines. A file that holds the same document already is left as it is, with
// the time at which it was made: the same result is one document. Another
// document of its kind is replaced, any other file is not.
func (o documentFlags) save(ctx context.Context, log *slog.Logger, result bus.Result, details []scoring.Detail, series *dicomio.Series) error {
	header, err := sr.HeaderOf(ctx, series)
	if err != nil {
		return err
	}
	at := time.Now().Truncate(time.Second)
	var outlines *derived.Segmentation
	if o.outlines != "" {
		findings := make([]*outline.Finding, len(details))
		for i := range details {
			findings[i] = details[i].Outline
		}
		if outlines, err = documents.Segmentation(result, series, header, at, findings); err != nil {
			return err
		}
		if outlines == nil || outlines.Empty() {
			log.Warn("no nodule has an outline: no segmentation was written", "file", o.outlines)
		} else if err := saveDocument("seg", "segmentation", o.outlines, outlines, isSegmentation); err != nil {
			return err
		}
	}
	if o.report == "" {
		return nil
	}
	report, err := documents.Report(result, series, header, at, outlines)
	if err != nil {
		return err
	}
	return saveDocument("sr", "report", o.report, report, sr.IsReport)
}

func isSegmentation(class string) bool { return class == sr.ClassSegmentation }

// document is what a file is made of.
type document interface {
	SOPInstanceUID() string
	Encode(w io.Writer) error
}

// saveDocument writes a document of a kind into the file that a flag names.
func saveDocument(flag, kind, name string, d document, ofKind func(class string) bool) error {
	hint := "name a file for --" + flag + " that can be written and is not there yet, or is a " + kind
	there, err := documentIn(name, kind, ofKind)
	switch {
	case err != nil:
		return usageError(err, hint)
	case there == d.SOPInstanceUID():
		return nil
	}
	var b bytes.Buffer
	if err := d.Encode(&b); err != nil {
		return err
	}
	// It names the patient: only the user may read it.
	if err := atomicfile.WriteBytes(name, 0o600, b.Bytes()); err != nil {
		return usageError(fmt.Errorf("%s: %w", kind, err), hint)
	}
	return nil
}

// documentIn names the document in a file; it is empty where there is no file.
func documentIn(name, kind string, ofKind func(class string) bool) (sopInstanceUID string, err error) {
	f, err := smallfile.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxDocumentBytes))
	if err != nil {
		return "", err
	}
	if id, err := dicomio.Identify(b); err == nil && ofKind(id.SOPClassUID) {
		return id.SOPInstanceUID, nil
	}
	return "", fmt.Errorf("%s is there already, and no %s", name, kind)
}
