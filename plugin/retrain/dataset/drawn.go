package dataset

import (
	"context"
	"encoding/json"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
)

// drawn is the outline that the reader of the newest decision drew of a nodule, nil
// where the network's stands.
func (r *row) drawn() *bus.Correction {
	if r.decided() {
		return r.opinions[0].drawn
	}
	return nil
}

// byReader is a nodule as a reader outlined it, in the cube in which that was
// drawn. It is measured as a mask: nobody knows shares of voxels.
func (c *cutter) byReader(ctx context.Context, r *row, drawn *bus.Correction) (found outline.Finding, err error) {
	mask, err := drawn.Mask()
	if err != nil {
		return found, coded.New(CodeUndescribed, "outline nodule", "the reader's outline cannot be read", err)
	}
	cuts, err := c.pass(ctx, []nodule.Candidate{{ID: "n", PositionLPS: dicomio.Vec(drawn.CentreLPS)}}, drawn.SpacingMM)
	if err == nil {
		err = cuts[0].Err
	}
	if err != nil {
		return found, err
	}
	found.SpacingMM, found.Cube = drawn.SpacingMM, cuts[0].Cube
	for axis := range drawn.CentreLPS {
		found.ShiftMM[2-axis] = drawn.CentreLPS[axis] - r.nodule.PositionLPS[axis]
	}
	found.Outline = &outline.Outline{Mask: mask}
	for _, in := range mask {
		if in {
			found.Outline.Voxels++
		}
	}
	return found, nil
}

// drawnOf reads the outline of a line of the table, nil where it has none.
func drawnOf(cell string) (*bus.Correction, error) {
	if cell == "" {
		return nil, nil //nolint:nilnil // none is no error
	}
	var c bus.Correction
	err := json.Unmarshal([]byte(cell), &c)
	return &c, err
}
