package derived

import (
	"fmt"

	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/sr"
)

// Concepts of DICOM's own dictionary (PS3.16 annex D) and of others.
var (
	codeLung      = sr.Code{Value: "39607008", Scheme: "SCT", Meaning: "Lung"}
	codeSource    = sr.Code{Value: "121322", Scheme: "DCM", Meaning: "Source image for image processing operation"}
	codeResampled = sr.Code{Value: "113072", Scheme: "DCM", Meaning: "Multiplanar reformatting"}
	codeUnitless  = sr.Code{Value: "1", Scheme: "UCUM", Meaning: "no units"}
)

// image writes the modules Floating Point Image Pixel and Parametric Map Image
// (PS3.3 C.7.6.24, C.8.32.2).
func (m HeatMap) image(d *codec.Dataset, edge int) {
	d.AddText(0x00080008, "CS", "DERIVED", "PRIMARY", "AXIAL", "RESIDUAL")
	d.AddText(0x00189004, "CS", "RESEARCH") // content qualification
	d.AddText(0x00200052, "UI", m.Header.FrameOfReferenceUID)
	d.AddText(0x00201040, "LO")
	d.AddUint16(0x00280002, 1)
	d.AddText(0x00280004, "CS", "MONOCHROME2")
	d.AddText(0x00280008, "IS", fmt.Sprint(edge*len(m.Patches)))
	d.AddUint16(0x00280010, edge)
	d.AddUint16(0x00280011, edge)
	d.AddUint16(0x00280100, 32)
	d.AddText(0x00280301, "CS", "NO")
	d.AddText(0x00280302, "CS", "NO")
	m.Header.AddLossy(d)
	d.AddText(0x20500020, "CS", "IDENTITY")
	d.AddSequence(0x00400555)
	d.AddText(0x00700080, "CS", "RESIDUAL")
	d.AddText(0x00700081, "LO", m.Quantity)
	d.AddText(0x00700084, "PN") // no person made it
}

// dimensions says how frames are counted: by patch, then from foot to head
// (PS3.3 C.7.6.17).
func (m HeatMap) dimensions(d *codec.Dataset) {
	organisation := sr.UID(m.Identity, fmt.Sprintf("dimensions of heat map %d", max(m.Number, 1)))
	var o codec.Dataset
	o.AddText(0x00209164, "UI", organisation)
	d.AddSequence(0x00209221, o)
	pointer := func(tag uint32, label string) codec.Dataset {
		var p codec.Dataset
		p.AddText(0x00209164, "UI", organisation)
		p.AddTag(0x00209165, tag)
		p.AddTag(0x00209167, 0x00209111) // in the Frame Content Sequence
		p.AddText(0x00209421, "LO", label)
		return p
	}
	d.AddText(0x00209311, "CS", "3D")
	d.AddSequence(0x00209222, pointer(0x00209056, "Stack ID"), pointer(0x00209057, "In-Stack Position Number"))
}

// shared are the functional groups of all frames (PS3.3 C.7.6.16).
func (m HeatMap) shared(low, high float64) codec.Dataset {
	var measures codec.Dataset
	measures.AddText(0x00180050, "DS", "1")
	measures.AddText(0x00180088, "DS", "1")
	measures.AddText(0x00280030, "DS", "1", "1")
	var plane codec.Dataset
	plane.AddText(0x00200037, "DS", "1", "0", "0", "0", "1", "0")
	var kind codec.Dataset
	kind.AddText(0x00089007, "CS", "DERIVED", "PRIMARY", "AXIAL", "RESIDUAL")
	var window codec.Dataset
	width := max(high-low, 1e-6)
	window.AddText(0x00281050, "DS", codec.Decimal(low+width/2))
	window.AddText(0x00281051, "DS", codec.Decimal(width))
	window.AddText(0x00281055, "LO", "full range")
	window.AddText(0x00281056, "CS", "LINEAR_EXACT")
	var world codec.Dataset
	world.AddText(0x00283003, "LO", m.Quantity)
	world.AddText(0x00409210, "SH", "RESIDUAL")
	world.AddSequence(0x004008EA, codeUnitless.Item())
	world.AddFloat64(0x00409213, high)
	world.AddFloat64(0x00409214, low)
	world.AddFloat64(0x00409224, 0)
	world.AddFloat64(0x00409225, 1)
	var identity codec.Dataset
	identity.AddText(0x00281052, "DS", "0")
	identity.AddText(0x00281053, "DS", "1")
	identity.AddText(0x00281054, "LO", "US")
	var anatomy codec.Dataset
	anatomy.AddText(0x00209072, "CS", "U")
	anatomy.AddSequence(0x00082218, codeLung.Item())

	var d codec.Dataset
	d.AddSequence(0x00289110, measures)
	d.AddSequence(0x00209116, plane)
	d.AddSequence(0x00409092, kind)
	d.AddSequence(0x00289132, window)
	d.AddSequence(0x00409096, world)
	d.AddSequence(0x00289145, identity)
	d.AddSequence(0x00209071, anatomy)
	if len(m.Sources) > 0 {
		d.AddSequence(0x00089124, m.derivation())
	}
	return d
}

// frame are the functional groups of slice z of patch i.
func (p HeatPatch) frame(i, z int) codec.Dataset {
	half := float64(p.Edge-1) / 2
	at := p.CentreLPS
	var content codec.Dataset
	content.AddText(0x00209056, "SH", fmt.Sprint(i+1))
	content.AddUint32(0x00209057, z+1)
	content.AddUint32(0x00209157, i+1, z+1)
	content.AddAnyText(0x00209453, "LO", p.ID)
	var position codec.Dataset
	position.AddText(0x00200032, "DS", codec.Decimal(at[0]-half), codec.Decimal(at[1]-half), codec.Decimal(at[2]-half+float64(z)))
	var d codec.Dataset
	d.AddSequence(0x00209111, content)
	d.AddSequence(0x00209113, position)
	return d
}

// derivation names the slices that the map was made of (PS3.3 C.7.6.16.2.6).
func (m HeatMap) derivation() codec.Dataset {
	var sources []codec.Dataset
	for _, s := range m.Sources {
		source := sr.FrameReference(s.SOPClassUID, s.SOPInstanceUID, s.Frame)
		source.AddSequence(0x0040A170, codeSource.Item())
		sources = append(sources, source)
	}
	var d codec.Dataset
	d.AddText(0x00082111, "ST", m.Quantity)
	d.AddSequence(0x00089215, codeResampled.Item())
	d.AddSequence(0x00082112, sources...)
	return d
}

// references tells in which series the sources lie (PS3.3 C.12.2).
func (m HeatMap) references(d *codec.Dataset) {
	if len(m.Sources) == 0 {
		return
	}
	var refs []codec.Dataset
	seen := map[string]bool{}
	for _, s := range m.Sources {
		if !seen[s.SOPInstanceUID] {
			seen[s.SOPInstanceUID] = true
			refs = append(refs, sr.Reference(s.SOPClassUID, s.SOPInstanceUID))
		}
	}
	var series codec.Dataset
	series.AddSequence(0x0008114A, refs...)
	series.AddText(0x0020000E, "UI", m.Header.SeriesUID)
	d.AddSequence(0x00081115, series)
}
