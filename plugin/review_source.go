package plugin

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/internal/problem"
	"github.com/nodulescope/nodulescope/plugin/review"
	"github.com/nodulescope/nodulescope/plugin/review/store"
	"github.com/nodulescope/nodulescope/plugin/scoring"
	"github.com/nodulescope/nodulescope/plugin/series"
)

const maxWaitingJobs = 500

// reviewSource reads what the review page shows, with the same rules as a
// worker: allowed folders, geometry, patches and detectors.
type reviewSource struct {
	p       *Plugin
	headers *series.Headers
}

var _ review.Source = (*reviewSource)(nil)

// Open implements review.Source.
func (s *reviewSource) Open(ctx context.Context, r store.Record) (*dicomio.Series, error) {
	return s.p.reader.Open(ctx, series.PlaceOf(r.Job()))
}

// Header implements review.Source.
func (s *reviewSource) Header(ctx context.Context, r store.Record) (sr.Header, error) {
	return s.headers.Read(ctx, series.PlaceOf(r.Job()))
}

// Explain implements review.Source.
func (s *reviewSource) Explain(ctx context.Context, r store.Record, number int, digest string) (e review.Explanation, err error) {
	if r.Result == nil || number < 1 || number > len(r.Result.Nodules) {
		return e, review.ErrNoPatch
	}
	req := s.p.scoring()
	scorer := slices.IndexFunc(req.Detectors, func(d detector.Detector) bool { return d.Digest() == digest })
	if digest != "" && scorer < 0 {
		return e, review.ErrNotLoaded
	}
	n := r.Result.Nodules[number-1].JobNodule
	req.Source, req.Job = r.Source, r.Job()
	req.Job.Nodules = []bus.JobNodule{n}
	open, err := scoring.Prepare(ctx, req)
	if err != nil {
		return e, err
	}
	cube, patch, err := open.Nodule(ctx, n)
	if err == nil {
		e.Scan, e.Patch = figure.Scan(cube), patch
		err = patch.CheckSupport()
	}
	switch nodule.CodeOf(err) {
	case string(nodule.CodeCubePadding), string(nodule.CodeCandidateOutside), string(nodule.CodeSupportTooSmall):
		return e, review.ErrNoPatch
	}
	if err != nil || digest == "" {
		return e, err
	}
	score, err := scoring.Again(ctx, "explain finding", req.Detectors[scorer], patch)
	if err == nil {
		e.Score = &score
	}
	return e, err
}

// Waiting implements review.Source. Without a bus nothing is known to wait.
func (s *reviewSource) Waiting(ctx context.Context) ([]bus.WaitingJob, error) {
	b := s.p.state().bus
	if b == nil {
		return nil, nil
	}
	return b.WaitingJobs(ctx, s.p.cfg.Site, maxWaitingJobs)
}

// Summary implements review.Source.
func (s *reviewSource) Summary(err error) bus.Problem {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, series.ErrOtherSeries) {
		return bus.Problem{Code: string(dicomio.CodeUnreadable), Message: "a file of the series cannot be read (" + string(dicomio.CodeUnreadable) + ")"}
	}
	return *problem.Of(err)
}
