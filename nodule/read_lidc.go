package nodule

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio"
)

// Limits of an LIDC file.
const (
	maxLIDCNodules = 512      // contoured nodules of all readers together
	maxLIDCPixels  = 20 << 20 // of the boxes around all contours
)

// readLIDCHead reads what stands before the readers' marks: the series.
func readLIDCHead(text []byte) (*CandidateFile, error) {
	f := &CandidateFile{Kind: KindLIDC, text: text}
	root := false
	broken := func(err error) error {
		if err = xmlCause(err); !root {
			err = fmt.Errorf("%w: %w", ErrNotCandidates, err)
		}
		return badFileCause(err, "not well-formed XML")
	}
	dec := newXML(bytes.NewReader(text))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, broken(err)
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		var to *string
		var series string
		switch el.Name.Local {
		case "LidcReadMessage":
			root = true
		case "StudyInstanceUID":
			to = &f.StudyUID
		case "SeriesInstanceUid", "SeriesInstanceUID":
			to = &series
		}
		if el.Name.Local == "readingSession" {
			break
		}
		if to == nil {
			continue
		}
		if err := dec.DecodeElement(to, &el); err != nil {
			return nil, broken(err)
		}
		if *to = strings.TrimSpace(*to); series != "" {
			f.SeriesUIDs = []string{series}
		}
	}
	if !root {
		return nil, badFileCause(ErrNotCandidates, "XML, but not of LIDC-IDRI (no LidcReadMessage)")
	}
	return f, nil
}

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
// Contours of images that the series lacks are skipped; where none is left, or
// the file names another series, the error has CodeCandidateFileInvalid. A file in which nobody
// contoured a nodule gives CodeNoCandidates.
func parseLIDC(r io.Reader, series *dicomio.Series) ([]Candidate, []Skipped, error) {
	p := newLIDC(series)
	if err := p.read(r); err != nil {
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
	Z         string `xml:"imageZposition"`
	SOP       string `xml:"imageSOP_UID"`
	Inclusion string `xml:"inclusion"`
	Edge      []struct {
		X int `xml:"xCoord"`
		Y int `xml:"yCoord"`
	} `xml:"edgeMap"`
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

func (p *lidc) read(r io.Reader) error {
	dec := newXML(r)
	root := false
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return badFileCause(xmlCause(err), "not well-formed XML")
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		switch el.Name.Local {
		case "LidcReadMessage":
			root = true
		case "SeriesInstanceUid", "SeriesInstanceUID":
			var uid string
			if err := dec.DecodeElement(&uid, &el); err != nil {
				return badFileCause(xmlCause(err), "not well-formed XML")
			}
			if uid = strings.TrimSpace(uid); uid != "" && uid != p.series.SeriesUID {
				return badFile("the contours are of another series; give the file of this series")
			}
			p.named = p.named || uid != ""
		case "readingSession":
			p.reader++
		case "unblindedReadNodule":
			var n lidcNodule
			if err := dec.DecodeElement(&n, &el); err != nil {
				return badFileCause(xmlCause(err), "a nodule cannot be read")
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
		if !strings.EqualFold(strings.TrimSpace(roi.Inclusion), "TRUE") || len(roi.Edge) == 0 {
			continue
		}
		z, ok := p.slice(roi)
		if !ok {
			p.unmatched++
			continue
		}
		xy := make([][2]int, len(roi.Edge))
		for i, e := range roi.Edge {
			if e.X < 0 || e.X >= g.Cols || e.Y < 0 || e.Y >= g.Rows {
				return badFile("a contour leaves the image of %d x %d pixels", g.Cols, g.Rows)
			}
			xy[i] = [2]int{e.X, e.Y}
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

// slice finds the image of a contour.
func (p *lidc) slice(roi lidcROI) (int, bool) {
	if sop := strings.TrimSpace(roi.SOP); sop != "" {
		z, ok := p.slices[sop]
		return z, ok
	}
	at, err := strconv.ParseFloat(strings.TrimSpace(roi.Z), 64)
	if err != nil || !p.named || p.series.Geometry.Normal[2] < 0.999 {
		return 0, false
	}
	const near = 0.1 // mm
	for i, s := range p.series.Slices {
		if d := s.Origin[2] - at; d > -near && d < near {
			return i, true
		}
	}
	return 0, false
}

// newXML reads what [ReadCandidates] has turned into UTF-8, whatever the file
// says of its single-byte characters.
func newXML(r io.Reader) *xml.Decoder {
	dec := xml.NewDecoder(r)
	dec.CharsetReader = func(charset string, r io.Reader) (io.Reader, error) {
		charset = strings.ToLower(charset)
		for _, known := range [...]string{"iso-8859-", "iso8859-", "latin", "l1", "windows-125", "cp125", "us-ascii", "ascii"} {
			if strings.HasPrefix(charset, known) {
				return r, nil
			}
		}
		return nil, errors.New("unknown encoding")
	}
	return dec
}

// xmlCause names the line of a syntax error and keeps values out of the message.
func xmlCause(err error) error {
	var s *xml.SyntaxError
	switch {
	case errors.As(err, &s):
		return fmt.Errorf("line %d: %s", s.Line, s.Msg)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	return errors.New("a value has the wrong type or an unknown encoding")
}
