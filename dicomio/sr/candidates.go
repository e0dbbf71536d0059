package sr

import (
	"fmt"
	"io"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio"
)

// MaxCandidates is how many candidates a report may hold.
const MaxCandidates = 4096

// Candidate is a nodule that a report marks.
type Candidate struct {
	ID          string  // tracking identifier, or one that is made up; each once
	TrackingUID string  // may be empty
	DiameterMM  float64 // 0 where the report has none: the diameter, or the mean of long and short axis, or the length
	Confidence  float64 // certainty of the finding or feature, 0..1; 0 where the report has none

	// Points is where it is: in the patient, or, where that list is empty, on
	// images.
	Points              []dicomio.Vec // LPS mm
	FrameOfReferenceUID string        // of Points
	Images              []dicomio.ImagePoint
	SeriesUID           string // of the images, where the report says
}

// Candidates reads the nodule candidates of a structured report:
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
// points. Where a nodule has a centre, outlines do not count.
//
// Errors are a [dicomio.Error] with [CodeNotReport], [CodeNoCandidates] or a
// code of dicomio: file_unreadable, file_truncated, limit_exceeded. They hold
// no value of the file.
func Candidates(r io.Reader) ([]Candidate, error) {
	const op = "read candidates from report"
	d, err := readDocument(op, r)
	if err != nil {
		return nil, err
	}
	var list []Candidate
	if d.class == classChestCAD {
		list = d.findings()
	} else {
		list = d.groups()
	}
	switch {
	case len(list) == 0:
		return nil, refuse(CodeNoCandidates, op, "the report holds no nodule that has a place", nil)
	case len(list) > MaxCandidates:
		return nil, refuse(dicomio.CodeLimit, op, fmt.Sprintf("the report holds %d candidates; at most %d are read", len(list), MaxCandidates), nil)
	}
	name(list)
	return list, nil
}

// name gives every candidate an id of its own of at most 64 characters.
func name(list []Candidate) {
	used := map[string]bool{}
	for i := range list {
		id := clean("LO", list[i].ID)
		for n := i + 1; id == "" || used[id]; n++ {
			base := []rune(clean("LO", list[i].ID))
			id = strings.TrimPrefix(fmt.Sprintf("%s-%d", string(base[:min(len(base), 50)]), n), "-")
		}
		used[id] = true
		list[i].ID = id
	}
}

// groups reads measurement groups.
func (d *document) groups() (list []Candidate) {
	d.root.walk(func(n *node) bool {
		if n.kind != "CONTAINER" || !n.name.same(codeGroup) {
			return true
		}
		if c, ok := d.group(n); ok {
			list = append(list, c)
		}
		return false
	})
	return list
}

func (d *document) group(g *node) (c Candidate, ok bool) {
	for _, n := range g.children {
		switch {
		case n.name.same(codeTrackingID):
			c.ID = n.text
		case n.name.same(codeTrackingUID) && validUID(n.uid):
			c.TrackingUID = n.uid
		case n.name.same(codeFinding) && !isNodule(n.value), isSite(n.name) && !inChest(n.value):
			return c, false
		}
	}
	return c, d.fill(&c, g)
}

// fill takes place, size and certainty from the items below n.
func (d *document) fill(c *Candidate, n *node) bool {
	var size sizes
	var places, centres []*node
	n.walk(func(item *node) bool {
		switch item.kind {
		case "NUM":
			size.read(item)
			c.certainty(item)
		case "SCOORD", "SCOORD3D":
			if item.name.same(codeCentre) {
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
		d.place(c, p)
	}
	c.DiameterMM = size.diameter()
	return len(c.Points)+len(c.Images) > 0
}

// place adds one place.
func (d *document) place(c *Candidate, n *node) {
	if n.kind == "SCOORD3D" {
		if at, ok := middle(n.graphic, n.points, 3); ok && validUID(n.frame) && (c.FrameOfReferenceUID == "" || c.FrameOfReferenceUID == n.frame) {
			c.Points, c.FrameOfReferenceUID = append(c.Points, dicomio.Vec(at)), n.frame
		}
		return
	}
	at, ok := middle(n.graphic, n.points, 2)
	if !ok {
		return
	}
	for _, child := range n.children {
		image := d.resolve(child).image
		series := d.series[image.SOPInstanceUID]
		if !validUID(image.SOPInstanceUID) || c.SeriesUID != "" && series != "" && c.SeriesUID != series {
			continue // of another series
		}
		if series != "" {
			c.SeriesUID = series
		}
		image.Column, image.Row = at[0], at[1]
		c.Images = append(c.Images, image)
		break // the same outline on several images is one place
	}
}

// Place gives the place of a candidate in a series, in LPS mm: the mean of its
// points, or of its points on images. It refuses with [CodeNotPlaced] what is
// told in another frame of reference, or on images of which the series holds
// none.
func (c Candidate) Place(s *dicomio.Series) (dicomio.Vec, error) {
	const op = "place candidate"
	points := c.Points
	if len(points) > 0 && c.FrameOfReferenceUID != s.FrameOfReferenceUID {
		return dicomio.Vec{}, refuse(CodeNotPlaced, op, "the report gives the candidate in another frame of reference than that of the series", nil)
	}
	if len(points) == 0 {
		for _, at := range c.Images {
			if p, ok := s.InPatient(at); ok {
				points = append(points, p)
			}
		}
	}
	if len(points) == 0 {
		return dicomio.Vec{}, refuse(CodeNotPlaced, op, "the report marks the candidate on images that the series does not hold", nil)
	}
	var sum dicomio.Vec
	for _, p := range points {
		for i := range sum {
			sum[i] += p[i] / float64(len(points))
		}
	}
	return sum, nil
}
