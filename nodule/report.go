package nodule

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/sr"
)

// maxReportMarks is how many nodules a report may mark.
const maxReportMarks = 4096

// classChestCAD is the SOP class of reports of template 4100 (PS3.16).
const classChestCAD = "1.2.840.10008.5.1.4.1.1.88.65"

// report collects the marks of a structured report:
//
//   - of a measurement report (TID 1500 of PS3.16, in Enhanced, Comprehensive,
//     Comprehensive 3D or Extensible SR) every measurement group that has a
//     place, whose finding is not told or is a nodule, mass, lesion or opacity,
//     and whose site is not told or lies in the chest;
//   - of a Chest CAD SR (TID 4100) every composite feature and every single
//     image finding beside these that is such a finding and is not marked as
//     not for presentation.
//
// A place is the middle of an SCOORD or SCOORD3D: the point, the centre of a
// circle or an ellipse, the centroid of a closed outline, the mean of other
// points. Where a nodule has a centre, outlines do not count. What was measured in
// a group without a place, such as that of a segment, belongs to the nodule of the
// same tracking identifier.
type report struct {
	*sr.Document
	marks     []Mark
	placeless []Mark
	skipped   []Skipped
}

// readReport reads a report. Its errors hold no value of the file.
func readReport(data []byte) (*CandidateFile, error) {
	const op = "read candidates from report"
	d, err := sr.Read(bytes.NewReader(data))
	if dicomio.CodeOf(err) == sr.CodeNotReport {
		return nil, &Error{Code: sr.CodeNotReport, Op: op, Hint: "the file is not a structured report of a kind that holds candidates", Err: ErrNotCandidates}
	}
	if err != nil {
		return nil, err
	}
	r := report{Document: d}
	if d.Class == classChestCAD {
		r.findings()
	} else {
		r.groups()
	}
	r.join()
	switch {
	case len(r.marks) == 0:
		return nil, &Error{Code: CodeNoCandidates, Op: op, Hint: "the report holds no nodule with a position"}
	case len(r.marks) > maxReportMarks:
		return nil, &Error{Code: dicomio.CodeLimit, Op: op, Hint: fmt.Sprintf("the report holds %d candidates; at most %d are read", len(r.marks), maxReportMarks)}
	}
	nameMarks(r.marks)
	return &CandidateFile{Kind: KindReport, StudyUID: d.StudyUID, Own: sr.IsOwn(data), Marks: r.marks, Skipped: r.skipped}, nil
}

// nameMarks gives every mark an id of its own of at most 64 characters.
func nameMarks(list []Mark) {
	used := map[string]bool{}
	for i := range list {
		given := codec.Clean("LO", strings.Map(printable, list[i].ID))
		id := given
		for n := i + 1; id == "" || used[id]; n++ {
			base := []rune(given)
			id = strings.TrimPrefix(fmt.Sprintf("%s-%d", string(base[:min(len(base), 50)]), n), "-")
		}
		used[id] = true
		list[i].ID = id
	}
}

// printable keeps what a candidate's id may hold.
func printable(r rune) rune {
	switch {
	case unicode.IsPrint(r):
		return r
	case unicode.IsSpace(r):
		return ' '
	}
	return -1
}

// groups reads measurement groups.
func (r *report) groups() {
	r.Root.Walk(func(n *sr.Item) bool {
		if n.Type != "CONTAINER" || !n.Name.Same(sr.ConceptMeasurementGroup) {
			return true
		}
		r.group(n)
		return false
	})
}

func (r *report) group(g *sr.Item) {
	var m Mark
	for _, n := range g.Children {
		switch {
		case n.Name.Same(sr.ConceptTrackingIdentifier):
			m.ID = n.Text
		case n.Name.Same(sr.ConceptTrackingUID) && codec.ValidUID(n.UID):
			m.TrackingUID = n.UID
		case n.Name.Same(sr.ConceptFinding) && !isNodule(n.Value):
			r.skip("a finding that is no nodule")
			return
		case isSite(n.Name) && !inChest(n.Value):
			r.skip("a finding outside the chest")
			return
		}
	}
	r.add(m, g)
}

// findings reads a Chest CAD report: composite features, which gather what
// belongs together over several slices, and the single image findings beside
// them (TID 4104 and 4101 of PS3.16).
func (r *report) findings() {
	r.Root.Walk(func(n *sr.Item) bool {
		if n.Type != "CODE" || !conceptComposite.is(n.Name) && !conceptSingle.is(n.Name) {
			return true
		}
		m := Mark{ID: n.Child(sr.ConceptTrackingIdentifier).Text, TrackingUID: n.Child(sr.ConceptTrackingUID).UID}
		if !codec.ValidUID(m.TrackingUID) {
			m.TrackingUID = ""
		}
		switch {
		case hidden(n):
			r.skip("a finding that is not for presentation")
		case !isNodule(n.Value):
			r.skip("a finding that is no nodule")
		default:
			r.add(m, n)
		}
		return false
	})
}

// hidden tells findings that are not for the eyes of a reader.
func hidden(n *sr.Item) bool {
	for _, c := range n.Children {
		if conceptRendering.is(c.Name) {
			return conceptHidden.is(c.Value)
		}
	}
	return false
}

func (r *report) skip(reason string) { r.skipped = skip(r.skipped, reason) }

// add takes place, size and certainty from the items below n, and keeps the
// mark where it has a place.
func (r *report) add(m Mark, n *sr.Item) {
	var size sizes
	var places, centres []*sr.Item
	n.Walk(func(item *sr.Item) bool {
		switch item.Type {
		case "NUM":
			size.read(item)
			m.certainty(item)
		case "SCOORD", "SCOORD3D":
			if conceptCentre.is(item.Name) {
				centres = append(centres, item)
			}
			places = append(places, item)
		}
		return true
	})
	if len(centres) > 0 {
		places = centres
	}
	for _, p := range places {
		r.place(&m, p)
	}
	m.DiameterMM = size.diameter()
	if len(m.Points)+len(m.Images) == 0 {
		r.placeless = append(r.placeless, m)
		return
	}
	r.marks = append(r.marks, m)
}

// join gives the size of groups without a place to the nodules that they are about.
func (r *report) join() {
	at := map[string]int{}
	for i, m := range r.marks {
		if _, ok := at[m.TrackingUID]; !ok && m.TrackingUID != "" {
			at[m.TrackingUID] = i
		}
	}
	for _, m := range r.placeless {
		i, ok := at[m.TrackingUID]
		if !ok {
			r.skip("a nodule without a place")
		} else if r.marks[i].DiameterMM == 0 {
			r.marks[i].DiameterMM = m.DiameterMM
		}
	}
}

// place adds one place.
func (r *report) place(m *Mark, n *sr.Item) {
	if n.Type == "SCOORD3D" {
		frame := n.FrameOfReferenceUID
		if at, ok := middle(n.Graphic, n.Points, 3); ok && codec.ValidUID(frame) && (m.FrameOfReferenceUID == "" || m.FrameOfReferenceUID == frame) {
			m.Points, m.FrameOfReferenceUID = append(m.Points, dicomio.Vec(at)), frame
		}
		return
	}
	at, ok := middle(n.Graphic, n.Points, 2)
	if !ok {
		return
	}
	for _, child := range n.Children {
		image := r.Resolve(child).Image
		series := r.Series[image.SOPInstanceUID]
		if !codec.ValidUID(image.SOPInstanceUID) || m.SeriesUID != "" && series != "" && m.SeriesUID != series {
			continue // of another series
		}
		if series != "" {
			m.SeriesUID = series
		}
		image.Column, image.Row = at[0], at[1]
		m.Images = append(m.Images, image)
		break // the same outline on several images is one place
	}
}
