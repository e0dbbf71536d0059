package documents

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/derived"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/review/store"
	"github.com/nodulescope/nodulescope/plugin/scoring"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// CodeGone says that what was to be sent is no longer kept.
const CodeGone coded.Code = "result_gone"

const codeLedger coded.Code = "ledger_failed"

// Packer makes the documents of results, one at a time. It implements
// outbox.Packer. All fields but Outlines are needed.
type Packer struct {
	Records  *store.Store
	Archives *series.Archives
	Scoring  func(*bus.Result) scoring.Request // settings with which a result was scored, as far as its models are loaded; its job is left out
	Headers  *series.Headers                   // of patients and studies

	Observer     func(reviewer string) string // name of a reviewer in DICOM's form
	Organization string                       // of those who review

	Outlines bool // the PACS gets segmentations: reports refer to them

	last struct { // that was made
		record   string
		outlines *derived.Segmentation
	}
}

var _ outbox.Packer = (*Packer)(nil)

// Pack implements outbox.Packer.
func (k *Packer) Pack(ctx context.Context, l outbox.Letter, stored int) (outbox.Parcel, error) {
	r, err := k.Records.Record(l.Record)
	if err != nil || r.Result == nil {
		return outbox.Parcel{}, coded.New(CodeGone, "make document", "the result is no longer kept, so its documents can no longer be made", errors.Join(outbox.ErrGone, err))
	}
	client := k.Archives.Store(r.URI)
	if client == nil {
		return outbox.Parcel{}, outbox.ErrNowhere
	}
	p := outbox.Parcel{To: client}
	switch l.Kind {
	case outbox.Outline:
		return k.packOutlines(p, r)
	case outbox.Report:
		return k.packReport(p, r), nil
	case outbox.Verified:
		return k.packVerified(ctx, p, r, stored)
	case outbox.HeatMap, outbox.Capture:
		return k.packPictures(p, r, l.Kind)
	}
	return p, outbox.ErrNothing // of a later version of the program
}

// instance names a document of a result.
func instance(r store.Record, seriesUID, sopInstanceUID string) outbox.Instance {
	return outbox.Instance{StudyUID: r.Result.StudyUID, SeriesUID: seriesUID, SOPInstanceUID: sopInstanceUID}
}

func (k *Packer) packReport(p outbox.Parcel, r store.Record) outbox.Parcel {
	named := sr.Report{Identity: r.Result.Identity, Outlines: k.Outlines && Outlined(*r.Result)}
	p.Instances = []outbox.Instance{instance(r, named.SeriesInstanceUID(), named.SOPInstanceUID())}
	p.Make = func(ctx context.Context) ([][]byte, error) {
		outlines, err := k.segmentation(ctx, r)
		if err != nil {
			return nil, err
		}
		report, err := k.report(ctx, r, outlines, nil)
		if err != nil {
			return nil, err
		}
		return encodeAll(report)
	}
	return p
}

// report is the unverified one, with what readers drew with their decisions. The
// same record and decisions give the same bytes.
func (k *Packer) report(ctx context.Context, r store.Record, outlines *derived.Segmentation, decisions map[int]store.Decision) (sr.Report, error) {
	scan, err := k.Scoring(r.Result).Series.Open(ctx, series.PlaceOf(r.Job()))
	if err != nil {
		return sr.Report{}, err
	}
	header, err := k.Headers.Read(ctx, series.PlaceOf(r.Job()))
	if err != nil {
		return sr.Report{}, err
	}
	report, err := reportOf(*r.Result, scan, header, documentTime(r), outlines, drawnIn(*r.Result, decisions))
	addDistances(&report, scan, decisions)
	report.Outlines = k.Outlines && Outlined(*r.Result) // also where the network is not loaded now: the result names the document
	return report, err
}

// documentTime is that of all documents of a result, so that they do not
// change when they are made again.
func documentTime(r store.Record) time.Time { return r.Time.Truncate(time.Second) }

// encodeAll writes documents.
func encodeAll[T interface{ Encode(w io.Writer) error }](documents ...T) ([][]byte, error) {
	files := make([][]byte, len(documents))
	for i, d := range documents {
		var b bytes.Buffer
		if err := d.Encode(&b); err != nil {
			return nil, err
		}
		files[i] = b.Bytes()
	}
	return files, nil
}
