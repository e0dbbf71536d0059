package sr

import (
	"fmt"
	"io"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/use"
)

// ClassParametricMap is the SOP class of heat maps.
const ClassParametricMap = "1.2.840.10008.5.1.4.1.1.30"

// Limits of a heat map.
const (
	MaxPatchEdge   = 256
	MaxHeatPatches = 512
)

// HeatMap says per voxel how far something deviates: Parametric Map with
// 32-bit floating point (PS3.3 A.75), in the patient's frame of reference. A
// frame is an axial slice of a patch; rows run to the patient's left, columns
// to the back, frames to the head. Viewers that build a volume of all frames
// want one patch a map.
type HeatMap struct {
	Object
	Quantity string // what a voxel tells, at most 64 characters; default "Absolute residual"
	Patches  []HeatPatch
	Sources  []dicomio.ImagePoint // slices that it was made of; may be empty
}

// HeatPatch is a cube of voxels of 1 mm along the patient's axes.
type HeatPatch struct {
	ID        string      // of the nodule; stands as the label of its stack
	CentreLPS dicomio.Vec // mm; centre of the cube, voxel index (Edge-1)/2
	Edge      int         // voxels; the same for all patches
	Values    []float32   // [Edge, Edge, Edge], z, y, x; finite
}

// SOPInstanceUID is that of the map.
func (m HeatMap) SOPInstanceUID() string { return m.sopInstanceUID("heat map") }

// SeriesInstanceUID is that of the series which holds all maps of a result.
func (m HeatMap) SeriesInstanceUID() string { return m.seriesUID("heat map") }

// Encode writes the map as a DICOM file, explicit VR little endian. Errors are
// those of [Report.Encode].
func (m HeatMap) Encode(w io.Writer) error {
	const op = "write heat map"
	if err := m.checkMap(op); err != nil {
		return err
	}
	if clean("LO", m.Quantity) == "" {
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
	var d dataset
	m.modules(&d, "heat map", ClassParametricMap, "OT", 9002, "Nodule heat maps, "+use.Label)
	m.image(&d, edge)
	m.dimensions(&d)
	d.sequence(0x52009229, m.shared(float64(low), float64(high)))
	var frames []dataset
	for i, p := range m.Patches {
		for z := range edge {
			frames = append(frames, p.frame(i, z))
		}
	}
	d.sequence(0x52009230, frames...)
	m.references(&d)
	d.floats(0x7FE00008, "OF", voxels)
	return d.write(w, op, ClassParametricMap, m.SOPInstanceUID())
}

func (m HeatMap) checkMap(op string) error {
	if err := m.check(op); err != nil {
		return err
	}
	bad := func(format string, args ...any) error {
		return refuse(CodeReportInvalid, op, fmt.Sprintf(format, args...), nil)
	}
	switch {
	case len(m.Patches) == 0 || len(m.Patches) > MaxHeatPatches:
		return bad("%d patches, a heat map has 1 to %d", len(m.Patches), MaxHeatPatches)
	case len(m.Sources) > 0 && !validUID(m.Header.SeriesUID):
		return bad("the header has no usable SeriesInstanceUID; read it from an image of the series")
	case !validUID(m.Header.FrameOfReferenceUID):
		return bad("the header has no usable FrameOfReferenceUID; without it the map has no place")
	}
	edge := m.Patches[0].Edge
	for i, p := range m.Patches {
		if p.Edge < 2 || p.Edge > MaxPatchEdge || p.Edge != edge || len(p.Values) != edge*edge*edge || !finite(p.CentreLPS[:]...) {
			return bad("patch %d has no finite centre, or not as many voxels as its edge or the first patch says", i+1)
		}
		for _, v := range p.Values {
			if !finite(float64(v)) {
				return bad("patch %d has a value that is not a number", i+1)
			}
		}
	}
	for i, s := range m.Sources {
		if !validUID(s.SOPClassUID) || !validUID(s.SOPInstanceUID) {
			return bad("source %d has no usable UID", i+1)
		}
	}
	return nil
}

// image writes the modules Floating Point Image Pixel and Parametric Map Image
// (PS3.3 C.7.6.24, C.8.32.2).
func (m HeatMap) image(d *dataset, edge int) {
	d.text(0x00080008, "CS", "DERIVED", "PRIMARY", "AXIAL", "RESIDUAL")
	d.text(0x00189004, "CS", "RESEARCH") // content qualification
	d.text(0x00200052, "UI", m.Header.FrameOfReferenceUID)
	d.text(0x00201040, "LO")
	d.short(0x00280002, 1)
	d.text(0x00280004, "CS", "MONOCHROME2")
	d.text(0x00280008, "IS", fmt.Sprint(edge*len(m.Patches)))
	d.short(0x00280010, edge)
	d.short(0x00280011, edge)
	d.short(0x00280100, 32)
	d.text(0x00280301, "CS", "NO")
	d.text(0x00280302, "CS", "NO")
	d.text(0x00282110, "CS", "00")
	d.text(0x20500020, "CS", "IDENTITY")
	d.sequence(0x00400555)
	d.text(0x00700080, "CS", "RESIDUAL")
	d.text(0x00700081, "LO", m.Quantity)
	d.text(0x00700084, "PN") // no person made it
}

// dimensions says how frames are counted: by patch, then from foot to head
// (PS3.3 C.7.6.17).
func (m HeatMap) dimensions(d *dataset) {
	organisation := UID(m.Identity, fmt.Sprintf("dimensions of heat map %d", max(m.Number, 1)))
	var o dataset
	o.text(0x00209164, "UI", organisation)
	d.sequence(0x00209221, o)
	pointer := func(tag uint32, label string) dataset {
		var p dataset
		p.text(0x00209164, "UI", organisation)
		p.tagValue(0x00209165, tag)
		p.tagValue(0x00209167, 0x00209111) // in the Frame Content Sequence
		p.text(0x00209421, "LO", label)
		return p
	}
	d.text(0x00209311, "CS", "3D")
	d.sequence(0x00209222, pointer(0x00209056, "Stack ID"), pointer(0x00209057, "In-Stack Position Number"))
}

// shared are the functional groups of all frames (PS3.3 C.7.6.16).
func (m HeatMap) shared(low, high float64) dataset {
	var measures dataset
	measures.text(0x00180050, "DS", "1")
	measures.text(0x00180088, "DS", "1")
	measures.text(0x00280030, "DS", "1", "1")
	var plane dataset
	plane.text(0x00200037, "DS", "1", "0", "0", "0", "1", "0")
	var kind dataset
	kind.text(0x00089007, "CS", "DERIVED", "PRIMARY", "AXIAL", "RESIDUAL")
	var window dataset
	width := max(high-low, 1e-6)
	window.text(0x00281050, "DS", decimal(low+width/2))
	window.text(0x00281051, "DS", decimal(width))
	window.text(0x00281055, "LO", "full range")
	window.text(0x00281056, "CS", "LINEAR_EXACT")
	var world dataset
	world.text(0x00283003, "LO", m.Quantity)
	world.text(0x00409210, "SH", "RESIDUAL")
	world.sequence(0x004008EA, codeUnitless.item())
	world.double(0x00409213, high)
	world.double(0x00409214, low)
	world.double(0x00409224, 0)
	world.double(0x00409225, 1)
	var identity dataset
	identity.text(0x00281052, "DS", "0")
	identity.text(0x00281053, "DS", "1")
	identity.text(0x00281054, "LO", "US")
	var anatomy dataset
	anatomy.text(0x00209072, "CS", "U")
	anatomy.sequence(0x00082218, codeLung.item())

	var d dataset
	d.sequence(0x00289110, measures)
	d.sequence(0x00209116, plane)
	d.sequence(0x00409092, kind)
	d.sequence(0x00289132, window)
	d.sequence(0x00409096, world)
	d.sequence(0x00289145, identity)
	d.sequence(0x00209071, anatomy)
	if len(m.Sources) > 0 {
		d.sequence(0x00089124, m.derivation())
	}
	return d
}

// frame are the functional groups of slice z of patch i.
func (p HeatPatch) frame(i, z int) dataset {
	half := float64(p.Edge-1) / 2
	at := p.CentreLPS
	var content dataset
	content.text(0x00209056, "SH", fmt.Sprint(i+1))
	content.long(0x00209057, z+1)
	content.long(0x00209157, i+1, z+1)
	content.ifAny(0x00209453, "LO", p.ID)
	var position dataset
	position.text(0x00200032, "DS", decimal(at[0]-half), decimal(at[1]-half), decimal(at[2]-half+float64(z)))
	var d dataset
	d.sequence(0x00209111, content)
	d.sequence(0x00209113, position)
	return d
}

// derivation names the slices that the map was made of (PS3.3 C.7.6.16.2.6).
func (m HeatMap) derivation() dataset {
	var sources []dataset
	for _, s := range m.Sources {
		source := reference(s.SOPClassUID, s.SOPInstanceUID)
		source.sequence(0x0040A170, codeSource.item())
		sources = append(sources, source)
	}
	var d dataset
	d.text(0x00082111, "ST", m.Quantity)
	d.sequence(0x00089215, codeResampled.item())
	d.sequence(0x00082112, sources...)
	return d
}

// references tells in which series the sources lie (PS3.3 C.12.2).
func (m HeatMap) references(d *dataset) {
	if len(m.Sources) == 0 {
		return
	}
	refs := make([]dataset, len(m.Sources))
	for i, s := range m.Sources {
		refs[i] = reference(s.SOPClassUID, s.SOPInstanceUID)
	}
	var series dataset
	series.sequence(0x0008114A, refs...)
	series.text(0x0020000E, "UI", m.Header.SeriesUID)
	d.sequence(0x00081115, series)
}
