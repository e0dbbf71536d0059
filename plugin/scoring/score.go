package scoring

import (
	"context"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// Codes of this package. They are part of the message schema.
const (
	CodeDetectorFailed coded.Code = "detector_failed"
	CodeScoreNotFinite coded.Code = "score_not_finite"
)

// codeSettings is that of every setting that cannot be used.
const codeSettings coded.Code = "settings_invalid"

// Request asks for the nodules of one series. Job, with the URI of a folder
// or of a series in a PACS, and Detectors are needed.
type Request struct {
	JobID    string  // copied to the result
	Source   string  // of the job; part of the result's identity
	Job      bus.Job // with an empty SeriesUID the folder must hold exactly one CT series
	Software string  // copied to the result; default "nodulescope"

	Detectors     []detector.Detector
	Outliner      *outline.Outliner // outlines every nodule; nil: none is outlined
	Rungs         *rungs.Rungs      // give outlined nodules their headline; nil: none has one
	Series        series.Reader     // of what may be read; zero: any folder, no PACS
	MaxPaddingPct float64           // see nodule.CutOptions; 0: its default

	NoDetails bool           // return no Detail, and hold no patch longer than needed
	Progress  func(Progress) // called from the same goroutine; may be nil
}

// Pictures takes what can be shown of nodules as soon as it is there, from one
// goroutine, and keeps none of the arguments. Numbers of nodules count from 1, in
// the order of the job.
type Pictures interface {
	Nodule(number int, cube *nodule.Cube, patch nodule.Patch)           // that is scored
	Outline(number int, mask []bool)                                    // [32,32,32], where one was found
	Reconstruction(number int, digest string, reconstruction []float32) // [28,28,28], of the detector with that digest
}

// Progress says how far a request is.
type Progress struct {
	Stage string // "read", "cut", "outline" where there is an outliner, or "score"
	Done  int    // of Total, in the unit of the stage: patches times detectors for "score"
	Total int
}

// Detail is what a picture of one nodule needs. Patch is zero and Scores
// is nil where no patch could be made. Scores are in the order of the detectors;
// that of one that failed is zero.
type Detail struct {
	ID     string
	Patch  nodule.Patch     // [28,28,28], see nodule.Patch
	Scores []detector.Score // Reconstruction: [28,28,28]

	Outline *outline.Finding // nil where it was not outlined, or no nodule was found
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
func Score(ctx context.Context, req Request) (bus.Result, []Detail, error) {
	p, err := Prepare(ctx, req)
	if err != nil {
		return bus.Result{}, nil, err
	}
	return p.Score(ctx)
}

func (r Request) report(stage string, done, total int) {
	if r.Progress != nil {
		r.Progress(Progress{Stage: stage, Done: done, Total: total})
	}
}
