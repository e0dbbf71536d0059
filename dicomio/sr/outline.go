package sr

import (
	"fmt"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio/codec"
)

// ClassSegmentation is the SOP class of the objects that hold outlines.
const ClassSegmentation = "1.2.840.10008.5.1.4.1.1.66.4"

// Outline is where a nodule was outlined and what was measured of it.
type Outline struct {
	Segment      Segment
	Algorithm    Algorithm     // that outlined and measured; name and version are needed
	Measurements []Measurement // in the order in which they are shown, at least one
}

// Segment is one segment of a Segmentation object in the study of the report;
// package derived writes such objects.
type Segment struct {
	SOPInstanceUID    string
	SeriesInstanceUID string
	Number            int // from 1
}

// Measurement is one number about an outlined nodule (TID 1419 of PS3.16). Its
// codes are written as they are given: those of the standard are in context
// groups 7465 to 7474 of PS3.16, such as (118565006, SCT, "Volume") in
// (mm3, UCUM, "cubic millimeter"), and (112031, DCM, "Attenuation Coefficient")
// in ([hnsf'U], UCUM, "Hounsfield unit") with (373098007, SCT, "Mean") as its
// derivation.
type Measurement struct {
	Name       Code
	Value      float64 // in Unit; written as it is, so rounded by the caller
	Unit       Code    // of scheme UCUM
	Derivation Code    // how it was made of many values, such as Mean; empty: not told
	PlusMinus  float64 // range of uncertainty to either side, in Unit; 0: not told
}

// fault says what is wrong with an outline, nothing where all is well.
func (o *Outline) fault() string {
	switch {
	case o == nil:
		return ""
	case !codec.ValidUID(o.Segment.SOPInstanceUID) || !codec.ValidUID(o.Segment.SeriesInstanceUID) || o.Segment.Number < 1 || o.Segment.Number > 65535:
		return "has an outline without usable UIDs or the number of its segment"
	case o.Algorithm.Name == "" || o.Algorithm.Version == "":
		return "has an outline that names no algorithm or no version"
	case len(o.Measurements) == 0:
		return "has an outline without a measurement; leave the outline out"
	}
	for i, m := range o.Measurements {
		switch {
		case !m.Name.complete() || !m.Unit.complete() || m.Derivation != (Code{}) && !m.Derivation.complete():
			return fmt.Sprintf("has a measurement (%d) whose codes lack a value, a scheme or a meaning", i+1)
		case !finite(m.Value, m.PlusMinus) || m.PlusMinus < 0:
			return fmt.Sprintf("has a measurement (%d) that is not a number", i+1)
		}
	}
	return ""
}

// complete tells whether a code has all that PS3.3 section 8 wants.
func (c Code) complete() bool {
	return codec.Clean("SH", c.Value) != "" && codec.Clean("SH", c.Scheme) != "" && codec.Clean("LO", c.Meaning) != ""
}

// volume is one nodule as its segment shows it, and what was measured of that:
// TID 1411. A template has one kind of region, so that the point of the nodule
// stands in a group of its own; both have the tracking identifiers of the nodule.
func (r Report) volume(n Nodule) codec.Dataset {
	list := append(r.subject(n),
		segmentItem(codeSegment, n.Outline.Segment),
		uidItem(contains, codeSourceSeries, r.Header.SeriesUID),
		codeItem(hasModifier, ConceptFindingSite, codeLung),
	)
	return container(contains, ConceptMeasurementGroup, "1411", append(list, r.measured(n.Outline)...)...)
}

// label is what was measured in a few words, without what needs more of them.
func (o *Outline) label() (label string) {
	for _, m := range o.Measurements {
		if m.Derivation == (Code{}) {
			label += fmt.Sprintf(", %s %s %s", strings.ToLower(m.Name.Meaning), codec.Decimal(m.Value), m.Unit.Value)
		}
	}
	return label
}

// segmentItem refers to a segment.
func segmentItem(name Code, s Segment) codec.Dataset {
	d := item(contains, "IMAGE", name)
	ref := Reference(ClassSegmentation, s.SOPInstanceUID)
	ref.AddUint16(0x0062000B, s.Number)
	d.AddSequence(0x00081199, ref)
	return d
}

// measured are the numbers of an outline (TID 1419).
func (r Report) measured(o *Outline) (list []codec.Dataset) {
	for _, m := range o.Measurements {
		var about []codec.Dataset
		if m.Derivation != (Code{}) {
			about = append(about, codeItem(hasModifier, codeDerivation, m.Derivation))
		}
		about = append(about, r.algorithm(o.Algorithm)...)
		if m.PlusMinus > 0 {
			about = append(about, numberItem(hasProperties, codePlusMinus, m.PlusMinus, m.Unit))
		}
		list = append(list, numberItem(contains, m.Name, m.Value, m.Unit, about...))
	}
	return list
}

// evidence names all that the report refers to, by series: the images, and the
// objects that hold outlines.
func (r Report) evidence() []codec.Dataset {
	instances := map[string][]codec.Dataset{}
	var order []string // of series
	add := func(series, class, instance string) {
		if instances[series] == nil {
			order = append(order, series)
		}
		instances[series] = append(instances[series], Reference(class, instance))
	}
	seen := map[string]bool{}
	for _, at := range r.images() {
		if !seen[at.SOPInstanceUID] {
			seen[at.SOPInstanceUID] = true
			add(r.Header.SeriesUID, at.SOPClassUID, at.SOPInstanceUID)
		}
	}
	for _, n := range r.Nodules {
		if n.Outline != nil && !seen[n.Outline.Segment.SOPInstanceUID] {
			seen[n.Outline.Segment.SOPInstanceUID] = true
			add(n.Outline.Segment.SeriesInstanceUID, ClassSegmentation, n.Outline.Segment.SOPInstanceUID)
		}
	}
	var list []codec.Dataset
	for _, series := range order {
		list = append(list, seriesItem(series, instances[series]))
	}
	return list
}
