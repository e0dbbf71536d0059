package sr

import (
	"bytes"
	"fmt"
	"io"
	"math"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
)

// SOP classes of the reports that are read.
const (
	classEnhanced      = "1.2.840.10008.5.1.4.1.1.88.22"
	classComprehensive = "1.2.840.10008.5.1.4.1.1.88.33"
	classChestCAD      = "1.2.840.10008.5.1.4.1.1.88.65"
	classExtensible    = "1.2.840.10008.5.1.4.1.1.88.35"
)

// IsReport tells whether instances of a SOP class are reports that [Read] reads.
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

// Document is a report as it was read.
type Document struct {
	Class    string // SOP class
	StudyUID string
	Root     *Item
	Series   map[string]string // SOPInstanceUID to SeriesInstanceUID, of the evidence
}

// Item is a content item (PS3.3 C.17.3). What its type does not have is empty.
type Item struct {
	Relation, Type      string // such as CONTAINS and NUM
	Name, Value         Code
	Text, UID           string
	Number              *float64
	Unit                Code
	Graphic             string    // of SCOORD and SCOORD3D
	Points              []float64 // of these: column, row or LPS x, y, z in mm; finite
	FrameOfReferenceUID string    // of SCOORD3D
	Image               dicomio.ImagePoint
	Children            []*Item

	target []uint32 // path of a by-reference item: position among the children from the root on
}

// Code is a coded concept (PS3.3 section 8).
type Code struct{ Value, Scheme, Meaning string }

// Same tells whether two codes are the same concept, whatever its wording.
func (c Code) Same(o Code) bool { return c.Value == o.Value && c.Scheme == o.Scheme }

// Read reads the content tree of a report: Enhanced, Comprehensive,
// Comprehensive 3D, Extensible or Chest CAD SR, 16 MiB at most, nested 40 deep
// at most.
//
// Errors are a [dicomio.Error] with [CodeNotReport] or a code of dicomio:
// file_unreadable, file_truncated, limit_exceeded. They hold no value of the
// file.
func Read(r io.Reader) (*Document, error) {
	const op = "read structured report"
	b, err := io.ReadAll(io.LimitReader(r, maxReportBytes+1))
	if err != nil {
		return nil, refuse(dicomio.CodeUnreadable, op, "the file cannot be read", err)
	}
	if len(b) > maxReportBytes {
		return nil, refuse(dicomio.CodeLimit, op, fmt.Sprintf("the file is larger than the limit of %d MiB", maxReportBytes>>20), nil)
	}
	f, err := parseFile(op, b, contentElements, endOfContent)
	if err != nil {
		return nil, err
	}
	d := &Document{Class: f.text(0x00080016), StudyUID: f.text(0x0020000D), Series: map[string]string{}}
	if !IsReport(d.Class) {
		return nil, refuse(CodeNotReport, op, "the file is not a structured report of a kind that holds candidates", nil)
	}
	d.Root = f.item(f.Dataset)
	for _, tag := range []uint32{0x0040A375, 0x0040A385} {
		f.evidence(tag, d.Series)
	}
	return d, nil
}

// evidence notes in which series the instances lie that a report refers to.
func (f *file) evidence(tag uint32, series map[string]string) {
	for _, study := range f.Items(tag) {
		for _, s := range study.Items(0x00081115) {
			uid := f.textOf(s, 0x0020000E)
			for _, instance := range s.Items(0x00081199) {
				series[f.textOf(instance, 0x00081155)] = uid
			}
		}
	}
}

// item makes a content item of a data set. Its depth is that of the data set,
// which the parser has limited.
func (f *file) item(d codec.Dataset) *Item {
	n := &Item{
		Relation: f.textOf(d, 0x0040A010), Type: f.textOf(d, 0x0040A040),
		Name: f.code(d.First(0x0040A043)), Value: f.code(d.First(0x0040A168)),
		Text: f.textOf(d, 0x0040A160), UID: f.textOf(d, 0x0040A124),
		Graphic: f.textOf(d, 0x00700023), Points: numbers(d, 0x00700022), FrameOfReferenceUID: f.textOf(d, 0x30060024),
		target: d.Integers(0x0040DB73),
	}
	if measured := d.First(0x0040A300); measured != nil {
		if v := numbers(measured, 0x0040A30A); len(v) > 0 {
			n.Number, n.Unit = &v[0], f.code(measured.First(0x004008EA))
		}
	}
	if ref := d.First(0x00081199); ref != nil {
		n.Image = dicomio.ImagePoint{SOPClassUID: f.textOf(ref, 0x00081150), SOPInstanceUID: f.textOf(ref, 0x00081155)}
		n.Image.Frame = frameOf(ref, n.Image.SOPClassUID)
	}
	for _, child := range d.Items(0x0040A730) {
		n.Children = append(n.Children, f.item(child))
	}
	return n
}

// frameOf is the zero-based frame that a reference to an image means: -1, which no
// image has, where it is one of several frames and the reference does not name
// exactly one.
func frameOf(ref codec.Dataset, class string) int {
	frame, ok := ref.Integer(0x00081160)
	switch ok = ok && frame > 0 && frame <= 1<<20; {
	case dicomio.MultiFrame(class) && (!ok || len(ref.Texts(0x00081160)) != 1):
		return -1
	case !ok:
		return 0
	}
	return frame - 1
}

// numbers are those of an element; where one of them is absurd, there are none.
func numbers(d codec.Dataset, tag uint32) []float64 {
	list := d.Floats(tag)
	for _, v := range list {
		if math.Abs(v) > 1e9 {
			return nil
		}
	}
	return list
}

func (f *file) code(d codec.Dataset) Code {
	return Code{f.textOf(d, 0x00080100), f.textOf(d, 0x00080102), f.textOf(d, 0x00080104)}
}

// Resolve returns the item that a by-reference relation means (PS3.3
// C.17.3.2.5), or the item itself.
func (d *Document) Resolve(n *Item) *Item {
	if len(n.target) == 0 || n.target[0] != 1 {
		return n
	}
	at := d.Root
	for _, i := range n.target[1:] {
		if i < 1 || int64(i) > int64(len(at.Children)) {
			return n
		}
		at = at.Children[i-1]
	}
	return at
}

// Walk calls fn with every item below n, in order; where fn returns false, the
// items below that one are left out.
func (n *Item) Walk(fn func(*Item) bool) {
	for _, c := range n.Children {
		if fn(c) {
			c.Walk(fn)
		}
	}
}

// Child returns the child of a name, an empty one where there is none.
func (n *Item) Child(name Code) *Item {
	for _, c := range n.Children {
		if c.Name.Same(name) {
			return c
		}
	}
	return &Item{}
}
