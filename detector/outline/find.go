package outline

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/measure"
)

// Codes of this package. They are part of the message schema.
const (
	// CodeNotFound: no nodule was recognised at the candidate's place: nothing was
	// outlined there, or what was is more like other tissue.
	CodeNotFound coded.Code = "nodule_not_found"
	// CodeCoarseAbsent: the outline reaches the border of its cube and there is no
	// larger one, so that it may be cut.
	CodeCoarseAbsent coded.Code = "coarse_cube_absent"
	// CodeCut: the outline reaches the border of the largest cube, or the nodule
	// that of the scan.
	CodeCut coded.Code = "outline_cut"
)

// Spacings are the distances of the voxels of the cubes in which a nodule is
// looked for, in mm: 32 mm wide, and 64 and 128 mm where it does not fit.
var Spacings = [3]float64{1, 2, 4}

// ErrNoCoarse is what a [Cutter] answers that has no cubes of more than 32 mm.
var ErrNoCoarse = errors.New("outline: there is no cube of more than 32 mm")

// Place is a cube that is needed.
type Place struct {
	Candidate int        // which, from 0
	ShiftMM   [3]float64 // of the cube's middle from the candidate, z, y, x along the patient axes
	SpacingMM float64    // of its voxels: one of Spacings
}

// Cut is the cube of a place, or why there is none.
type Cut struct {
	Cube *nodule.Cube
	Err  error
}

// Cutter cuts all places of a list in one pass. Its error is for the list as a
// whole.
type Cutter func(ctx context.Context, places []Place) ([]Cut, error)

// Finding is the nodule at one candidate.
type Finding struct {
	Place
	Cube    *nodule.Cube // in which it was outlined; nil where Err is set
	Outline *Outline     // on the grid of Cube; without a voxel where no nodule was found
	Codes   []coded.Code // CodeNotFound, CodeCoarseAbsent, CodeCut
	Err     error        // of the first cut
}

// Found says whether there is a nodule.
func (f *Finding) Found() bool { return f.Outline != nil && f.Outline.Voxels > 0 }

// Measure measures the nodule. It fails with measure.CodeMaskEmpty where none
// was found.
func (f *Finding) Measure() (measure.Measurements, error) {
	if !f.Found() {
		return measure.Measurements{}, coded.New(measure.CodeMaskEmpty, "measure nodule", "no nodule was found at this place", f.Err)
	}
	h := f.SpacingMM
	return measure.Measure(measure.Cube{HU: f.Cube.HU, Valid: f.Cube.Valid, Shape: [3]int{edge, edge, edge}, SpacingMM: [3]float64{h, h, h}}, f.Outline.own())
}

// Find outlines the nodules of n candidates. Each is outlined in a cube around
// its candidate; again around the middle of that outline, so that the place of
// the candidate counts little; and in larger cubes where the outline reaches the
// border or is large, or where all is soft tissue, as the inside of a mass is. Where what was outlined is more like other
// tissue than like a nodule, none is found.
func (o *Outliner) Find(ctx context.Context, n int, cut Cutter) ([]Finding, error) {
	return find(ctx, n, cut, o.Outline, o.tissue)
}

// by outlines the nodule in the middle of a cube.
type by func(*nodule.Cube) (*Outline, error)

func find(ctx context.Context, n int, cut Cutter, o by, tissue *Tissue) ([]Finding, error) {
	all := make([]Finding, n)
	places := make([]Place, n)
	for i := range all {
		places[i] = Place{Candidate: i, SpacingMM: Spacings[0]}
	}
	if err := o.round(ctx, all, places, cut); err != nil {
		return nil, err
	}
	for _, spacing := range Spacings {
		if spacing > Spacings[0] {
			if err := o.round(ctx, all, coarser(all, spacing), cut); err != nil {
				return nil, err
			}
		}
		if err := o.round(ctx, all, centred(all, spacing), cut); err != nil {
			return nil, err
		}
	}
	for i := range all {
		if tissue != nil {
			tissue.refuse(&all[i])
		}
		all[i].name()
	}
	return all, nil
}

// round outlines at the places of a list and keeps what is better than before.
func (o by) round(ctx context.Context, all []Finding, places []Place, cut Cutter) error {
	if len(places) == 0 {
		return nil
	}
	cuts, err := cut(ctx, places)
	if err != nil {
		return err
	}
	if len(cuts) != len(places) {
		return fmt.Errorf("outline: %d cubes for %d places", len(cuts), len(places))
	}
	for k, p := range places {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := &all[p.Candidate]
		if cuts[k].Err != nil {
			switch {
			case f.Cube == nil:
				f.Place, f.Err = p, cuts[k].Err
			case p.SpacingMM > f.SpacingMM:
				f.Codes = append(f.Codes, CodeCoarseAbsent)
			}
			continue
		}
		out, err := o(cuts[k].Cube)
		if err != nil {
			return err
		}
		if f.Cube == nil || f.better(out, p.SpacingMM) {
			f.Place, f.Cube, f.Outline = p, cuts[k].Cube, out
		}
	}
	return nil
}

// better says whether an outline takes the place of the one before: in a cube of
// the same size where something is found at all, in a larger one where the one
// before may be cut, or was but a part.
func (f *Finding) better(out *Outline, spacing float64) bool {
	if out.Voxels == 0 || !f.Found() || spacing == f.SpacingMM || f.Outline.Border {
		return out.Voxels > 0
	}
	grown := spacing / f.SpacingMM
	return float64(out.Voxels)*grown*grown*grown > partOf*float64(f.Outline.Voxels)
}

// centred are the places of cubes around the outlines of a spacing that lie off
// the middle, in whole voxels.
func centred(all []Finding, spacing float64) (places []Place) {
	for i := range all {
		f := &all[i]
		if !f.Found() || f.SpacingMM != spacing {
			continue
		}
		p, off := f.Place, f.Outline.centre()
		for a := range off {
			p.ShiftMM[a] += spacing * math.Round(off[a])
		}
		if p.ShiftMM != f.ShiftMM {
			places = append(places, p)
		}
	}
	return places
}

// coarser are the places of cubes of a spacing for what does not fit into the one
// before.
func coarser(all []Finding, spacing float64) (places []Place) {
	for i := range all {
		f := &all[i]
		if f.Cube == nil || f.SpacingMM >= spacing || len(f.Codes) > 0 {
			continue
		}
		if f.Found() && (f.Outline.Border || f.Outline.Voxels > large || f.SpacingMM > 1) || filled(f.Cube) {
			places = append(places, Place{Candidate: i, ShiftMM: f.ShiftMM, SpacingMM: spacing})
		}
	}
	return places
}

const (
	large       = 3000 // voxels of 1 mm, a sphere of 18: of what may be a part of something that does not fit, as what was found in larger voxels always may
	partOf      = 1.5  // how much more a larger cube has to show
	filledEdge  = 12   // of the middle that is looked at, voxels
	filledShare = 0.9  // of it that is soft tissue inside a mass
)

// filled says whether the middle of a cube is all soft tissue.
func filled(cube *nodule.Cube) bool {
	soft := 0
	const low = (edge - filledEdge) / 2
	for z := range filledEdge {
		for y := range filledEdge {
			for x := range filledEdge {
				if i := ((low+z)*edge+low+y)*edge + low + x; cube.Valid[i] && cube.HU[i] > thresholdHU {
					soft++
				}
			}
		}
	}
	return float64(soft) >= filledShare*filledEdge*filledEdge*filledEdge
}

// name adds the codes that follow from the outline.
func (f *Finding) name() {
	switch {
	case f.Err != nil:
	case !f.Found():
		f.Codes = []coded.Code{CodeNotFound}
	case f.Outline.Border && len(f.Codes) == 0:
		f.Codes = []coded.Code{CodeCut}
	case !f.Outline.Border:
		f.Codes = nil
	}
}

// FromCubes cuts places from cubes of 32 mm alone, such as those of a data set.
// What lies beyond them is not valid.
func FromCubes(cubes []*nodule.Cube) Cutter {
	return func(_ context.Context, places []Place) ([]Cut, error) {
		cuts := make([]Cut, len(places))
		for k, p := range places {
			switch {
			case p.SpacingMM != 1:
				cuts[k].Err = ErrNoCoarse
			case p.ShiftMM == [3]float64{}:
				cuts[k].Cube = cubes[p.Candidate]
			default:
				cuts[k].Cube = Move(cubes[p.Candidate], p.ShiftMM)
			}
		}
		return cuts, nil
	}
}
