package review

import (
	"context"
	"encoding/binary"
	"math"
	"net/http"
	"strconv"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/measure"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// outlineAnswer is how a finding was outlined.
type outlineAnswer struct {
	Found        bool                  `json:"found"`
	Codes        []store.Labelled      `json:"codes"`
	Grid         *patchPlace           `json:"grid"` // of the image "outline"; null where no nodule was found
	Measurements *measure.Measurements `json:"measurements"`
}

// outlineLabels say in words what is wrong with an outline.
var outlineLabels = map[string]string{
	"nodule_not_found":   "No nodule was recognised at this place",
	"coarse_cube_absent": "The outline may be cut off: the nodule leaves its cube",
	"outline_cut":        "The outline is cut off: the nodule leaves the largest cube or the scan",
}

func outlineOf(o *bus.Outline) *outlineAnswer {
	if o == nil {
		return nil
	}
	a := &outlineAnswer{Found: o.Found, Codes: []store.Labelled{}, Measurements: o.Measurements}
	for _, code := range o.Codes {
		label, known := outlineLabels[code]
		if !known {
			label = code
		}
		a.Codes = append(a.Codes, store.Labelled{Code: code, Label: label})
	}
	if o.Found {
		a.Grid = cubeAround(o.SpacingMM, o.CentreLPS)
	}
	return a
}

// cubeAround is where the voxels of an outline lie.
func cubeAround(spacingMM float64, centreLPS [3]float64) *patchPlace {
	const edge, half = nodule.CubeSize, (nodule.CubeSize - 1) / 2.0
	p := &patchPlace{Size: [3]int{edge, edge, edge}, SpacingMM: spacingMM}
	for axis, v := range centreLPS {
		p.Origin[axis] = v - half*spacingMM
	}
	return p
}

// getOutline answers the mask of a finding, 0 and 1 on the grid of its outline.
func (s *Server) getOutline(ctx context.Context, w http.ResponseWriter, f findingOf, v view) error {
	if v.png {
		return answer.Invalid("an outline is answered raw")
	}
	if o := f.Result.Nodules[f.number-1].Outline; o == nil || !o.Found {
		return answer.Fail(http.StatusConflict, answer.CodeNoPatch, "this finding has no outline", nil)
	}
	e, err := s.pictures.get(ctx, f.ID+" "+strconv.Itoa(f.number)+" outline", func(ctx context.Context) (Explanation, error) {
		mask, err := s.cfg.Source.Outline(ctx, f.Record, f.number)
		return Explanation{Outline: mask}, err
	})
	if err != nil {
		return s.pictureError(err, "the network that outlined this finding is not loaded", "this finding has no outline any more: its images have changed")
	}
	out := make([]byte, 0, 4*len(e.Outline))
	for _, in := range e.Outline {
		x := float32(0)
		if in {
			x = 1
		}
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(out) // a client that went away
	return nil
}
