package plugin

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/review/accounts"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// packer makes the documents of results. It implements outbox.Packer.
type packer struct {
	plugin *Plugin
	ledger *ledger
	source *reviewSource
}

var _ outbox.Packer = (*packer)(nil)

// Pack implements outbox.Packer.
func (k *packer) Pack(ctx context.Context, l outbox.Letter, stored int) (outbox.Parcel, error) {
	r, err := k.ledger.review.Record(l.Record)
	if err != nil || r.Result == nil {
		return outbox.Parcel{}, coded.New(CodeRecordGone, "make document", "the result is no longer kept, and its documents cannot be made any more", errors.Join(outbox.ErrGone, err))
	}
	client := k.plugin.reader.Archives.Store(r.URI)
	if client == nil {
		return outbox.Parcel{}, outbox.ErrNowhere
	}
	p := outbox.Parcel{To: client}
	switch l.Kind {
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

func (k *packer) packReport(p outbox.Parcel, r store.Record) outbox.Parcel {
	named := sr.Report{Identity: r.Result.Identity}
	p.Instances = []outbox.Instance{instance(r, named.SeriesInstanceUID(), named.SOPInstanceUID())}
	p.Make = func(ctx context.Context) ([][]byte, error) {
		report, err := k.report(ctx, r)
		if err != nil {
			return nil, err
		}
		return encodeAll(report)
	}
	return p
}

// report is the unverified one. The same record gives the same bytes.
func (k *packer) report(ctx context.Context, r store.Record) (sr.Report, error) {
	series, err := k.source.Open(ctx, r)
	if err != nil {
		return sr.Report{}, err
	}
	header, err := k.source.Header(ctx, r)
	if err != nil {
		return sr.Report{}, err
	}
	return Report(*r.Result, series, header, documentTime(r))
}

// documentTime is that of all documents of a result, so that they do not
// change when they are made again.
func documentTime(r store.Record) time.Time { return r.Time.Truncate(time.Second) }

// packVerified makes the report that the newest decisions complete. The
// version is that of Reviewed, and the one before it that the PACS is known to
// have is its predecessor.
func (k *packer) packVerified(ctx context.Context, p outbox.Parcel, r store.Record, stored int) (outbox.Parcel, error) {
	decisions, err := k.ledger.review.Decisions(r.ID)
	if err != nil {
		return p, coded.New(CodeLedger, "make document", "the decisions cannot be read", err)
	}
	if !decided(r, decisions) {
		return p, outbox.ErrNothing
	}
	report, err := k.report(ctx, r)
	if err != nil {
		return p, err
	}
	list, reviewer := reviews(*r.Result, decisions)
	report, complete := Reviewed(report, list, k.observer(reviewer), k.plugin.organization())
	if !complete || report.Review.Version <= stored {
		return p, outbox.ErrNothing
	}
	report.Review.Previous = stored
	p.Version = report.Review.Version
	p.Instance = func(version int) outbox.Instance {
		other := sr.Report{Identity: r.Result.Identity, Review: &sr.Review{Version: version}}
		return instance(r, other.SeriesInstanceUID(), other.SOPInstanceUID())
	}
	p.Instances = []outbox.Instance{p.Instance(p.Version)}
	p.Make = func(context.Context) ([][]byte, error) { return encodeAll(report) }
	return p, nil
}

// reviews are decisions as the bus carries them, and who made the newest.
func reviews(r bus.Result, decisions map[int]store.Decision) (list []bus.Review, reviewer string) {
	var newest time.Time
	for number, d := range decisions {
		if number < 1 || number > len(r.Nodules) {
			continue
		}
		list = append(list, bus.Review{
			Identity: r.Identity, NoduleID: r.Nodules[number-1].ID, Decision: d.Decision, Reason: d.Reason, Comment: d.Comment,
			Reviewer: d.Reviewer, Time: d.Time, Version: d.Version,
		})
		if d.Time.After(newest) || d.Time.Equal(newest) && d.Reviewer < reviewer {
			newest, reviewer = d.Time, d.Reviewer
		}
	}
	return list, reviewer
}

// observer is a reviewer's name in DICOM's form: the display name, where the
// file of users has one. One with ^ is taken as it is.
func (k *packer) observer(reviewer string) string {
	path := cmp.Or(k.plugin.cfg.Review.UsersFile, UsersFile(k.plugin.cfg.DataDir))
	users, err := accounts.Load(path)
	if err != nil {
		return reviewer // the login name is a name, too
	}
	if i := slices.IndexFunc(users, func(u accounts.User) bool { return u.Name == reviewer }); i >= 0 {
		return cmp.Or(strings.TrimSpace(users[i].DisplayName), reviewer)
	}
	return reviewer
}

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

// objectOf is what pictures of a result have in common; number is which of
// their kind.
func objectOf(r store.Record, header sr.Header, number int) sr.Object {
	name, version, _ := strings.Cut(r.Result.Software, " ")
	return sr.Object{
		Identity: r.Result.Identity, Time: documentTime(r), Header: header, Number: number,
		Device: sr.Device{Version: cmp.Or(version, name)},
	}
}

// sourceImage is the slice on which a nodule is shown, as a list; empty where
// it is on none.
func sourceImage(series *dicomio.Series, at dicomio.Vec) []dicomio.ImagePoint {
	if image, ok := series.OnImage(at); ok {
		return []dicomio.ImagePoint{image}
	}
	return nil
}

// pictureLines stand above the picture of a score.
func pictureLines(n bus.ResultNodule, s bus.NoduleScore) []string {
	flag := "not flagged"
	if s.Anomalous {
		flag = "flagged: above the threshold of its model"
	}
	probability := "not calibrated"
	if s.Probability != nil {
		probability = fmt.Sprintf("probability of deviation %.3g", *s.Probability)
	}
	p := n.PositionLPS
	return []string{
		fmt.Sprintf("LPS %.1f %.1f %.1f mm, %s", p[0], p[1], p[2], s.Model),
		fmt.Sprintf("score %.5g, %s, percentile %.1f, %s", s.Raw, probability, s.Percentile, flag),
		IntendedUse,
	}
}
