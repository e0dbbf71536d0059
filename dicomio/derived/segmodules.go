package derived

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/sr"
)

var (
	codeStructure   = sr.Code{Value: "49755003", Scheme: "SCT", Meaning: "Morphologically Abnormal Structure"}
	codeNodule      = sr.Code{Value: "27925004", Scheme: "SCT", Meaning: "Nodule"}
	codeSegmented   = sr.Code{Value: "113076", Scheme: "DCM", Meaning: "Segmentation"}
	codeAIAlgorithm = sr.Code{Value: "123110", Scheme: "DCM", Meaning: "Artificial Intelligence"}
	codeByHand      = sr.Code{Value: "123109", Scheme: "DCM", Meaning: "Manual Processing"}
)

// image writes the modules Frame of Reference, Image Pixel and Segmentation
// Image (PS3.3 C.7.4.1, C.7.6.3, C.8.20.2), its segments aside.
func (m *Segmentation) image(d *codec.Dataset) {
	d.AddText(0x00080008, "CS", "DERIVED", "PRIMARY")
	d.AddText(0x00200052, "UI", m.Header.FrameOfReferenceUID)
	d.AddText(0x00201040, "LO")
	d.AddUint16(0x00280002, 1)
	d.AddText(0x00280004, "CS", "MONOCHROME2")
	d.AddText(0x00280008, "IS", fmt.Sprint(m.frameCount()))
	d.AddUint16(0x00280010, m.series.Geometry.Rows)
	d.AddUint16(0x00280011, m.series.Geometry.Cols)
	d.AddUint16(0x00280100, 1)
	d.AddUint16(0x00280101, 1)
	d.AddUint16(0x00280102, 0)
	d.AddUint16(0x00280103, 0)
	m.Header.AddLossy(d)
	d.AddText(0x00620001, "CS", "BINARY")
	d.AddText(0x00620013, "CS", m.overlap())
	d.AddText(0x00700080, "CS", "NODULES")
	d.AddText(0x00700081, "LO", "Outlines of nodules")
	if creator := codec.Clean("PN", m.Creator); creator != "" {
		d.AddText(0x00700084, "PN", creator)
	} else {
		d.AddText(0x00700084, "PN") // no person made it
	}
}

// overlap tells whether a pixel lies in two nodules.
func (m *Segmentation) overlap() string {
	seen := map[[2]int]bool{}
	for _, s := range m.segments {
		for _, f := range s.frames {
			for _, p := range f.pixels {
				if seen[[2]int{f.slice, p}] {
					return "YES"
				}
				seen[[2]int{f.slice, p}] = true
			}
		}
	}
	return "NO"
}

// describe writes the segments (PS3.3 C.8.20.4).
func (m *Segmentation) describe(d *codec.Dataset) {
	tracking := sr.Report{Identity: m.Identity}
	var items []codec.Dataset
	for i, s := range m.segments {
		var item codec.Dataset
		item.AddSequence(0x00082218, codeLung.Item())
		item.AddSequence(0x00620003, codeStructure.Item())
		item.AddUint16(0x00620004, i+1)
		item.AddText(0x00620005, "LO", "Nodule "+s.id)
		m.madeBy(&item, s.drawn)
		item.AddSequence(0x0062000F, codeNodule.Item())
		item.AddText(0x00620020, "UT", s.id)
		item.AddText(0x00620021, "UI", tracking.TrackingUID(s.id))
		items = append(items, item)
	}
	d.AddSequence(0x00620002, items...)
}

// madeBy tells what or who made a segment. An outline that was drawn by hand alone
// has no algorithm.
func (m *Segmentation) madeBy(item *codec.Dataset, drawn Drawn) {
	family, a := codeAIAlgorithm, m.algorithm
	switch drawn {
	case Manual:
		item.AddText(0x00620008, "CS", string(Manual))
		return
	case Semiautomatic:
		family, a = codeByHand, sr.Algorithm{Name: "Nodulescope review", Version: m.Device.Version, Parameters: []string{"an outline that a reader corrected by brush, eraser or growing region"}}
		if a.Version == "" {
			a.Version = "unknown"
		}
		item.AddText(0x00620008, "CS", string(Semiautomatic))
	default:
		item.AddText(0x00620008, "CS", "AUTOMATIC")
	}
	var by codec.Dataset
	by.AddSequence(0x0066002F, family.Item())
	by.AddText(0x00660031, "LO", a.Version)
	by.AddAnyText(0x00660032, "LT", strings.Join(a.Parameters, "\n"))
	by.AddText(0x00660036, "LO", a.Name)
	by.AddAnyText(0x00240202, "LO", a.Manufacturer)
	item.AddSequence(0x00620007, by)
	item.AddText(0x00620009, "LO", a.Name+" "+a.Version)
}

// dimensions says how frames are counted: by segment, then by position (PS3.3
// C.7.6.17).
func (m *Segmentation) dimensions(d *codec.Dataset) {
	organisation := sr.UID(m.Identity, fmt.Sprintf("dimensions of segmentation %d", max(m.Number, 1)))
	var o codec.Dataset
	o.AddText(0x00209164, "UI", organisation)
	d.AddSequence(0x00209221, o)
	pointer := func(tag, group uint32, label string) codec.Dataset {
		var p codec.Dataset
		p.AddText(0x00209164, "UI", organisation)
		p.AddTag(0x00209165, tag)
		p.AddTag(0x00209167, group)
		p.AddText(0x00209421, "LO", label)
		return p
	}
	d.AddSequence(0x00209222, pointer(0x0062000B, 0x0062000A, "Segment Number"), pointer(0x00200032, 0x00209113, "Image Position"))
}

// slices are those of the series that have a frame, ascending.
func (m *Segmentation) slices() (list []int) {
	for _, s := range m.segments {
		for _, f := range s.frames {
			list = append(list, f.slice)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// groups writes the functional groups of all frames and of each (PS3.3
// C.7.6.16, C.8.20.3).
func (m *Segmentation) groups(d *codec.Dataset) {
	g := m.series.Geometry
	var measures codec.Dataset
	measures.AddText(0x00180050, "DS", codec.Decimal(g.SpacingMM[0]))
	measures.AddText(0x00180088, "DS", codec.Decimal(g.SpacingMM[0]))
	measures.AddText(0x00280030, "DS", codec.Decimal(g.SpacingMM[1]), codec.Decimal(g.SpacingMM[2]))
	var plane codec.Dataset
	plane.AddText(0x00200037, "DS", slices.Concat(cosines(g.ColStep), cosines(g.RowStep))...)
	var shared codec.Dataset
	shared.AddSequence(0x00289110, measures)
	shared.AddSequence(0x00209116, plane)
	d.AddSequence(0x52009229, shared)

	position := map[int]int{}
	for i, slice := range m.slices() {
		position[slice] = i + 1
	}
	var frames []codec.Dataset
	for i, s := range m.segments {
		for _, f := range s.frames {
			frames = append(frames, m.frame(i+1, position[f.slice], m.series.Slices[f.slice]))
		}
	}
	d.AddSequence(0x52009230, frames...)
}

// cosines are the direction of a step.
func cosines(step dicomio.Vec) (list []string) {
	for _, v := range step {
		list = append(list, codec.Decimal(v/step.Norm()))
	}
	return list
}

// frame are the functional groups of a segment on a slice.
func (m *Segmentation) frame(number, position int, slice dicomio.Slice) codec.Dataset {
	var content codec.Dataset
	content.AddUint32(0x00209157, number, position)
	var plane codec.Dataset
	plane.AddText(0x00200032, "DS", codec.Decimal(slice.Origin[0]), codec.Decimal(slice.Origin[1]), codec.Decimal(slice.Origin[2]))
	source := sr.FrameReference(slice.SOPClassUID, slice.SOPInstanceUID, slice.Frame)
	source.AddText(0x0028135A, "CS", "YES") // the frame lies pixel by pixel on its source
	source.AddSequence(0x0040A170, codeSource.Item())
	var derivation codec.Dataset
	derivation.AddSequence(0x00082112, source)
	derivation.AddSequence(0x00089215, codeSegmented.Item())
	var which codec.Dataset
	which.AddUint16(0x0062000B, number)

	var d codec.Dataset
	d.AddSequence(0x00089124, derivation)
	d.AddSequence(0x00209111, content)
	d.AddSequence(0x00209113, plane)
	d.AddSequence(0x0062000A, which)
	return d
}

// references tells in which series the sources lie (PS3.3 C.12.2).
func (m *Segmentation) references(d *codec.Dataset) {
	var refs []codec.Dataset
	seen := map[string]bool{}
	for _, i := range m.slices() {
		if slice := m.series.Slices[i]; !seen[slice.SOPInstanceUID] {
			seen[slice.SOPInstanceUID] = true
			refs = append(refs, sr.Reference(slice.SOPClassUID, slice.SOPInstanceUID))
		}
	}
	var series codec.Dataset
	series.AddSequence(0x0008114A, refs...)
	series.AddText(0x0020000E, "UI", m.Header.SeriesUID)
	d.AddSequence(0x00081115, series)
}
