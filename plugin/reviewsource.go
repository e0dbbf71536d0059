package plugin

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/review"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

const (
	maxFilesTried  = 64     // for one of a series, before all headers are read
	maxKnownFiles  = 10_000 // whose place is remembered
	maxWaitingJobs = 500
)

// reviewSource reads what the review page shows, with the same rules as a
// worker: allowed folders, geometry, patches and detectors.
type reviewSource struct {
	p *Plugin

	mu    sync.Mutex
	files map[string]string // URI and series -> a file of the series, or in a PACS its SOPInstanceUID
}

func newReviewSource(p *Plugin) *reviewSource { return &reviewSource{p: p, files: map[string]string{}} }

var _ review.Source = (*reviewSource)(nil)

func (s *reviewSource) request(r store.Record) ScoreRequest {
	return ScoreRequest{
		Source: r.Source, Job: bus.Job{StudyUID: r.StudyUID, SeriesUID: r.SeriesUID, URI: r.URI}, Software: s.p.cfg.Software,
		AllowedRoots: s.p.cfg.AllowedRoots, Archives: s.p.archives, MaxPaddingPct: s.p.cfg.MaxPaddingPct,
	}
}

// Open implements review.Source.
func (s *reviewSource) Open(ctx context.Context, r store.Record) (*dicomio.Series, error) {
	return open(ctx, s.request(r))
}

// Header implements review.Source. The file is read every time; only its place
// is remembered.
func (s *reviewSource) Header(ctx context.Context, r store.Record) (sr.Header, error) {
	read, find := s.headerAt, s.findFile
	if IsSeriesURI(r.URI) {
		client, study, series, err := s.p.archives.Client(r.URI)
		if err != nil {
			return sr.Header{}, err
		}
		read = func(instance, seriesUID string) (sr.Header, error) {
			return archiveHeader(ctx, client, study, series, instance, seriesUID)
		}
		find = func(ctx context.Context, r store.Record) (string, sr.Header, error) {
			return findInstance(ctx, client, study, series, r.SeriesUID)
		}
	}
	key := r.URI + "\x00" + r.SeriesUID
	s.mu.Lock()
	path := s.files[key]
	s.mu.Unlock()
	if path != "" {
		if h, err := read(path, r.SeriesUID); err == nil {
			return h, nil
		}
	}
	path, h, err := find(ctx, r)
	if err != nil {
		return sr.Header{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.files) >= maxKnownFiles {
		clear(s.files)
	}
	s.files[key] = path
	return h, nil
}

var errOtherSeries = errors.New("the file is of another series")

// headerAt reads a file that must be of the series and in an allowed folder.
func (s *reviewSource) headerAt(path, seriesUID string) (sr.Header, error) {
	if roots := s.p.cfg.AllowedRoots; len(roots) > 0 && !allowedFile(path, roots) {
		return sr.Header{}, refuse(CodeURIForbidden, "read patient and study", "a file of the series is a link out of the folders that this service may read", nil)
	}
	f, err := os.Open(path) //nolint:gosec // below a folder that a job may name
	if err != nil {
		return sr.Header{}, err
	}
	defer f.Close()
	h, err := sr.ReadHeader(f)
	if err == nil && h.SeriesUID != seriesUID {
		err = errOtherSeries
	}
	return h, err
}

// findInstance asks a PACS for one image of a series.
func findInstance(ctx context.Context, c *web.Client, study, series, seriesUID string) (string, sr.Header, error) {
	found, err := c.Instances(ctx, study, series, web.Query{Limit: 1})
	if err != nil {
		return "", sr.Header{}, err
	}
	if len(found) == 0 {
		return "", sr.Header{}, &dicomio.Error{Code: dicomio.CodeSeriesNotFound, Op: "read patient and study", Hint: "the PACS holds no image of the series"}
	}
	instance := found[0].Text(web.TagSOPInstanceUID)
	h, err := archiveHeader(ctx, c, study, series, instance, seriesUID)
	return instance, h, err
}

// archiveHeader reads an image of a PACS that must be of the series.
func archiveHeader(ctx context.Context, c *web.Client, study, series, instance, seriesUID string) (sr.Header, error) {
	file, err := c.Instance(ctx, study, series, instance)
	if err != nil {
		return sr.Header{}, err
	}
	h, err := sr.ReadHeader(bytes.NewReader(file))
	if err == nil && h.SeriesUID != seriesUID {
		err = errOtherSeries
	}
	return h, err
}

// findFile finds one file of a series: among the first of its folder, or by
// reading the headers of all.
func (s *reviewSource) findFile(ctx context.Context, r store.Record) (string, sr.Header, error) {
	dir, err := FolderOf(r.URI, s.p.cfg.AllowedRoots)
	if err != nil {
		return "", sr.Header{}, err
	}
	var found string
	var header sr.Header
	tried := 0
	walked := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil || !entry.Type().IsRegular():
			return nil
		case tried >= maxFilesTried:
			return fs.SkipAll
		}
		tried++
		if h, err := s.headerAt(path, r.SeriesUID); err == nil {
			found, header = path, h
			return fs.SkipAll
		}
		return nil
	})
	if found != "" || ctx.Err() != nil {
		return found, header, walked
	}
	series, err := s.Open(ctx, r)
	if err != nil {
		return "", sr.Header{}, err
	}
	header, err = s.headerAt(series.Slices[0].Path, r.SeriesUID)
	return series.Slices[0].Path, header, err
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
		return e, refuse(CodeDetectorFailed, "explain finding", scorer.Name()+" gave no score for this nodule; its weights may be damaged", err)
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
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, errOtherSeries) {
		return bus.Problem{Code: string(dicomio.CodeUnreadable), Message: "a file of the series cannot be read (" + string(dicomio.CodeUnreadable) + ")"}
	}
	return *problem(err)
}
