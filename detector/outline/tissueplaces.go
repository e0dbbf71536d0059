package outline

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/phantom"
)

// Where tissue without a nodule is looked for in the cube of a nodule.
const (
	tissueLow, tissueHigh = -150.0, 250.0 // HU of soft tissue
	tissueFar             = 9             // voxels from the middle along an axis, at most: more is cut off there
	tissueApart           = 15.0          // mm from other nodules of the series, at least
	tissueBetween         = 5.0           // mm between two places of a cube, at least
	tissueTries           = 3000

	vesselLung            = 0.65 // share of lung 8 mm around a vessel, at least
	wallLung, wallSoft    = 0.1, 0.4
	wallClose             = 0.9 // share of soft tissue 2 mm around the chest wall, at least
	lungLow, lungHigh     = -1000.0, -700.0
	softLow               = -200.0
	airHigh               = -800.0   // HU of aerated lung, at most
	airLung, airFar       = 0.9, 5.0 // share of lung around a place in it, at least, at this distance in mm
	aroundFar, aroundNear = 8.0, 2.0
)

// example is an outline of which it is known what lies there.
type example struct {
	kind       string
	fold       int     // from 1; 0: of a phantom
	diameterMM float64 // of a nodule
	cropped    bool    // a nodule whose cube lacks what that of a place beside one does
	finding    Finding
}

// Kinds of examples. Those of phantoms have phantomPrefix.
const (
	kindNodule, kindVessel, kindWall, kindLung = "nodule", "vessel", "chest-wall", "parenchyma"
	phantomPrefix                              = "phantom, "
)

// tissueKinds are looked for in this order, as many places each in a cube.
var tissueKinds = []struct {
	name   string
	places int
}{{kindVessel, 3}, {kindWall, 1}, {kindLung, 1}}

// around are the shares of soft tissue and of lung at a distance from a voxel,
// of what has data.
func around(cube *nodule.Cube, at [3]float64, mm float64) (soft, lung float64) {
	const directions = 60
	rng, n := rand.New(rand.NewPCG(1, 2)), 0.0
	for range directions {
		d := direction(rng)
		i, ok := voxelAt([3]float64{at[0] + mm*d[0], at[1] + mm*d[1], at[2] + mm*d[2]})
		if !ok || !cube.Valid[i] {
			continue
		}
		n++
		switch hu := float64(cube.HU[i]); {
		case hu > softLow:
			soft++
		case hu > lungLow && hu < lungHigh:
			lung++
		}
	}
	return soft / max(n, 1), lung / max(n, 1)
}

// voxelAt is the voxel nearest to a place; false outside the cube.
func voxelAt(p [3]float64) (i int, ok bool) {
	for a, stride := range strides {
		k := int(math.Round(p[a]))
		if k < 0 || k >= edge {
			return 0, false
		}
		i += k * stride
	}
	return i, true
}

// tissueIn draws places of a kind in the cube of a nodule, as shifts from its
// middle in mm, away from the nodule's mask and from others, whose shifts are
// given.
func tissueIn(cube *nodule.Cube, mask []bool, others [][3]float64, kind string, n int, rng *rand.Rand) (shifts [][3]float64) {
	apart := func(d [3]float64, from [][3]float64, mm float64) bool {
		return !slices.ContainsFunc(from, func(o [3]float64) bool {
			return math.Hypot(math.Hypot(d[0]-o[0], d[1]-o[1]), d[2]-o[2]) < mm
		})
	}
	for range tissueTries {
		if len(shifts) == n {
			break
		}
		var d, p [3]float64
		for a := range d {
			d[a] = float64(rng.IntN(2*tissueFar+1) - tissueFar)
			p[a] = edge/2 + d[a]
		}
		i, _ := voxelAt(p)
		if cube.Valid[i] && isTissue(cube, p, float64(cube.HU[i]), kind) && clearOf(mask, p) && apart(d, others, tissueApart) && apart(d, shifts, tissueBetween) {
			shifts = append(shifts, d)
		}
	}
	return shifts
}

// isTissue says whether a place of a density in HU is of a kind.
func isTissue(cube *nodule.Cube, p [3]float64, hu float64, kind string) bool {
	if kind == kindLung {
		_, lung := around(cube, p, airFar)
		return hu > lungLow && hu < airHigh && lung >= airLung
	}
	if hu < tissueLow || hu > tissueHigh {
		return false
	}
	soft, lung := around(cube, p, aroundFar)
	if kind == kindVessel {
		return lung >= vesselLung
	}
	near, _ := around(cube, p, aroundNear)
	return near >= wallClose && soft >= wallSoft && lung >= wallLung
}

// cropped is a cube without what one moved by a shift would lack.
func cropped(cube *nodule.Cube, shift [3]float64) *nodule.Cube {
	out := &nodule.Cube{HU: slices.Clone(cube.HU), Valid: slices.Clone(cube.Valid)}
	for i := range out.HU {
		for a, stride := range strides {
			if k := i/stride%edge + int(shift[a]); k < 0 || k >= edge {
				out.HU[i], out.Valid[i] = nodule.InvalidHU, false
			}
		}
	}
	return out
}

// beside are the cubes of a nodule, as from a candidate up to pointShift away,
// and of other tissue in its cube; and the nodule once more without what the cube
// of the last of those lacks, so that a border tells nothing.
func beside(s *nodule.Sample, others [][3]float64, fold int, rng *rand.Rand) (cubes []*nodule.Cube, what []example) {
	cube, mask := s.Cube(), s.Mask()
	var cut *[3]float64
	put := func(c *nodule.Cube, e example) {
		e.fold = fold
		cubes, what = append(cubes, c), append(what, e)
	}
	for _, kind := range tissueKinds {
		for _, d := range tissueIn(cube, mask, others, kind.name, kind.places, rng) {
			cut = &d
			put(Move(cube, d), example{kind: kind.name})
		}
	}
	moved := func() *nodule.Cube {
		to, by := direction(rng), pointShift*rng.Float64()
		for a := range to {
			to[a] = math.Round(by * to[a])
		}
		return Move(cube, to)
	}
	put(moved(), example{kind: kindNodule, diameterMM: s.MaskDiameterMM()})
	if cut != nil {
		put(cropped(moved(), *cut), example{kind: kindNodule, diameterMM: s.MaskDiameterMM(), cropped: true})
	}
	return cubes, what
}

// examples outlines the nodules of a data set that have a mask, and other tissue
// in their cubes.
func (o *Outliner) examples(ctx context.Context, ds *nodule.Dataset, seed uint64, add func(example)) error {
	bySeries := map[string][]int{}
	for i := range ds.Samples {
		bySeries[ds.Samples[i].SeriesUID] = append(bySeries[ds.Samples[i].SeriesUID], i)
	}
	for row := range ds.Samples {
		s := &ds.Samples[row]
		fold, err := nodule.FoldOf(s.Patient)
		if err != nil || s.Mask() == nil {
			continue
		}
		var others [][3]float64
		for _, k := range bySeries[s.SeriesUID] {
			if d := ds.Samples[k].PositionLPS.Sub(s.PositionLPS); k != row {
				others = append(others, [3]float64{d[2], d[1], d[0]})
			}
		}
		cubes, what := beside(s, others, fold, rand.New(rand.NewPCG(seed, uint64(row)))) //nolint:gosec // a row
		found, err := o.Find(ctx, len(cubes), FromCubes(cubes))
		if err != nil {
			return err
		}
		for i := range found {
			what[i].finding = found[i]
			add(what[i])
		}
	}
	return nil
}

// phantomExamples outlines the nodules of a phantom, and n places of other tissue
// of each kind.
func (o *Outliner) phantomExamples(ctx context.Context, seed uint64, n int, add func(example)) error {
	const slices = 90
	p, err := phantom.Generate(phantom.Spec{Seed: seed, Slices: slices, Rows: 360, SpacingMM: [3]float64{2, 1, 1}})
	if err != nil {
		return err
	}
	scan, err := p.HU(ctx, 0, slices)
	if err != nil {
		return err
	}
	outline := func(kind string, points []dicomio.Vec, diameters []float64) error {
		found, err := o.Find(ctx, len(points), pointsIn(p.Geometry(), held{scan}, points))
		for i := range found {
			e := example{kind: phantomPrefix + kind, finding: found[i]}
			if diameters != nil {
				e.diameterMM = diameters[i]
			}
			add(e)
		}
		return err
	}
	for _, kind := range []struct {
		name string
		site phantom.Site
	}{{kindVessel, phantom.OnVessel}, {kindWall, phantom.OnChestWall}, {kindLung, phantom.InParenchyma}} {
		points, err := p.Points(kind.site, n, seed)
		if err == nil {
			err = outline(kind.name, points, nil)
		}
		if err != nil {
			return fmt.Errorf("phantom %d: %w", seed, err)
		}
	}
	var points []dicomio.Vec
	var diameters []float64
	for _, c := range p.Candidates() {
		points, diameters = append(points, c.PositionLPS), append(diameters, c.DiameterMM)
	}
	return outline(kindNodule, points, diameters)
}

// held is a scan whose slices are at hand.
type held struct{ *dicomio.Block }

// HU implements dicomio.Decoder.
func (h held) HU(_ context.Context, first, count int) (*dicomio.Block, error) {
	n := h.Rows * h.Cols
	return &dicomio.Block{First: first, Count: count, Rows: h.Rows, Cols: h.Cols,
		HU: h.Block.HU[first*n : (first+count)*n], Padding: h.Padding[first*n : (first+count)*n]}, nil
}

// pointsIn cuts around points of a scan.
func pointsIn(g dicomio.Geometry, d dicomio.Decoder, points []dicomio.Vec) Cutter {
	return func(ctx context.Context, places []Place) ([]Cut, error) {
		cuts := make([]Cut, len(places))
		for k, p := range places {
			c, err := nodule.NewCutter(g, d, nodule.CutOptions{MaxPaddingPct: 100, SpacingMM: p.SpacingMM})
			if err != nil {
				return nil, err
			}
			at := points[p.Candidate]
			for a, mm := range p.ShiftMM {
				at[2-a] += mm
			}
			cuts[k].Cube, cuts[k].Err = c.Cut(ctx, nodule.Candidate{ID: "p", PositionLPS: at})
		}
		return cuts, nil
	}
}
