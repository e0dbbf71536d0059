package review

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/measure"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/internal/signin"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// drawnLabels say in words what is wrong with an outline that a reader drew.
var drawnLabels = map[string]string{
	"outline_cut":   "The outline reaches the border of the cube in which it is drawn",
	"outline_parts": "The outline has several parts: only the largest is measured",
}

// measured is what was measured of an outline that a reader drew.
type measured struct {
	Measurements *measure.Measurements `json:"measurements"`
	Codes        []store.Labelled      `json:"codes"`
}

// placeOf is where an outline of a nodule is drawn.
func placeOf(n *bus.ResultNodule) *outlinePlace {
	spacing, centre := n.OutlinePlace()
	return &outlinePlace{*cubeAround(spacing, centre), centre}
}

// outlinePlace is a cube, with its middle: what an outline that is drawn there is
// sent with, digit by digit.
type outlinePlace struct {
	patchPlace
	CentreLPS [3]float64 `json:"centre_lps_mm"`
}

// postOutline measures an outline that a reader draws. Nothing is kept.
func (s *Server) postOutline(w http.ResponseWriter, r *http.Request, _ *signin.Session, f findingOf) error {
	var in bus.Correction
	if err := answer.Read(r, &in); err != nil {
		return err
	}
	m, err := s.measure(r.Context(), f, &in)
	if err != nil {
		return err
	}
	return answer.JSON(w, "application/json", m)
}

// measure measures an outline that a reader drew of a finding, and notes it there.
func (s *Server) measure(ctx context.Context, f findingOf, c *bus.Correction) (*measured, error) {
	c.Measurements = nil
	if hint := bus.CheckDrawn(c, nil); hint != "" {
		return nil, answer.Invalid(hint)
	}
	n := &f.Result.Nodules[f.number-1]
	if spacing, centre := n.OutlinePlace(); c.SpacingMM != spacing || c.CentreLPS != centre {
		return nil, answer.Invalid("the outline was drawn in another cube than outline_place of this finding")
	}
	mask, err := c.Mask()
	if err != nil {
		return nil, answer.Invalid(err.Error())
	}
	e, err := s.pictures.get(ctx, f.ID+" "+strconv.Itoa(f.number)+" cube", func(ctx context.Context) (Explanation, error) {
		cube, err := s.cfg.Source.Cube(ctx, f.Record, f.number)
		return Explanation{Cube: cube}, err
	})
	if err != nil {
		return nil, s.pictureError(err, "", "this finding lies outside the images, so its outline cannot be measured")
	}
	m, err := measure.Measure(measure.Cube{
		HU: e.Cube.HU, Valid: e.Cube.Valid, Shape: [3]int{nodule.CubeSize, nodule.CubeSize, nodule.CubeSize}, SpacingMM: [3]float64{c.SpacingMM, c.SpacingMM, c.SpacingMM},
	}, shares(mask))
	if err != nil {
		var known *coded.Error
		if errors.As(err, &known) {
			return nil, answer.Invalid(known.Hint)
		}
		return nil, err
	}
	out := &measured{Codes: []store.Labelled{}}
	note := func(code string) { out.Codes = append(out.Codes, store.Labelled{Code: code, Label: drawnLabels[code]}) }
	if m.TouchesCubeBorder {
		note("outline_cut")
	}
	if voxel := c.SpacingMM * c.SpacingMM * c.SpacingMM; m.VolumeMM3 < (float64(count(mask))-0.5)*voxel {
		note("outline_parts")
	}
	m = m.Rounded()
	c.Measurements, out.Measurements = &m, &m
	return out, nil
}

// shares are the voxels of a mask as the shares that a nodule has of them.
func shares(mask []bool) []float32 {
	out := make([]float32, len(mask))
	for i, in := range mask {
		if in {
			out[i] = 1
		}
	}
	return out
}

func count(mask []bool) (n int) {
	for _, in := range mask {
		if in {
			n++
		}
	}
	return n
}
