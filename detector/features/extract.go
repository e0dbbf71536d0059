package features

import (
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/measure"
)

const (
	edge   = nodule.CubeSize
	voxels = nodule.CubeVoxels

	softHU    = -400 // soft tissue outside, as in outline.Threshold
	calciumHU = 200  // calcified
	fewVoxels = 8    // below: no core

	lowHU, highHU = -1024, 300 // the window of the training set
)

// CodeNotFinite says that a feature is no number.
const CodeNotFinite coded.Code = "feature_not_finite"

// Extract describes the nodule that an outline marks in a cube of voxels of
// spacingMM (1 for nodule.Cutter's 32 mm). An empty outline is refused with
// measure.CodeMaskEmpty, arrays that do not fit with measure.CodeMeasureInvalid.
func Extract(cube *nodule.Cube, o *outline.Outline, spacingMM float64) (Vector, error) {
	var v Vector
	cube = clip(cube)
	prob := make([]float32, len(o.Mask))
	for i, in := range o.Mask {
		switch {
		case in && o.Probability == nil:
			prob[i] = 1
		case in:
			prob[i] = o.Probability[i]
		case o.Probability != nil && o.Probability[i] < 0.5:
			prob[i] = o.Probability[i]
		}
	}
	m, err := measure.Measure(measure.Cube{HU: cube.HU, Valid: cube.Valid, Shape: [3]int{edge, edge, edge},
		SpacingMM: [3]float64{spacingMM, spacingMM, spacingMM}}, prob)
	if err != nil {
		return v, err
	}
	v[logVolume], v[sphericity] = math.Log(m.VolumeMM3), m.Sphericity
	v[logLongAxis], v[logShortAxis], v[logLongAxis3D] = math.Log(m.LongAxisMM), math.Log(max(m.ShortAxisMM, spacingMM/2)), math.Log(m.LongAxis3DMM)
	v[filling] = m.VolumeMM3 / (math.Pi / 6 * math.Pow(m.LongAxis3DMM, 3))
	v[logSolid], v[solidShare] = math.Log1p(m.SolidVolumeMM3), min(m.SolidVolumeMM3/m.VolumeMM3, 1)
	v[wallContact], v[vesselContact] = m.WallContact, m.VesselContact

	n := newShape(cube, o.Mask, spacingMM)
	n.form(&v)
	n.density(&v)
	n.margin(&v)
	n.around(&v)
	for k, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return v, coded.New(CodeNotFinite, "describe nodule", "the feature "+all[k].Name+" is no number; report this as a fault", nil)
		}
	}
	return v, nil
}

// clip limits HU to what a training has seen: lung set to soft tissue and
// calcium, without metal.
func clip(cube *nodule.Cube) *nodule.Cube {
	out := *cube
	out.HU = make([]float32, len(cube.HU))
	for i, v := range cube.HU {
		out.HU[i] = max(lowHU, min(v, highHU))
	}
	return &out
}

// shape is a nodule with the distance of every voxel from it.
type shape struct {
	*nodule.Cube
	mask    []bool
	in      []int     // voxels of the mask
	outside []float64 // mm from a voxel outside to the nearest of the mask, 0 inside
	depth   []float64 // mm from a voxel of the mask to the nearest outside it, 0 outside
	mm      float64
}

func newShape(cube *nodule.Cube, mask []bool, spacingMM float64) *shape {
	n := &shape{Cube: cube, mask: mask, mm: spacingMM}
	not := make([]bool, voxels)
	for i, in := range mask {
		if not[i] = !in; in {
			n.in = append(n.in, i)
		}
	}
	n.outside, n.depth = outline.Distances(mask, spacingMM), outline.Distances(not, spacingMM)
	return n
}

func at(i int) [3]int { return [3]int{i / (edge * edge), i / edge % edge, i % edge} }

// form sets what only the mask decides.
func (n *shape) form(v *Vector) {
	var centre [3]float64
	deepest := 0.0
	for _, i := range n.in {
		for a, x := range at(i) {
			centre[a] += float64(x) / float64(len(n.in))
		}
		deepest = max(deepest, n.depth[i])
	}
	v[logCore] = math.Log(deepest)
	v[elongation], v[flatness] = n.principal(centre)
	// Directional radii of the border's voxels.
	var r []float64
	for _, i := range n.in {
		if n.depth[i] > 1.001*n.mm {
			continue
		}
		d := 0.0
		for a, x := range at(i) {
			d += sq(float64(x) - centre[a])
		}
		r = append(r, math.Sqrt(d)+0.5)
	}
	mean, sd := meanSD(r)
	v[roughness] = sd / mean
}

// density sets what follows from the mask's voxels with data.
func (n *shape) density(v *Vector) {
	var hu, core []float64
	calcium, highest := 0, math.Inf(-1)
	for _, i := range n.in {
		if !n.Valid[i] {
			continue
		}
		h := float64(n.HU[i])
		hu = append(hu, h)
		if n.depth[i] > 1.001*n.mm {
			core = append(core, h)
		}
		s := n.smooth(i)
		highest = max(highest, s)
		if s > calciumHU {
			calcium++
		}
	}
	if len(hu) == 0 { // none has data: as if it were air
		hu, highest = []float64{nodule.InvalidHU}, nodule.InvalidHU
	}
	slices.Sort(hu)
	if len(core) < fewVoxels { // the densest half has least partial volume
		core = hu[len(hu)/2:]
	}
	v[meanHU], v[sdHU] = meanSD(hu)
	v[coreHU], v[coreSD] = meanSD(core)
	v[p10HU], v[p50HU], v[p90HU] = share(hu, 0.1), share(hu, 0.5), share(hu, 0.9)
	v[maxHU] = highest
	v[calciumShare] = float64(calcium) / float64(len(hu))
}

// margin sets what follows from the border and 1-2 mm beyond.
func (n *shape) margin(v *Vector) {
	var gradient, rim []float64
	for i, d := range n.outside {
		if !n.Valid[i] {
			continue
		}
		if d > 0 && d <= max(2, n.mm)+0.01 {
			rim = append(rim, float64(n.HU[i]))
		}
		if d > 0 && d <= 1.01*n.mm || d == 0 && n.depth[i] <= 1.01*n.mm {
			gradient = append(gradient, n.gradient(i))
		}
	}
	v[edgeGradient], v[edgeGradientSD] = meanSD(gradient)
	if len(rim) == 0 {
		rim = []float64{v[meanHU]}
	}
	v[rimHU], v[rimSD] = meanSD(rim)
	slices.Sort(rim)
	contrast := max(v[coreHU]-share(rim, 0.25), 0)
	v[edgeWidth] = min(contrast/max(v[edgeGradient], 1), 10)
}

// around sets what lies 3-5 mm outside.
func (n *shape) around(v *Vector) {
	var hu []float64
	soft := 0
	var shell []int
	for i, d := range n.outside {
		if !n.Valid[i] {
			continue
		}
		if d > 2.5 && d <= 3.5 {
			shell = append(shell, i)
		}
		if d <= 2.5 || d > 5.01 {
			continue
		}
		hu = append(hu, float64(n.HU[i]))
		if n.HU[i] > softHU {
			soft++
		}
	}
	if len(hu) == 0 {
		hu = []float64{v[rimHU]}
	}
	v[lungHU], v[lungSD] = meanSD(hu)
	slices.Sort(hu)
	v[lungP25] = share(hu, 0.25)
	v[softShare] = float64(soft) / float64(len(hu))
	v[spikes] = math.Log1p(float64(n.parts(shell)))
}
