package dataset

import (
	"context"
	"slices"

	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/measure"
)

// Sources of a mask, as the table and the card name them.
const (
	maskReader    = "a reader"              // who corrected it, with the newest decision
	maskResult    = "outline of the result" // made again by the same network
	maskNetwork   = "another network"       // than that of the result, or there was none
	maskThreshold = "threshold"
)

// passSize bounds the nodules that are cut together: memory is about 500 KiB each.
const passSize = 128

// made is a row with its pixels.
type made struct {
	*row
	cube   *nodule.Cube
	mask   []bool
	source string
	size   measure.Measurements
}

// cutter cuts the rows of one series.
type cutter struct {
	plan   *Plan
	scan   *scan
	cubes  map[float64]*nodule.Cutter // by spacing
	refuse func(*row, coded.Code)
}

// cut gives the rows of a series that can be used. A storage that does not answer
// is an error.
func (c *cutter) cut(ctx context.Context, rows []*row) (out []made, err error) {
	for batch := range slices.Chunk(rows, passSize) {
		// The candidates' own cubes and, where the result tells where, those of
		// their outlines, in one pass through the slices.
		places := make([]nodule.Candidate, 0, 2*len(batch))
		again := make([]int, len(batch)) // place of the outline's cube of 1 mm; 0: none
		for _, r := range batch {
			places = append(places, nodule.Candidate{ID: "n", PositionLPS: dicomio.Vec(r.nodule.PositionLPS)})
		}
		for i, r := range batch {
			if o := r.nodule.Outline; c.known(r) && o.SpacingMM == 1 {
				again[i] = len(places)
				places = append(places, nodule.Candidate{ID: "n", PositionLPS: dicomio.Vec(o.CentreLPS)})
			}
		}
		cuts, err := c.pass(ctx, places, 1)
		if err != nil {
			return nil, err
		}
		for i, r := range batch {
			m, err := c.row(ctx, r, cuts[i], cuts[again[i]])
			if broken(ctx, err) {
				return nil, err
			}
			if err != nil {
				c.refuse(r, codeOf(err))
				continue
			}
			out = append(out, *m)
		}
	}
	return out, nil
}

// known tells whether the result says where the network that is at hand has
// outlined the nodule.
func (c *cutter) known(r *row) bool {
	o := r.nodule.Outline
	return o != nil && o.Found && slices.Contains(outline.Spacings[:], o.SpacingMM) && c.plan.opt.Outliner != nil && c.plan.opt.Outliner.Outlines(o.Digest)
}

// pass cuts places in one pass.
func (c *cutter) pass(ctx context.Context, places []nodule.Candidate, spacing float64) ([]nodule.CutResult, error) {
	if c.cubes[spacing] == nil {
		cutter, err := nodule.NewCutter(c.scan.series.Geometry, c.scan.series, nodule.CutOptions{MaxPaddingPct: 100, SpacingMM: spacing})
		if err != nil {
			return nil, err
		}
		c.cubes[spacing] = cutter
	}
	cuts, err := c.cubes[spacing].CutAll(ctx, places)
	if err != nil {
		return nil, err
	}
	for _, cut := range cuts {
		if broken(ctx, cut.Err) {
			return nil, cut.Err
		}
	}
	return cuts, nil
}

// row makes one of a candidate's cube; again is the cube of its outline where the
// result tells that of 1 mm.
func (c *cutter) row(ctx context.Context, r *row, own, again nodule.CutResult) (*made, error) {
	if own.Err != nil {
		return nil, own.Err
	}
	if own.PaddingPct > nodule.DefaultMaxPaddingPct {
		return nil, coded.New(nodule.CodeCubePadding, "cut cube", "too much of it has no data", nil)
	}
	if err := nodule.Central(own.Cube).CheckSupport(); err != nil {
		return nil, err
	}
	found, source, err := c.outline(ctx, r, own.Cube, again)
	if err != nil {
		return nil, err
	}
	if !found.Found() && r.isNodule() {
		found = outline.Finding{Place: outline.Place{SpacingMM: 1}, Cube: own.Cube, Outline: outline.Region(own.Cube)}
		source = maskThreshold
	}
	m := &made{row: r, cube: own.Cube, mask: found.OnCube(), source: source}
	if !slices.Contains(m.mask, true) { // nothing, or nothing of it in this cube
		if r.isNodule() {
			return nil, coded.New(CodeUndescribed, "outline nodule", "no outline", nil)
		}
		return nil, coded.New(outline.CodeNotFound, "outline nodule", "no nodule", nil)
	}
	at := dicomio.Vec(r.nodule.PositionLPS)
	for axis := range at {
		at[axis] += found.ShiftMM[2-axis]
	}
	if err := c.cubes[1].CheckOutline(at, found.SpacingMM, found.Outline.Mask); err != nil {
		return nil, err
	}
	if m.size, err = found.Measure(); err != nil {
		return nil, coded.New(CodeUndescribed, "measure nodule", "its outline cannot be measured", err)
	}
	return m, nil
}

// outline outlines a nodule: as a reader has, else where the result says, else by looking for it. What a
// reader calls a nodule is refused by no rule about other tissue.
func (c *cutter) outline(ctx context.Context, r *row, own *nodule.Cube, again nodule.CutResult) (found outline.Finding, source string, err error) {
	if drawn := r.drawn(); drawn != nil {
		found, err := c.byReader(ctx, r, drawn)
		return found, maskReader, err
	}
	network := c.plan.opt.Outliner
	if network == nil {
		return outline.Finding{Place: outline.Place{SpacingMM: 1}, Cube: own, Outline: outline.Region(own)}, maskThreshold, nil
	}
	if o := r.nodule.Outline; c.known(r) {
		if o.SpacingMM != 1 {
			cuts, err := c.pass(ctx, []nodule.Candidate{{ID: "n", PositionLPS: dicomio.Vec(o.CentreLPS)}}, o.SpacingMM)
			if err != nil {
				return found, "", err
			}
			again = cuts[0]
		}
		if again.Err != nil {
			return found, "", again.Err
		}
		found.SpacingMM, found.Cube = o.SpacingMM, again.Cube
		for axis := range o.CentreLPS {
			found.ShiftMM[2-axis] = o.CentreLPS[axis] - r.nodule.PositionLPS[axis]
		}
		found.Outline, err = network.Outline(again.Cube)
		return found, maskResult, err
	}
	if r.isNodule() {
		network = network.WithoutTissue()
	}
	all, err := network.Find(ctx, 1, c.places(r))
	if err == nil {
		err = all[0].Err
	}
	if err != nil {
		return found, "", err
	}
	return all[0], maskNetwork, nil
}

// places cuts what outlines of one nodule need.
func (c *cutter) places(r *row) outline.Cutter {
	return func(ctx context.Context, places []outline.Place) ([]outline.Cut, error) {
		out := make([]outline.Cut, len(places))
		for i, p := range places {
			at := dicomio.Vec(r.nodule.PositionLPS)
			for axis := range at {
				at[axis] += p.ShiftMM[2-axis]
			}
			cuts, err := c.pass(ctx, []nodule.Candidate{{ID: "n", PositionLPS: at}}, p.SpacingMM)
			if err != nil {
				return nil, err
			}
			out[i] = outline.Cut{Cube: cuts[0].Cube, Err: cuts[0].Err}
		}
		return out, nil
	}
}
