package review

import (
	"context"
	"errors"
	"net/http"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// Source gives what a record does not hold: the images and what is computed
// from them. Implementations are safe for concurrent use.
type Source interface {
	// Open reads the headers of a record's series.
	Open(ctx context.Context, r store.Record) (*dicomio.Series, error)
	// Header reads patient and study from an image of a record's series.
	Header(ctx context.Context, r store.Record) (sr.Header, error)
	// Explain cuts the patch of finding number (from 1) once more. With the
	// digest of a detector it is scored, too; ErrNotLoaded where the service
	// does not run that detector, ErrNoPatch where the finding has no patch.
	Explain(ctx context.Context, r store.Record, number int, digest string) (Explanation, error)
	// Outline outlines finding number once more: the mask [32,32,32] on the grid
	// of its outline. ErrNotLoaded where the service does not run the network that
	// outlined it, ErrNoPatch where it finds no nodule now.
	Outline(ctx context.Context, r store.Record, number int) ([]bool, error)
	// Cube cuts the cube in which outlines of finding number are drawn, see
	// bus.ResultNodule.OutlinePlace. ErrNoPatch where it lies outside the images.
	Cube(ctx context.Context, r store.Record, number int) (*nodule.Cube, error)
	// Waiting lists jobs that nobody has answered yet.
	Waiting(ctx context.Context) ([]bus.WaitingJob, error)
	// Summary is the code of an error and a text that names no patient.
	Summary(err error) bus.Problem
}

// Errors of Source.Explain, Source.Outline and Source.Cube.
var (
	ErrNotLoaded = errors.New("review: the detector is not loaded")
	ErrNoPatch   = errors.New("review: the finding has no patch, or no outline")
)

// Explanation is what a picture of one finding needs. Arrays are [28,28,28],
// ordered z, y, x.
type Explanation struct {
	Scan  []float32 // 0..1 for the window of patches, -1 without data
	Patch nodule.Patch
	Score *detector.Score // nil where no detector was asked for

	Outline []bool // [32,32,32], where an outline was asked for and nothing else

	Cube *nodule.Cube // likewise
}

// sourceError answers that images cannot be read, with the reader's code.
func (s *Server) sourceError(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return answer.Fail(http.StatusServiceUnavailable, answer.CodeBusy, "reading the images took too long; try again", err)
	}
	p := s.cfg.Source.Summary(err)
	if p.Code == "" || p.Code == answer.CodeInternal {
		return answer.Fail(http.StatusBadGateway, answer.CodeSource, "the images cannot be read at the moment", err)
	}
	return answer.Fail(http.StatusBadGateway, p.Code, p.Message, err)
}
