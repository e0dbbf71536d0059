package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// keep writes a note of its own.
func (w *Watcher) keep(n note) error {
	return wrapState(w.state.db.Update(func(tx *bbolt.Tx) error { return keep(tx, n, w.opts.Now()) }))
}

// match looks at series that were not looked at, and publishes the jobs of
// those that are complete and have candidates. files are notes that are not
// kept: they lie in files.
func (w *Watcher) match(ctx context.Context, files []*note) error {
	series, kept, err := w.state.all()
	if err != nil {
		return wrapState(err)
	}
	notes := slices.Concat(kept, files)
	var errs []error
	for _, e := range series {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := w.one(ctx, e, notes); err != nil {
			errs = append(errs, err)
			if away(err) {
				break // the others would only learn the same
			}
		}
	}
	return errors.Join(errs...)
}

// away tells errors of the PACS or the broker, not of a series.
func away(err error) bool {
	switch coded.CodeOf(err) {
	case dicomio.CodeUnreachable, dicomio.CodeStorageSilent, dicomio.CodeDenied, bus.CodeUnreachable, bus.CodeStream:
		return true
	}
	return errors.Is(err, ErrState)
}

// one takes a series as far as it gets now. What it learns is kept before it
// goes on.
func (w *Watcher) one(ctx context.Context, e *entry, notes []*note) error {
	if !e.Stable {
		return nil
	}
	var open []*note
	for _, n := range notes {
		ids, seen := e.Jobs[n.Digest]
		if !seen && n.about(e) {
			open = append(open, n)
		}
		n.Used = n.Used || ids != ""
	}
	if e.Checked && (len(open) == 0 || !e.complete()) {
		return nil
	}
	if ready, err := w.opts.Source.ready(ctx, e); err != nil || !ready {
		return err
	}
	s, err := series.Reader{Archives: w.opts.Source.archives(), Kernels: w.opts.Kernels}.Open(ctx, series.Place{URI: e.URI, SeriesUID: e.SeriesUID})
	if err != nil && (away(err) || ctx.Err() != nil || dicomio.CodeOf(err) == dicomio.CodeArchiveFailed) {
		return err
	}
	if check(e, s, err, w.opts.AcceptGaps) {
		if err := w.state.put([]*entry{e}, nil); err != nil {
			return wrapState(err)
		}
		w.log.Info("series looked at", "entry", e.Number, "complete", e.complete(), "code", e.Problem, "missing_slices", e.Missing)
		for _, n := range notes { // another set of images makes another job
			if _, seen := e.Jobs[n.Digest]; !seen && n.about(e) && !slices.Contains(open, n) {
				open = append(open, n)
			}
		}
	}
	if !e.complete() {
		return nil
	}
	for _, n := range open {
		if err := w.submit(ctx, e, n, s); err != nil {
			return err
		}
	}
	return nil
}

// check notes what a series is; changed is false where that is known.
func check(e *entry, s *dicomio.Series, err error, gaps bool) (changed bool) {
	before := *e
	e.Checked, e.Problem, e.Missing = true, "", 0
	if err != nil {
		if e.Problem = string(coded.CodeOf(err)); e.Problem == "" {
			e.Problem = string(coded.Internal)
		}
	} else {
		for _, gap := range s.Geometry.Missing {
			e.Missing += gap.Count
		}
		if e.Missing > 0 && !gaps {
			e.Problem = string(dicomio.CodeMissingSlices)
		}
		for _, warning := range s.Warnings { // a file that is still being written
			if warning.Code == dicomio.CodeTruncated || warning.Code == dicomio.CodeUnreadable {
				e.Problem = string(warning.Code)
			}
		}
		if images := s.InstanceDigest(); e.Problem == "" && images != e.Images {
			e.Images, e.Jobs, e.Told = images, nil, ""
		}
	}
	return !before.Checked || before.Problem != e.Problem || before.Missing != e.Missing || before.Images != e.Images
}

// submit publishes the jobs of a note for a series, and keeps that it did. A
// kill between the two has them published again under the same ids.
func (w *Watcher) submit(ctx context.Context, e *entry, n *note, s *dicomio.Series) error {
	nodules, skipped, err := n.nodules(s)
	for _, left := range skipped {
		w.log.Info("left out of the candidates", "entry", e.Number, "reason", left.Reason, "count", left.Count)
	}
	if err != nil {
		w.log.Error("candidates cannot be used", "entry", e.Number, "code", coded.CodeOf(err), "error", coded.Summary(err))
		nodules = nil
	}
	var ids []string
	for part := range slices.Chunk(nodules, bus.MaxJobNodules) {
		job := bus.Job{
			StudyUID: s.StudyUID, SeriesUID: s.SeriesUID, FrameOfReferenceUID: s.FrameOfReferenceUID, URI: e.URI, Nodules: part,
			Priority: orDefault(n.Priority, w.opts.Priority), Deadline: n.Deadline,
		}
		source, id, err := w.name(e, n, job)
		if err != nil {
			return err
		}
		if e.has(id) {
			ids = append(ids, id)
			continue
		}
		w.log.Debug("job due", "entry", e.Number)
		if _, err := w.opts.Bus.SubmitJob(ctx, w.opts.Site, source, id, job); err != nil {
			if away(err) || ctx.Err() != nil || bus.CodeOf(err) == "" {
				return err
			}
			w.log.Error("job refused", "entry", e.Number, "code", bus.CodeOf(err), "error", coded.Summary(err))
			continue
		}
		w.log.Debug("job stored", "entry", e.Number)
		w.log.Info("job published", "entry", e.Number, "nodules", len(part), "job", id)
		ids = append(ids, id)
	}
	if e.Jobs == nil {
		e.Jobs = map[string]string{}
	}
	e.Jobs[n.Digest] = strings.Join(ids, ",")
	e.Changed = w.opts.Now().UTC()
	changed := []*note{}
	if len(ids) > 0 {
		e.Told = ""
		if n.Number > 0 && !n.Used {
			n.Images = e.Images
			changed = append(changed, n)
		}
		n.Used = true
	}
	return wrapState(w.state.put([]*entry{e}, changed))
}

// heldSuffix is added to the source of a job that was held.
const heldSuffix = "/held"

// has tells whether a job was published for the images as they are.
func (e *entry) has(id string) bool {
	for _, ids := range e.Jobs {
		if slices.Contains(strings.Split(ids, ","), id) {
			return true
		}
	}
	return false
}

// name gives source and id of a job: those of its sender, where the job was
// held, else ones that follow from what it says. The URI does not count: the
// same images may be reached in several ways.
func (w *Watcher) name(e *entry, n *note, job bus.Job) (source, id string, err error) {
	text, err := json.Marshal(job.Nodules)
	if err != nil {
		return "", "", fmt.Errorf("name job: %w", err)
	}
	if n.ID != "" {
		// The broker remembers source and id of the job that was sent ahead, and
		// would take this one for a repetition.
		if n.Images == "" || n.Images == e.Images {
			return n.Source + heldSuffix, n.ID, nil
		}
		return n.Source + heldSuffix, n.ID + "-" + digest.Texts(e.Images)[:8], nil // the same job for other images
	}
	return JobSource, "watch-" + digest.Texts(w.opts.Site, e.SeriesUID, e.Images, string(text))[:32], nil
}
