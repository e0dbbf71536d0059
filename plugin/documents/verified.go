package documents

import (
	"context"
	"slices"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/derived"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// packVerified makes the report that the newest decisions complete. The
// version is that of reviewed, and the one before it that the PACS is known to
// have is its predecessor.
func (k *Packer) packVerified(ctx context.Context, p outbox.Parcel, r store.Record, stored int) (outbox.Parcel, error) {
	decisions, err := k.Records.Decisions(r.ID)
	if err != nil {
		return p, coded.New(codeLedger, "make document", "the decisions cannot be read", err)
	}
	if !Decided(r, decisions) {
		return p, outbox.ErrNothing
	}
	list, reviewer := reviews(*r.Result, decisions)
	verify := func(ctx context.Context, outlines *derived.Segmentation) (sr.Report, bool, error) {
		report, err := k.report(ctx, r, outlines, decisions)
		if err != nil {
			return report, false, err
		}
		report, complete := reviewed(report, list, k.Observer(reviewer), k.Organization)
		return report, complete, nil
	}
	report, complete, err := verify(ctx, nil) // reads no pixel
	if err != nil {
		return p, err
	}
	if !complete || report.Review.Version <= stored {
		return p, outbox.ErrNothing
	}
	p.Version = report.Review.Version
	p.Instance = func(version int) outbox.Instance {
		other := sr.Report{Identity: r.Result.Identity, Outlines: report.Outlines, Review: &sr.Review{Version: version}}
		return instance(r, other.SeriesInstanceUID(), other.SOPInstanceUID())
	}
	p.Instances = []outbox.Instance{p.Instance(p.Version)}
	by := drawnIn(*r.Result, decisions)
	corrected := k.Outlines && len(by) > 0
	if corrected {
		p = withSegments(p, r, report.Review)
	}
	p.Make = func(ctx context.Context) (files [][]byte, err error) {
		var outlines *derived.Segmentation
		if corrected {
			outlines, err = k.segments(ctx, r, by, report.Review)
		} else {
			outlines, err = k.segmentation(ctx, r)
		}
		if err == nil && corrected && !outlines.Empty() {
			files, err = encodeAll(outlines)
		}
		if err != nil {
			return nil, err
		}
		report, _, err := verify(ctx, outlines)
		if err != nil {
			return nil, err
		}
		report.Review.Previous = stored
		verified, err := encodeAll(report)
		return append(files, verified...), err
	}
	return p, nil
}

// reviews are decisions as the bus carries them, and who made the newest.
func reviews(r bus.Result, decisions map[int]store.Decision) (list []bus.Review, reviewer string) {
	var newest time.Time
	for number, d := range decisions {
		if number < 1 || number > len(r.Nodules) {
			continue
		}
		list = append(list, d.Review(r.Identity, r.Nodules[number-1].ID))
		if d.Time.After(newest) || d.Time.Equal(newest) && d.Reviewer < reviewer {
			newest, reviewer = d.Time, d.Reviewer
		}
	}
	return list, reviewer
}

// reviewed is a report after a review: the newest decision on every nodule,
// made by observer, a person's name in DICOM's form such as Doe^Jane, of an
// organisation. It reports false where a nodule that is on an image has no
// decision yet: such a report is not verified. Decisions of other results do
// not count. The version of the review is 1 where every nodule has its first
// decision, and grows with every later one, so that each makes a document of
// its own. The caller, who knows which of them was stored, sets Previous.
func reviewed(report sr.Report, decisions []bus.Review, observer, organization string) (sr.Report, bool) {
	report.Review = &sr.Review{Observer: observer, Organization: organization}
	report.Nodules = slices.Clone(report.Nodules)
	decided := 0
	for i := range report.Nodules {
		n := &report.Nodules[i]
		newest := bus.Review{}
		for _, d := range decisions {
			if d.Identity == report.Identity && d.NoduleID == n.ID && d.Version > newest.Version {
				newest = d
			}
		}
		if newest.Version == 0 {
			if n.Image.SOPInstanceUID != "" {
				return sr.Report{}, false
			}
			continue
		}
		n.Decision = &sr.Decision{Verdict: sr.Verdict(newest.Verdict), Kind: string(newest.Kind), Comment: newest.Comment}
		report.Review.Version += newest.Version
		decided++
		if newest.Time.After(report.Review.Time) {
			report.Review.Time = newest.Time
		}
	}
	report.Review.Version -= decided - 1
	return report, decided > 0
}

// Decided tells whether every nodule that has a score has a decision. Only
// then the series is opened, to see whether those without one are on an image.
func Decided(r store.Record, decisions map[int]store.Decision) bool {
	if r.Result == nil || len(decisions) == 0 {
		return false
	}
	for i, n := range r.Result.Nodules {
		if _, there := decisions[i+1]; !there && len(n.Scores) > 0 {
			return false
		}
	}
	return true
}
