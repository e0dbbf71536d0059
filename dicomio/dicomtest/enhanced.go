package dicomtest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio/codec"
)

// Enhanced says how single-frame CT images become multi-frame ones (PS3.3 A.38
// and A.70). The zero value is one Enhanced CT image with the frames in the order
// of the files.
type Enhanced struct {
	Legacy bool   // Legacy Converted Enhanced CT
	Parts  int    // files of a concatenation; default 1, which is none
	Stack  []int  // of each file, from 1; default all 1
	Times  []int  // temporal position of each file, from 1; default none
	Name   string // end of the UIDs of what is made
	Syntax string // transfer syntax, uncompressed or deflated; default explicit VR little endian

	Frame func(i int, groups *codec.Dataset) // changes the functional groups of a frame
	Image func(d *codec.Dataset)             // changes the image
}

// taken are the elements of single-frame images that an enhanced one keeps, and
// their representation.
var taken = map[uint32]string{
	0x00080005: "CS", 0x00080008: "CS", 0x00080016: "UI", 0x00080018: "UI", 0x00080020: "DA", 0x00080030: "TM", 0x00080050: "SH", 0x00080060: "CS",
	0x00080070: "LO", 0x00080090: "PN", 0x00080201: "SH", 0x00100010: "PN", 0x00100020: "LO", 0x00100030: "DA", 0x00100040: "CS", 0x00180060: "DS",
	0x00180050: "DS", 0x00181210: "SH", 0x0020000D: "UI", 0x0020000E: "UI", 0x00200010: "SH", 0x00200011: "IS", 0x00200012: "IS", 0x00200013: "IS",
	0x00200032: "DS", 0x00200037: "DS", 0x00200052: "UI", 0x00201040: "LO", 0x00280002: "US", 0x00280004: "CS", 0x00280010: "US", 0x00280011: "US",
	0x00280030: "DS", 0x00280100: "US", 0x00280101: "US", 0x00280102: "US", 0x00280103: "US", 0x00280120: "US", 0x00280121: "US",
	0x00281052: "DS", 0x00281053: "DS", 0x00281054: "LO",
}

// ofImage are those of them that stand once for all frames.
var ofImage = []uint32{
	0x00080005, 0x00080020, 0x00080030, 0x00080050, 0x00080060, 0x00080070, 0x00080090, 0x00080201, 0x00100010, 0x00100020, 0x00100030, 0x00100040,
	0x0020000D, 0x0020000E, 0x00200010, 0x00200011, 0x00200052, 0x00201040, 0x00280002, 0x00280004, 0x00280010, 0x00280011, 0x00280100,
	0x00280101, 0x00280102, 0x00280103, 0x00280120, 0x00280121,
}

// MakeEnhanced puts single-frame CT images into multi-frame ones, of explicit VR
// little endian by default: one file, or Parts of a concatenation. What they do not have that
// an Enhanced CT must is made up.
func MakeEnhanced(images [][]byte, e Enhanced) ([][]byte, error) {
	e.Parts = max(e.Parts, 1)
	frames := make([]codec.Dataset, len(images))
	var pixels [][]byte
	var dec codec.Decoder
	for i, b := range images {
		src := bytes.NewReader(b)
		f, err := codec.Read(src, codec.Wanted{Elements: taken, Last: codec.PixelData, MaxValue: 1 << 14, MaxTotal: 1 << 18, MaxInflated: 1 << 28, MaxElements: 1 << 16})
		if err != nil {
			return nil, err
		}
		d := f.Dataset
		number := func(tag uint32) int { n, _ := d.Integer(tag); return n }
		raw, err := dec.Decode(src, f.Pixels, codec.Shape{
			Rows: number(0x00280010), Cols: number(0x00280011), Allocated: number(0x00280100), Stored: number(0x00280101), Signed: number(0x00280103) == 1,
		})
		if err != nil {
			return nil, err
		}
		frames[i], pixels = d, append(pixels, bytes.Clone(raw))
	}
	if len(frames) == 0 {
		return nil, errors.New("there are no images")
	}
	var out [][]byte
	for part := range e.Parts {
		from, to := part*len(frames)/e.Parts, (part+1)*len(frames)/e.Parts
		b, err := e.file(frames, pixels, part, from, to)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// file writes frames from..to-1.
func (e Enhanced) file(frames []codec.Dataset, pixels [][]byte, part, from, to int) ([]byte, error) {
	first := frames[0]
	var d codec.Dataset
	copyTo(&d, first, ofImage...)
	class := "1.2.840.10008.5.1.4.1.1.2.1"
	if e.Legacy {
		class = "1.2.840.10008.5.1.4.1.1.2.2"
	}
	uid := first.Text(0x0020000E) + ".77" + e.Name
	instance := fmt.Sprintf("%s.%d", uid, part+1)
	d.AddText(0x00080008, "CS", strings.Split(e.frameType(first), `\`)...)
	d.AddText(0x00080016, "UI", class)
	d.AddText(0x00080018, "UI", instance)
	d.AddText(0x00080023, "DA", first.Text(0x00080020))
	d.AddText(0x00080033, "TM", first.Text(0x00080030))
	d.AddText(0x00200013, "IS", "1")
	d.AddText(0x00280008, "IS", fmt.Sprint(to-from))
	if e.Parts > 1 {
		d.AddText(0x00200242, "UI", uid)
		d.AddText(0x00209161, "UI", uid+".9")
		d.AddUint16(0x00209162, part+1)
		d.AddUint16(0x00209163, e.Parts)
		d.AddUint32(0x00209228, from)
	}
	e.describe(&d)
	e.dimensions(&d, uid)
	d.AddSequence(0x52009229, e.shared(first))
	var groups []codec.Dataset
	var raw []byte
	for i := from; i < to; i++ {
		g := e.groups(frames[i], i)
		if e.Frame != nil {
			e.Frame(i, &g)
		}
		groups, raw = append(groups, g), append(raw, pixels[i]...)
	}
	d.AddSequence(0x52009230, groups...)
	vr := "OW"
	if n, _ := first.Integer(0x00280100); n == 8 {
		vr = "OB"
	}
	d.AddBytes(codec.PixelData, vr, raw)
	if e.Image != nil {
		e.Image(&d)
	}
	var f bytes.Buffer
	err := codec.Write(&f, d, codec.Meta{Syntax: e.Syntax, Class: class, Instance: instance, Implementation: "1.2.826.0.1.3680043.10.9"})
	return f.Bytes(), err
}

func copyTo(d *codec.Dataset, from codec.Dataset, tags ...uint32) {
	for _, tag := range tags {
		if el := from.Find(tag); el != nil {
			*d = append(*d, *el)
		}
	}
}

// frameType is Frame Type, which has four values.
func (e Enhanced) frameType(d codec.Dataset) string {
	t := d.Texts(0x00080008)
	for len(t) < 4 {
		t = append(t, []string{"ORIGINAL", "PRIMARY", "AXIAL", "NONE"}[len(t)])
	}
	if t[2] == "AXIAL" {
		t[2] = "VOLUME"
	}
	return strings.Join(t[:4], `\`)
}

// describe writes what the modules of the equipment and the image want (C.7.5.2,
// C.8.15.2).
func (e Enhanced) describe(d *codec.Dataset) {
	d.AddText(0x00081090, "LO", "Phantom")
	d.AddText(0x00181000, "LO", "1")
	d.AddText(0x00181020, "LO", "1")
	d.AddText(0x00089205, "CS", "MONOCHROME")
	d.AddText(0x00089206, "CS", "VOLUME")
	d.AddText(0x00089207, "CS", "NONE")
	d.AddText(0x0008002A, "DT", "20260101120000")
	d.AddFloat64(0x00189073, 1)
	d.AddText(0x00189004, "CS", "RESEARCH")
	d.AddText(0x00280301, "CS", "NO")
	d.AddText(0x00282110, "CS", "00")
	d.AddText(0x20500020, "CS", "IDENTITY")
	d.AddText(0x00185100, "CS", "HFS")
	d.AddSequence(0x00400555)
}

// dimensions counts frames by stack, time and place (C.7.6.17).
func (e Enhanced) dimensions(d *codec.Dataset, uid string) {
	var o codec.Dataset
	o.AddText(0x00209164, "UI", uid+".8")
	d.AddSequence(0x00209221, o)
	var items []codec.Dataset
	for _, tag := range []uint32{0x00209056, 0x00209128, 0x00209057} {
		if tag == 0x00209128 && e.Times == nil {
			continue
		}
		var p codec.Dataset
		p.AddText(0x00209164, "UI", uid+".8")
		p.AddTag(0x00209165, tag)
		p.AddTag(0x00209167, 0x00209111)
		items = append(items, p)
	}
	d.AddSequence(0x00209222, items...)
}

// shared are the groups that all frames have in common.
func (e Enhanced) shared(first codec.Dataset) codec.Dataset {
	var measures, plane, frameType, d codec.Dataset
	copyTo(&measures, first, 0x00280030, 0x00180050)
	if measures.Find(0x00180050) == nil {
		measures.AddText(0x00180050, "DS", "2.5")
	}
	copyTo(&plane, first, 0x00200037)
	frameType.AddText(0x00089007, "CS", strings.Split(e.frameType(first), `\`)...)
	frameType.AddText(0x00089205, "CS", "MONOCHROME")
	frameType.AddText(0x00089206, "CS", "VOLUME")
	frameType.AddText(0x00089207, "CS", "NONE")
	d.AddSequence(0x00289110, measures)
	d.AddSequence(0x00209116, plane)
	d.AddSequence(0x00189329, frameType)
	d.AddSequence(0x00209071, anatomy())
	var exposure, reconstruction codec.Dataset
	copyTo(&exposure, first, 0x00180060)
	copyTo(&reconstruction, first, 0x00181210)
	if e.Legacy {
		exposure = append(exposure, reconstruction...)
		d.AddSequence(0x00209170, exposure)
		return d
	}
	acquisition(&d, exposure, reconstruction)
	return d
}

// anatomy is a chest (C.7.6.16.2.8).
func anatomy() (d codec.Dataset) {
	var region codec.Dataset
	region.AddText(0x00080100, "SH", "51185008")
	region.AddText(0x00080102, "SH", "SCT")
	region.AddText(0x00080104, "LO", "Chest")
	d.AddSequence(0x00082218, region)
	d.AddText(0x00209072, "CS", "U")
	return d
}

// groups are the functional groups of a frame.
func (e Enhanced) groups(image codec.Dataset, i int) codec.Dataset {
	var content, position, rescale, d codec.Dataset
	stack := 1
	if e.Stack != nil {
		stack = e.Stack[i]
	}
	content.AddText(0x00209056, "SH", fmt.Sprint(stack))
	content.AddUint32(0x00209057, i+1)
	index := []int{stack, i + 1}
	if e.Times != nil {
		content.AddUint32(0x00209128, e.Times[i])
		index = []int{stack, e.Times[i], i + 1}
	}
	content.AddUint32(0x00209157, index...)
	if !e.Legacy {
		content.AddUint16(0x00209156, 1)
		content.AddText(0x00189074, "DT", "20260101120000")
		content.AddText(0x00189151, "DT", "20260101120000")
		content.AddFloat64(0x00189220, 500)
	}
	copyTo(&position, image, 0x00200032)
	copyTo(&rescale, image, 0x00281052, 0x00281053, 0x00281054)
	d.AddSequence(0x00209111, content)
	d.AddSequence(0x00209113, position)
	d.AddSequence(0x00289145, rescale)
	if e.Legacy {
		var old, source codec.Dataset
		copyTo(&old, image, 0x00200012, 0x00200013)
		d.AddSequence(0x00209171, old)
		source.AddText(0x00081150, "UI", image.Text(0x00080016))
		source.AddText(0x00081155, "UI", image.Text(0x00080018))
		d.AddSequence(0x00209172, source)
	}
	return d
}
