package scoring

import (
	"context"
	"fmt"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// Prepared is a request whose series is open: headers are read, pixels are
// not, and the identity of the result is known.
type Prepared struct {
	req      Request
	series   *dicomio.Series
	slices   dicomio.Decoder // of the series
	cutter   *nodule.Cutter
	identity string
	read     time.Duration
	pictures Pictures // may be nil
}

// Prepare opens the series of a request. Its errors are those of [Score] that
// come before the first pixel.
func Prepare(ctx context.Context, req Request) (*Prepared, error) {
	const op = "score series"
	start := time.Now()
	if err := CheckDetectors(op, req.Detectors); err != nil {
		return nil, err
	}
	if req.MaxPaddingPct == 0 {
		req.MaxPaddingPct = nodule.DefaultMaxPaddingPct
	}
	if req.Software == "" {
		req.Software = "nodulescope"
	}
	req.report("read", 0, 1)
	s, err := req.Series.Open(ctx, series.PlaceOf(req.Job))
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
	var slices dicomio.Decoder = s
	if req.Outliner != nil {
		slices = holdSlices(s, s.Geometry, heldBytes)
	}
	cutter, err := nodule.NewCutter(s.Geometry, slices, nodule.CutOptions{MaxPaddingPct: req.MaxPaddingPct})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	parts := identityParts{
		source: req.Source, seriesUID: s.SeriesUID, instances: s.InstanceDigest(),
		preprocessing: nodule.PreprocessingVersion, maxPaddingPct: req.MaxPaddingPct, nodules: req.Job.Nodules,
	}
	for _, n := range req.Job.Nodules {
		if namedBy(n).Belongs(s) != nil {
			parts.elsewhere = append(parts.elsewhere, n.ID)
		}
	}
	for _, d := range req.Detectors {
		parts.models = append(parts.models, d.Digest())
	}
	if req.Outliner != nil {
		parts.outliner = req.Outliner.Digest()
	}
	if req.Rungs != nil {
		parts.rungs, parts.prevalence = req.Rungs.Digest(), req.Rungs.Prevalence()
	}
	req.report("read", 1, 1)
	return &Prepared{req: req, series: s, slices: slices, cutter: cutter, identity: parts.digest(), read: time.Since(start)}, nil
}

// Identity names the result; see the package's doc.
func (p *Prepared) Identity() string { return p.identity }

// Series is the one that is scored.
func (p *Prepared) Series() *dicomio.Series { return p.series }

// Show has what can be shown of nodules given to pictures by the next Score.
func (p *Prepared) Show(pictures Pictures) { p.pictures = pictures }

// Score cuts, outlines and scores what Prepare has opened.
func (p *Prepared) Score(ctx context.Context) (bus.Result, []Detail, error) {
	start := time.Now()
	nodules, subjects, cubes, err := p.cut(ctx)
	if err != nil {
		return bus.Result{}, nil, err
	}
	cut := time.Since(start)
	if err := p.outline(ctx, nodules, subjects, cubes); err != nil {
		return bus.Result{}, nil, err
	}
	if err := p.headlines(ctx, nodules, subjects); err != nil {
		return bus.Result{}, nil, err
	}
	outlined := time.Since(start)
	details, timings, err := p.judge(ctx, nodules, subjects)
	if err != nil {
		return bus.Result{}, nil, err
	}
	g := p.series.Geometry
	result := bus.Result{
		Identity: p.identity, JobID: p.req.JobID, JobSource: p.req.Source,
		StudyUID: p.series.StudyUID, SeriesUID: p.series.SeriesUID,
		Software: p.req.Software, Preprocessing: nodule.PreprocessingVersion, IntendedUse: use.Statement,
		Models:   Describe(p.req.Detectors),
		Geometry: bus.Geometry{SpacingMM: g.SpacingMM, TiltDeg: g.TiltDeg, Slices: g.Slices, Verdict: p.series.Verdict()},
		Nodules:  nodules,
		TimingsMS: bus.Timings{
			Read: milliseconds(p.read), Cut: milliseconds(cut),
			Score: milliseconds(time.Since(start) - outlined), Total: milliseconds(p.read + time.Since(start)),
			Models: timings,
		},
	}
	if result.Outliner = DescribeOutliner(p.req.Outliner); result.Outliner != nil {
		result.TimingsMS.Outline = milliseconds(outlined - cut)
	}
	result.Rungs = DescribeRungs(p.req.Rungs)
	for _, gap := range g.Missing {
		result.Geometry.MissingSlices += gap.Count
	}
	for _, w := range p.series.Warnings {
		result.Warnings = append(result.Warnings, bus.Problem{Code: string(w.Code), Message: w.Detail})
	}
	return result, details, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
