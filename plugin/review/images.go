package review

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/internal/signin"
)

// sameScore is by how much, relative to a score, one that is computed again may
// differ.
const sameScore = 1e-6

func (s *Server) getImage(w http.ResponseWriter, r *http.Request, who *signin.Session, f findingOf) error {
	kind, v := r.PathValue("kind"), r.URL.Query()
	if !slices.Contains([]string{"scan", "patch", "support", "reconstruction", "residual", "outline"}, kind) {
		return answer.NotFound()
	}
	view, err := parseView(v.Get("format"), v.Get("plane"), v.Get("index"), v.Get("scale"))
	if err != nil {
		return err
	}
	var score *bus.NoduleScore
	if kind == "reconstruction" || kind == "residual" {
		if score, err = modelOf(&f.Result.Nodules[f.number-1], v.Get("model")); err != nil {
			return err
		}
	}
	if err := s.auditView(who, f.Record, f.number, "pictures"); err != nil {
		return err
	}
	if kind == "outline" {
		return s.getOutline(r.Context(), w, f, view)
	}
	e, err := s.explain(r.Context(), f, score)
	if err != nil {
		return err
	}
	if score != nil {
		same := e.Score != nil && math.Abs(e.Score.Raw-score.Raw) <= sameScore*max(1, math.Abs(score.Raw))
		w.Header().Set("Nodulescope-Reproduced", strconv.FormatBool(same))
	}
	return view.answer(w, kind, e.values(kind))
}

// modelOf picks a score by the name of its model.
func modelOf(n *bus.ResultNodule, name string) (*bus.NoduleScore, error) {
	if len(n.Scores) == 0 {
		return nil, answer.Fail(http.StatusConflict, answer.CodeNoPatch, "no model has scored this finding", nil)
	}
	if name == "" && len(n.Scores) == 1 {
		return &n.Scores[0], nil
	}
	for i := range n.Scores {
		if n.Scores[i].Model == name {
			return &n.Scores[i], nil
		}
	}
	return nil, answer.Fail(http.StatusBadRequest, answer.CodeModelNeeded, "name one of the models that scored this finding", nil)
}

// explain computes what a picture needs, or takes it from the cache.
func (s *Server) explain(ctx context.Context, f findingOf, score *bus.NoduleScore) (Explanation, error) {
	digest := ""
	if score != nil {
		digest = score.Digest
	}
	key := f.ID + " " + strconv.Itoa(f.number) + " " + digest
	e, err := s.pictures.get(ctx, key, func(ctx context.Context) (Explanation, error) {
		return s.cfg.Source.Explain(ctx, f.Record, f.number, digest)
	})
	if err != nil {
		err = s.pictureError(err, "the model that scored this finding is not loaded", "this finding has no patch: too much of it lies outside the scan")
	}
	return e, err
}

// pictureError answers why there is no picture.
func (s *Server) pictureError(err error, notLoaded, noPatch string) error {
	var known *answer.Problem
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, ErrNotLoaded):
		return answer.Fail(http.StatusConflict, answer.CodeModelNotLoaded, notLoaded, nil)
	case errors.Is(err, ErrNoPatch):
		return answer.Fail(http.StatusConflict, answer.CodeNoPatch, noPatch, nil)
	}
	return s.sourceError(err)
}

// values are the voxels of one kind of image.
func (e Explanation) values(kind string) []float32 {
	switch kind {
	case "scan":
		return e.Scan
	case "patch":
		return e.Patch.Voxels
	case "support":
		return e.Patch.Support
	case "reconstruction":
		return e.Score.Reconstruction
	}
	residual := make([]float32, nodule.PatchVoxels)
	for i := range residual {
		if e.Patch.Support[i] != 0 {
			residual[i] = float32(math.Abs(float64(e.Patch.Voxels[i] - e.Score.Reconstruction[i])))
		}
	}
	return residual
}
