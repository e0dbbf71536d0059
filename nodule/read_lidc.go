package nodule

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/uidnames"
)

// Limits of an LIDC file.
const (
	maxLIDCNodules = 512      // contoured nodules of all readers together
	maxLIDCPixels  = 20 << 20 // of the boxes around all contours
)

// parseLIDC reads the nodules that the readers of an LIDC-IDRI XML file have
// contoured and joins the marks of one physical nodule.
//
// A contour runs through the first pixels outside the nodule, column then row,
// both from 0; what lies within it is the nodule. Contours with inclusion FALSE
// (holes), nodules under 3 mm (a single point) and non-nodules are skipped. Two
// readers mean the same nodule where their voxels overlap or their centres are
// closer than the smaller radius; a nodule has at most one mark of each reader.
//
// The position is the mean over readers of the centroid of the voxels, in LPS
// mm; the diameter that of the sphere with the readers' mean volume. Ids are
// "lidc-1" and so on, those marked by most readers first, then by z, y and x.
//
// Images are found by SOP instance UID, also where another image was kept at the
// same position. A contour without one is placed by its z position, where the
// file names the series and that is axial; without a z position it has no place.
// A contour whose z position lies elsewhere than the image that it names, a point
// without xCoord or yCoord, and a contour without inclusion or edgeMap are
// refused: nobody can say what they mean.
// Contours of images that the series lacks are skipped; where none is left, or
// the file names another series, the error has CodeCandidateFileInvalid. A file in which nobody
// contoured a nodule gives CodeNoCandidates.
func parseLIDC(text []byte, series *dicomio.Series) ([]Candidate, []Skipped, error) {
	p := newLIDC(series)
	if err := p.read(text); err != nil {
		return nil, nil, err
	}
	if len(p.marks) == 0 {
		if p.unmatched > 0 {
			return nil, p.skipped(), badFile("none of the %d contours is on an image of this series, or has another place in it; give the file of this series", p.unmatched)
		}
		return nil, p.skipped(), &Error{Code: CodeNoCandidates, Op: "parse candidates", Hint: "no reader contoured a nodule of 3 mm or more"}
	}
	cs := candidatesOf(clusterMarks(p.marks))
	return cs, p.skipped(), ValidateAll(cs)
}

// skipped tells what the file holds beside what became marks.
func (p *lidc) skipped() (list []Skipped) {
	if p.unmatched > 0 {
		list = append(list, Skipped{"a contour on an image that the series does not hold, or without a place", p.unmatched})
	}
	if p.points > 0 {
		list = append(list, Skipped{"a nodule of less than 3 mm, which has no contour", p.points})
	}
	return list
}

// lidcROI and lidcNodule are the elements of the file that are used.
type lidcROI struct {
	Z         string      `xml:"imageZposition"`
	SOP       string      `xml:"imageSOP_UID"`
	Inclusion string      `xml:"inclusion"`
	Edge      []lidcPoint `xml:"edgeMap"`
}

// lidcPoint has every coordinate once; a list tells what is absent from zero.
type lidcPoint struct {
	X []string `xml:"xCoord"`
	Y []string `xml:"yCoord"`
}

type lidcNodule struct {
	ROI []lidcROI `xml:"roi"`
}

// lidc collects the marks of a file.
type lidc struct {
	series    *dicomio.Series
	slices    map[string]int // by SOP instance UID
	named     bool           // the file names the series
	reader    int
	pixels    int // work done so far
	marks     []*mark
	unmatched int // contours on images that the series lacks
	points    int // nodules under 3 mm
}

func newLIDC(s *dicomio.Series) *lidc {
	p := &lidc{series: s, slices: make(map[string]int, len(s.Slices)), reader: -1}
	for i, sl := range s.Slices {
		if !dicomio.MultiFrame(sl.SOPClassUID) { // the marks name no frame
			p.slices[sl.SOPInstanceUID] = i
		}
	}
	for image, i := range s.Doubles {
		if !dicomio.MultiFrame(s.Slices[i].SOPClassUID) {
			p.slices[image.SOPInstanceUID] = i
		}
	}
	return p
}

func (p *lidc) read(text []byte) error {
	x := newXML(text)
	root := false
	for {
		tok, err := x.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return badFileCause(x.cause(err), "not well-formed XML")
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		if uidnames.Of(el.Name.Local) == uidnames.Series {
			var uid string
			if err := x.DecodeElement(&uid, &el); err != nil {
				return badFileCause(x.cause(err), "not well-formed XML")
			}
			if uid = strings.TrimSpace(uid); uid != "" && uid != p.series.SeriesUID {
				return badFile("the contours are of another series; give the file of this series")
			}
			p.named = p.named || uid != ""
			continue
		}
		switch el.Name.Local {
		case "LidcReadMessage":
			root = true
		case "readingSession":
			p.reader++
		case "unblindedReadNodule":
			var n lidcNodule
			if err := x.DecodeElement(&n, &el); err != nil {
				return badFileCause(x.cause(err), "a nodule cannot be read")
			}
			if err := p.add(n); err != nil {
				return err
			}
		}
	}
	if !root {
		return badFile("XML, but not of LIDC-IDRI (no LidcReadMessage)")
	}
	return nil
}

// add turns the contours of one reader's nodule into a mark.
func (p *lidc) add(n lidcNodule) error {
	if p.reader < 0 {
		return badFile("a nodule stands outside any readingSession")
	}
	if len(n.ROI) == 0 || len(n.ROI) == 1 && len(n.ROI[0].Edge) < 2 {
		p.points++ // under 3 mm
		return nil
	}
	if len(p.marks) == maxLIDCNodules {
		return &Error{Code: CodeTooManyCandidates, Op: "parse candidates", Hint: fmt.Sprintf("more than %d contoured nodules", maxLIDCNodules)}
	}
	m := &mark{reader: p.reader}
	g := &p.series.Geometry
	for _, roi := range n.ROI {
		inside, xy, err := roi.outline(g)
		if err != nil {
			return err
		}
		if !inside {
			continue
		}
		z, ok, err := p.slice(roi)
		if err != nil {
			return err
		}
		if !ok {
			p.unmatched++
			continue
		}
		a := newArea(z, xy)
		if p.pixels += a.cost(xy); p.pixels > maxLIDCPixels {
			return badFile("the contours enclose more than nodules can")
		}
		a.fill(xy)
		m.areas = append(m.areas, a)
	}
	if len(m.areas) > 0 {
		m.measure(g)
		p.marks = append(p.marks, m)
	}
	return nil
}

// outline reads the pixels of a contour; inside is false where it encloses a hole.
func (roi lidcROI) outline(g *dicomio.Geometry) (inside bool, xy [][2]int, err error) {
	switch strings.ToUpper(strings.TrimSpace(roi.Inclusion)) {
	case "TRUE":
		inside = true
	case "FALSE":
	case "":
		return false, nil, badFile("a contour has no inclusion, or an empty one; it must be TRUE or FALSE")
	default:
		return false, nil, badFile("the inclusion of a contour is neither TRUE nor FALSE")
	}
	if len(roi.Edge) == 0 {
		return false, nil, badFile("a contour has no edgeMap, that is no point")
	}
	xy = make([][2]int, len(roi.Edge))
	for i, e := range roi.Edge {
		for axis, list := range [2][]string{e.X, e.Y} {
			name := [2]string{"xCoord", "yCoord"}[axis]
			if len(list) > 1 {
				return false, nil, badFile("point %d of a contour has more than one %s", i+1, name)
			}
			if len(list) == 0 || strings.TrimSpace(list[0]) == "" {
				return false, nil, badFile("point %d of a contour has no %s, or an empty one", i+1, name)
			}
			v, err := strconv.Atoi(strings.TrimSpace(list[0]))
			if err != nil {
				return false, nil, badFile("the %s of point %d of a contour is not a whole number", name, i+1)
			}
			if v < 0 || v >= [2]int{g.Cols, g.Rows}[axis] {
				return false, nil, badFile("a contour leaves the image of %d x %d pixels", g.Cols, g.Rows)
			}
			xy[i][axis] = v
		}
	}
	return inside, xy, nil
}

// slice finds the image of a contour.
func (p *lidc) slice(roi lidcROI) (z int, ok bool, err error) {
	at, named, err := 0.0, strings.TrimSpace(roi.SOP), error(nil)
	text := strings.TrimSpace(roi.Z)
	if text != "" {
		if at, err = numberIn(text); err != nil || math.IsNaN(at) || math.IsInf(at, 0) {
			return 0, false, badFile("the imageZposition of a contour is not a number")
		}
	}
	if named != "" {
		if z, ok = p.slices[named]; !ok || text == "" {
			return z, ok, nil
		}
		const rounded = 0.5 // mm
		if d := math.Abs(p.series.Slices[z].Origin[2] - at); d > rounded {
			return 0, false, badFile("the imageZposition of a contour is %.4g mm from the image that its imageSOP_UID names; correct one of them", d)
		}
		return z, true, nil
	}
	if text == "" || !p.named || p.series.Geometry.Normal[2] < 0.999 {
		return 0, false, nil
	}
	const near = 0.1 // mm
	for i, s := range p.series.Slices {
		if d := s.Origin[2] - at; d > -near && d < near {
			return i, true, nil
		}
	}
	return 0, false, nil
}
