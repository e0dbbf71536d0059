package sr

import (
	"bytes"
	"fmt"
	"io"

	"github.com/nodulescope/nodulescope/dicomio"
)

// SOP classes of the reports that are read.
const (
	classEnhanced      = "1.2.840.10008.5.1.4.1.1.88.22"
	classComprehensive = "1.2.840.10008.5.1.4.1.1.88.33"
	classChestCAD      = "1.2.840.10008.5.1.4.1.1.88.65"
	classExtensible    = "1.2.840.10008.5.1.4.1.1.88.35"
)

// IsReport tells whether instances of a SOP class can hold candidates that
// [Candidates] reads.
func IsReport(sopClassUID string) bool {
	switch sopClassUID {
	case classEnhanced, classComprehensive, ClassComprehensive3D, classExtensible, classChestCAD:
		return true
	}
	return false
}

// IsOwn tells whether a file is a report with the private codes of this
// package: one that scores candidates, and not one that brings them. Who takes
// candidates from where reports are stored asks it first, or scores lead to
// scores for ever.
func IsOwn(file []byte) bool { return bytes.Contains(file, []byte(scheme)) }

// node is a content item.
type node struct {
	relation, kind string
	name, value    code
	text, uid      string
	number         *float64
	unit           code
	graphic        string
	points         []float64
	frame          string // frame of reference of a SCOORD3D
	image          dicomio.ImagePoint
	target         []uint32 // path of a by-reference item: position among the children from the root on
	children       []*node
}

// document is a report as it was read.
type document struct {
	class  string
	root   *node
	series map[string]string // SOPInstanceUID to SeriesInstanceUID, of the evidence
}

// readDocument reads a report: 16 MiB at most, nested 40 deep at most.
func readDocument(op string, r io.Reader) (*document, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxReportBytes+1))
	if err != nil {
		return nil, refuse(dicomio.CodeUnreadable, op, "the file cannot be read", err)
	}
	if len(b) > maxReportBytes {
		return nil, refuse(dicomio.CodeLimit, op, fmt.Sprintf("the file is larger than the %d MiB that are read", maxReportBytes>>20), nil)
	}
	f, err := parseFile(op, b, endOfSearch)
	if err != nil {
		return nil, err
	}
	d := &document{class: f.text(0x00080016), series: map[string]string{}}
	if !IsReport(d.class) {
		return nil, refuse(CodeNotReport, op, "the file is no structured report of a kind that holds candidates", nil)
	}
	d.root = f.node(f.dataset)
	for _, tag := range []uint32{0x0040A375, 0x0040A385} {
		f.evidence(tag, d.series)
	}
	return d, nil
}

// evidence notes in which series the instances lie that a report refers to.
func (f *file) evidence(tag uint32, series map[string]string) {
	for _, study := range f.items(tag) {
		for _, s := range study.items(0x00081115) {
			uid := f.textOf(s, 0x0020000E)
			for _, instance := range s.items(0x00081199) {
				series[f.textOf(instance, 0x00081155)] = uid
			}
		}
	}
}

func (d dataset) items(tag uint32) []dataset {
	if e := d.find(tag); e != nil {
		return e.items
	}
	return nil
}

// node makes a content item of a data set. Its depth is that of the data set,
// which the parser has limited.
func (f *file) node(d dataset) *node {
	n := &node{
		relation: f.textOf(d, 0x0040A010), kind: f.textOf(d, 0x0040A040),
		name: f.code(d.first(0x0040A043)), value: f.code(d.first(0x0040A168)),
		text: f.textOf(d, 0x0040A160), uid: f.textOf(d, 0x0040A124),
		graphic: f.textOf(d, 0x00700023), points: f.numbersOf(d, 0x00700022), frame: f.textOf(d, 0x30060024),
		target: f.longsOf(d, 0x0040DB73),
	}
	if measured := d.first(0x0040A300); measured != nil {
		if v := f.numbersOf(measured, 0x0040A30A); len(v) > 0 {
			n.number, n.unit = &v[0], f.code(measured.first(0x004008EA))
		}
	}
	if ref := d.first(0x00081199); ref != nil {
		n.image = dicomio.ImagePoint{SOPClassUID: f.textOf(ref, 0x00081150), SOPInstanceUID: f.textOf(ref, 0x00081155)}
		if frames := f.integerOf(ref, 0x00081160); frames > 1 {
			n.image.Frame = frames - 1
		}
	}
	for _, item := range d.items(0x0040A730) {
		n.children = append(n.children, f.node(item))
	}
	return n
}

// integerOf is the first value of an IS element, 0 where there is none.
func (f *file) integerOf(d dataset, tag uint32) int {
	var n int
	if _, err := fmt.Sscanf(f.textOf(d, tag), "%d", &n); err != nil || n < 0 || n > 1<<20 {
		return 0
	}
	return n
}

func (f *file) code(d dataset) code {
	return code{f.textOf(d, 0x00080100), f.textOf(d, 0x00080102), f.textOf(d, 0x00080104)}
}

// resolve returns the item that a by-reference relation means (PS3.3
// C.17.3.2.5), or the item itself.
func (d *document) resolve(n *node) *node {
	if len(n.target) == 0 || n.target[0] != 1 {
		return n
	}
	at := d.root
	for _, i := range n.target[1:] {
		if i < 1 || int64(i) > int64(len(at.children)) {
			return n
		}
		at = at.children[i-1]
	}
	return at
}

// walk calls fn with every item below n, in order; where fn returns false, the
// items below that one are left out.
func (n *node) walk(fn func(*node) bool) {
	for _, c := range n.children {
		if fn(c) {
			c.walk(fn)
		}
	}
}
