package plugin

import (
	"context"
	"errors"
	"io/fs"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/internal/problem"
	"github.com/nodulescope/nodulescope/plugin/review"
	"github.com/nodulescope/nodulescope/plugin/review/store"
	"github.com/nodulescope/nodulescope/plugin/series"
)

const maxWaitingJobs = 500

// reviewSource reads what the review page shows, with the same rules as a
// worker: allowed folders, geometry, patches and detectors.
type reviewSource struct {
	p       *Plugin
	headers *series.Headers
}

func newReviewSource(p *Plugin) *reviewSource {
	return &reviewSource{p: p, headers: series.NewHeaders(p.reader)}
}

var _ review.Source = (*reviewSource)(nil)

func placeOf(r store.Record) series.Place {
	return series.Place{URI: r.URI, StudyUID: r.StudyUID, SeriesUID: r.SeriesUID}
}

func (s *reviewSource) request(r store.Record) ScoreRequest {
	return ScoreRequest{
		Source: r.Source, Job: bus.Job{StudyUID: r.StudyUID, SeriesUID: r.SeriesUID, URI: r.URI}, Software: s.p.cfg.Software,
		Series: s.p.reader, MaxPaddingPct: s.p.cfg.MaxPaddingPct,
	}
}

// Open implements review.Source.
func (s *reviewSource) Open(ctx context.Context, r store.Record) (*dicomio.Series, error) {
	return s.p.reader.Open(ctx, placeOf(r))
}

// Header implements review.Source.
func (s *reviewSource) Header(ctx context.Context, r store.Record) (sr.Header, error) {
	return s.headers.Read(ctx, placeOf(r))
}

// Explain implements review.Source.
func (s *reviewSource) Explain(ctx context.Context, r store.Record, number int, digest string) (e review.Explanation, err error) {
	if r.Result == nil || number < 1 || number > len(r.Result.Nodules) {
		return e, review.ErrNoPatch
	}
	req := s.request(r)
	req.Detectors = s.p.cfg.Detectors
	var scorer detector.Detector
	if digest != "" {
		for _, d := range s.p.cfg.Detectors {
			if d.Digest() == digest {
				scorer = d
			}
		}
		if scorer == nil {
			return e, review.ErrNotLoaded
		}
	}
	n := r.Result.Nodules[number-1]
	req.Job.Nodules = []bus.JobNodule{n.JobNodule}
	p, err := prepare(ctx, req)
	if err != nil {
		return e, err
	}
	cube, err := p.cutter.Cut(ctx, nodule.Candidate{ID: n.ID, PositionLPS: dicomio.Vec(n.PositionLPS), DiameterMM: n.DiameterMM})
	if err == nil {
		e.Scan, e.Patch = figure.Scan(cube), nodule.Central(cube)
		err = e.Patch.CheckSupport()
	}
	switch nodule.CodeOf(err) {
	case "":
	case string(nodule.CodeCubePadding), string(nodule.CodeCandidateOutside), string(nodule.CodeSupportTooSmall):
		return e, review.ErrNoPatch
	}
	if err != nil || scorer == nil {
		return e, err
	}
	scores, err := scorer.Score(ctx, []nodule.Patch{e.Patch})
	if err != nil || len(scores) != 1 {
		return e, coded.New(CodeDetectorFailed, "explain finding", scorer.Name()+" gave no score for this nodule; its weights may be damaged", err)
	}
	e.Score = &scores[0]
	return e, nil
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
