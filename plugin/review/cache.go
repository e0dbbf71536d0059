package review

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/internal/memo"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// Limits of what is kept in memory.
const (
	maxOpenSeries = 4 // headers, no pixels
	seriesFresh   = 10 * time.Minute
	openTime      = time.Minute

	maxPacked = 128 << 20 // bytes of compressed slices: two series of 300

	maxPictures  = 64 // explanations, about 350 KiB each
	pictureTime  = 2 * time.Minute
	pictureQueue = 8 // that wait while one is computed

	waitingFresh = time.Second // every page asks for it
	waitingTime  = 2 * time.Second
)

// heldSeries is a series whose headers were read.
type heldSeries struct {
	*dicomio.Series
	slices map[dicomio.ImageRef]int // to its index
	opened string                   // its own name: another one when it is opened anew
}

func seriesKey(r store.Record) string { return r.URI + "\x00" + r.SeriesUID }

// open returns the series of a record, as it was opened lately or opened now.
// Its error is one of the source.
func (s *Server) open(ctx context.Context, r store.Record) (*heldSeries, error) {
	return s.series.Get(ctx, seriesKey(r), func(ctx context.Context) (*heldSeries, error) {
		// Who looks next wants it, too: it does not end with this request.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), openTime)
		defer cancel()
		series, err := s.cfg.Source.Open(ctx, r)
		if err != nil {
			return nil, err
		}
		h := &heldSeries{series, make(map[dicomio.ImageRef]int, len(series.Slices)), rand.Text()}
		for i, slice := range series.Slices {
			h.slices[dicomio.ImageRef{SOPInstanceUID: slice.SOPInstanceUID, Frame: slice.Frame}] = i
		}
		return h, nil
	})
}

// pictures keeps explanations, and lets one be computed at a time.
type pictures struct {
	*memo.Memo[Explanation]
	busy  chan struct{}
	queue chan struct{}
}

func newPictures() pictures {
	return pictures{memo.New[Explanation](maxPictures, 0), make(chan struct{}, 1), make(chan struct{}, pictureQueue)}
}

// get returns the explanation of a key, computed now where it is not kept.
func (p pictures) get(ctx context.Context, key string, compute func(context.Context) (Explanation, error)) (Explanation, error) {
	return p.Get(ctx, key, func(ctx context.Context) (Explanation, error) {
		select {
		case p.queue <- struct{}{}:
			defer func() { <-p.queue }()
		default:
			return Explanation{}, answer.Fail(http.StatusServiceUnavailable, answer.CodeBusy, "too many images are requested at once; try again", nil)
		}
		ctx, cancel := context.WithTimeout(ctx, pictureTime)
		defer cancel()
		select {
		case p.busy <- struct{}{}:
			defer func() { <-p.busy }()
		case <-ctx.Done():
			return Explanation{}, ctx.Err()
		}
		return compute(ctx)
	})
}

// waitingJobs lists the jobs that nobody has answered yet. Where the bus does
// not answer there are none.
func (s *Server) waitingJobs(ctx context.Context) []bus.WaitingJob {
	jobs, _ := s.waiting.Get(ctx, "", func(ctx context.Context) ([]bus.WaitingJob, error) { // an error is that of ctx
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), waitingTime)
		defer cancel()
		jobs, err := s.cfg.Source.Waiting(ctx)
		if err != nil {
			s.log.Warn("waiting jobs not listed", "code", s.cfg.Source.Summary(err).Code)
		}
		return jobs, nil
	})
	return jobs
}
