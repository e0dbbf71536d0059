package derived

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/use"
)

// ClassParametricMap is the SOP class of heat maps.
const ClassParametricMap = "1.2.840.10008.5.1.4.1.1.30"

// Limits of a heat map.
const (
	maxPatchEdge   = 256
	maxHeatPatches = 512
)

// HeatMap says per voxel how far something deviates: Parametric Map with
// 32-bit floating point (PS3.3 A.75), in the patient's frame of reference. A
// frame is an axial slice of a patch; rows run to the patient's left, columns
// to the back, frames to the head. Viewers that build a volume of all frames
// want one patch a map.
type HeatMap struct {
	Object
	Quantity string               // what a voxel tells, at most 64 characters; default "Absolute residual"
	Patches  []HeatPatch          // 1 to 512
	Sources  []dicomio.ImagePoint // slices that it was made of; may be empty
}

// HeatPatch is a cube of voxels of 1 mm along the patient's axes.
type HeatPatch struct {
	ID        string      // of the nodule; stands as the label of its stack
	CentreLPS dicomio.Vec // mm; centre of the cube, voxel index (Edge-1)/2
	Edge      int         // voxels, 2 to 256; the same for all patches
	Values    []float32   // [Edge, Edge, Edge], z, y, x; finite
}

// SOPInstanceUID is that of the map.
func (m HeatMap) SOPInstanceUID() string { return m.sopInstanceUID("heat map") }

// SeriesInstanceUID is that of the series which holds all maps of a result.
func (m HeatMap) SeriesInstanceUID() string { return m.seriesUID("heat map") }

// Encode writes the map as a DICOM file, explicit VR little endian. Errors are
// those of [sr.Report.Encode].
func (m HeatMap) Encode(w io.Writer) error {
	const op = "write heat map"
	if err := m.checkMap(op); err != nil {
		return err
	}
	if codec.Clean("LO", m.Quantity) == "" {
		m.Quantity = "Absolute residual"
	}
	edge := m.Patches[0].Edge
	voxels := make([]float32, 0, len(m.Patches)*edge*edge*edge)
	low, high := m.Patches[0].Values[0], m.Patches[0].Values[0]
	for _, p := range m.Patches {
		voxels = append(voxels, p.Values...)
		for _, v := range p.Values {
			low, high = min(low, v), max(high, v)
		}
	}
	var d codec.Dataset
	m.modules(&d, "heat map", ClassParametricMap, "OT", 9002, "Nodule heat maps, "+use.Label)
	m.image(&d, edge)
	m.dimensions(&d)
	d.AddSequence(0x52009229, m.shared(float64(low), float64(high)))
	var frames []codec.Dataset
	for i, p := range m.Patches {
		for z := range edge {
			frames = append(frames, p.frame(i, z))
		}
	}
	d.AddSequence(0x52009230, frames...)
	m.references(&d)
	d.AddFloat32(0x7FE00008, "OF", voxels)
	return sr.Write(w, d, op, ClassParametricMap, m.SOPInstanceUID())
}

func (m HeatMap) checkMap(op string) error {
	if err := m.check(op); err != nil {
		return err
	}
	bad := func(format string, args ...any) error {
		return invalid(op, fmt.Sprintf(format, args...))
	}
	switch {
	case len(m.Patches) == 0 || len(m.Patches) > maxHeatPatches:
		return bad("%d patches, a heat map has 1 to %d", len(m.Patches), maxHeatPatches)
	case len(m.Sources) > 0 && !codec.ValidUID(m.Header.SeriesUID):
		return bad("the header has no usable SeriesInstanceUID; read it from an image of the series")
	case !codec.ValidUID(m.Header.FrameOfReferenceUID):
		return bad("the header has no usable FrameOfReferenceUID; without it the map has no place")
	}
	edge := m.Patches[0].Edge
	for i, p := range m.Patches {
		if p.Edge < 2 || p.Edge > maxPatchEdge || p.Edge != edge || len(p.Values) != edge*edge*edge || slices.ContainsFunc(p.CentreLPS[:], notFinite) {
			return bad("patch %d has no finite centre, or not as many voxels as its edge or the first patch says", i+1)
		}
		for _, v := range p.Values {
			if notFinite(float64(v)) {
				return bad("patch %d has a value that is not a number", i+1)
			}
		}
	}
	for i, s := range m.Sources {
		if !codec.ValidUID(s.SOPClassUID) || !codec.ValidUID(s.SOPInstanceUID) {
			return bad("source %d has no usable UID", i+1)
		}
	}
	return nil
}

func notFinite(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }
