package plugin

import (
	"context"
	"fmt"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// IntendedUse stands in every result.
const IntendedUse = "Deviation from reference nodules, for research and triage. Not for diagnosis."

// ScoreRequest asks for the nodules of one series. Job, with the URI of a folder
// or of a series in a PACS, and Detectors are needed.
type ScoreRequest struct {
	JobID    string  // copied to the result
	Source   string  // of the job; part of the result's identity
	Job      bus.Job // with an empty SeriesUID the folder must hold exactly one CT series
	Software string  // copied to the result; default "nodulescope"

	Detectors     []detector.Detector
	Series        series.Reader // of what may be read; zero: any folder, no PACS
	MaxPaddingPct float64       // see nodule.CutOptions; 0: its default

	NoDetails bool           // return no NoduleDetail, and hold no patch longer than needed
	Progress  func(Progress) // called from the same goroutine; may be nil
}

// Progress says how far a request is.
type Progress struct {
	Stage string // "read", "cut" or "score"
	Done  int    // of Total, in the unit of the stage: patches times detectors for "score"
	Total int
}

// NoduleDetail is what a picture of one nodule needs. Patch is zero and Scores
// is nil where no patch could be made. Scores are in the order of the detectors;
// that of one that failed is zero.
type NoduleDetail struct {
	ID     string
	Patch  nodule.Patch     // [28,28,28], see nodule.Patch
	Scores []detector.Score // Reconstruction: [28,28,28]
}

// Score reads the series that a job names, cuts the cubes of its nodules and
// has every detector score them: the whole journey without the bus. A worker
// and a caller that ask for the same get the same result, timings aside.
//
// Nodules keep the order of the job. One that cannot be scored has an error
// with a code in the result and does not fail the others. One that only some of
// the detectors can score keeps their scores beside the error, and names the
// detectors that failed. The error of Score
// itself is for the series as a whole: its code ([CodeOf]) is one of dicomio's,
// uri_unsupported, uri_forbidden, study_mismatch, frame_of_reference_mismatch,
// series_mismatch, or job_invalid. Where a PACS does not answer in the middle, the
// request fails as a whole with a code that starts with pacs_: no nodule gets an
// error that is none of its own.
func Score(ctx context.Context, req ScoreRequest) (bus.Result, []NoduleDetail, error) {
	p, err := prepare(ctx, req)
	if err != nil {
		return bus.Result{}, nil, err
	}
	return p.score(ctx)
}

// prepared is a request whose series is open: headers are read, pixels are
// not, and the identity of the result is known.
type prepared struct {
	req      ScoreRequest
	series   *dicomio.Series
	cutter   *nodule.Cutter
	identity string
	read     time.Duration
}

func prepare(ctx context.Context, req ScoreRequest) (*prepared, error) {
	const op = "score series"
	start := time.Now()
	if err := checkDetectors(op, req.Detectors); err != nil {
		return nil, err
	}
	if req.MaxPaddingPct == 0 {
		req.MaxPaddingPct = nodule.DefaultMaxPaddingPct
	}
	if req.Software == "" {
		req.Software = "nodulescope"
	}
	req.report("read", 0, 1)
	s, err := req.Series.Open(ctx, series.Place{
		URI: req.Job.URI, StudyUID: req.Job.StudyUID, SeriesUID: req.Job.SeriesUID, FrameOfReferenceUID: req.Job.FrameOfReferenceUID,
	})
	if err != nil {
		return nil, err
	}
	req.Job.SeriesUID = s.SeriesUID
	if req.Job.Nodules == nil {
		req.Job.Nodules = []bus.JobNodule{}
	}
	if err := req.Job.Check(); err != nil {
		return nil, err
	}
	cutter, err := nodule.NewCutter(s.Geometry, s, nodule.CutOptions{MaxPaddingPct: req.MaxPaddingPct})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	parts := identityParts{
		source: req.Source, seriesUID: s.SeriesUID, instances: s.InstanceDigest(),
		preprocessing: nodule.PreprocessingVersion, maxPaddingPct: req.MaxPaddingPct, nodules: req.Job.Nodules,
	}
	for _, d := range req.Detectors {
		parts.models = append(parts.models, d.Digest())
	}
	req.report("read", 1, 1)
	return &prepared{req: req, series: s, cutter: cutter, identity: parts.digest(), read: time.Since(start)}, nil
}

func checkDetectors(op string, detectors []detector.Detector) error {
	if len(detectors) == 0 {
		return coded.New(CodeSettings, op, "no detector is given; at least one is needed", nil)
	}
	seen := map[string]bool{}
	for _, d := range detectors {
		if d == nil || d.Name() == "" || d.Digest() == "" {
			return coded.New(CodeSettings, op, "a detector has no name or no digest", nil)
		}
		if seen[d.Digest()] {
			return coded.New(CodeSettings, op, "a detector is given twice", nil)
		}
		seen[d.Digest()] = true
	}
	return nil
}

func (r ScoreRequest) report(stage string, done, total int) {
	if r.Progress != nil {
		r.Progress(Progress{Stage: stage, Done: done, Total: total})
	}
}

// score cuts and scores what prepare has opened.
func (p *prepared) score(ctx context.Context) (bus.Result, []NoduleDetail, error) {
	start := time.Now()
	nodules, patches, err := p.cut(ctx)
	if err != nil {
		return bus.Result{}, nil, err
	}
	cut := time.Since(start)
	details, timings, err := p.judge(ctx, nodules, patches)
	if err != nil {
		return bus.Result{}, nil, err
	}
	g := p.series.Geometry
	result := bus.Result{
		Identity: p.identity, JobID: p.req.JobID, JobSource: p.req.Source,
		StudyUID: p.series.StudyUID, SeriesUID: p.series.SeriesUID,
		Software: p.req.Software, Preprocessing: nodule.PreprocessingVersion, IntendedUse: IntendedUse,
		Models:   describe(p.req.Detectors),
		Geometry: bus.Geometry{SpacingMM: g.SpacingMM, TiltDeg: g.TiltDeg, Slices: g.Slices},
		Nodules:  nodules,
		TimingsMS: bus.Timings{
			Read: milliseconds(p.read), Cut: milliseconds(cut),
			Score: milliseconds(time.Since(start) - cut), Total: milliseconds(p.read + time.Since(start)),
			Models: timings,
		},
	}
	for _, gap := range g.Missing {
		result.Geometry.MissingSlices += gap.Count
	}
	for _, w := range p.series.Warnings {
		result.Warnings = append(result.Warnings, bus.Problem{Code: string(w.Code), Message: w.Detail})
	}
	return result, details, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// describe lists detectors as a result and /version name them.
func describe(detectors []detector.Detector) []bus.Model {
	models := make([]bus.Model, 0, len(detectors))
	for _, d := range detectors {
		m := bus.Model{Name: d.Name(), Digest: d.Digest(), Calibration: "uncalibrated"}
		if c, ok := d.(interface{ Calibration() detector.Calibration }); ok {
			cal := c.Calibration()
			m.Calibration, m.Prevalence, m.Threshold, m.DiameterMM = cal.Name(), cal.Prevalence, cal.Threshold, cal.DiameterMM
		}
		models = append(models, m)
	}
	return models
}
