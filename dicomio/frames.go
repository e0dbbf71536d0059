package dicomio

import (
	"fmt"
	"maps"
	"strconv"

	"github.com/nodulescope/nodulescope/dicomio/codec"
)

const (
	maxFrames     = 1 << 14 // in one file
	maxFrameValue = 1 << 10 // bytes of a header value, which may be that of every frame
)

// Functional groups of a multi-frame image (PS3.3 C.7.6.16): macros that stand
// once for all frames or in an item of each.
const (
	sharedGroups   = 0x52009229
	perFrameGroups = 0x52009230
	sharedOld      = 0x00209170 // of the single images that a legacy one was made of: what no macro has a place for
	perFrameOld    = 0x00209171
	tableExtended  = 0x7FE00001 // Extended Offset Table
)

// macros are the sequences that hold what a volume needs of a frame.
var macros = []uint32{
	0x00209113, 0x00209116, 0x00289110, 0x00289145, 0x00209111, // plane position and orientation, pixel measures, rescaling, frame content
	0x00189329, 0x00189301, 0x00189304, 0x00189325, 0x00189314, // CT: frame type, acquisition and its details, exposure, reconstruction
	0x00189118, 0x00209310, // cardiac synchronization, temporal position
}

// renamed are attributes of a frame that are other ones of a single image.
var renamed = map[uint32]uint32{
	0x00089007: 0x00080008, // Frame Type: Image Type
	0x00189074: 0x0008002A, // Frame Acquisition DateTime: Acquisition DateTime
	0x00209156: 0x00200012, // Frame Acquisition Number: Acquisition Number
	0x00209128: 0x00200100, // Temporal Position Index: Temporal Position Identifier
	0x00209153: 0x00181060, // Nominal Cardiac Trigger Delay Time: Trigger Time
}

// wantedOfFrames are wanted, the functional groups, and what is only in them.
var wantedOfFrames = func() map[uint32]string {
	m := maps.Clone(wanted)
	for _, tag := range append([]uint32{sharedGroups, perFrameGroups, sharedOld, perFrameOld}, macros...) {
		m[tag] = "SQ"
	}
	maps.Copy(m, map[uint32]string{
		0x00089007: "CS", 0x00089205: "CS", 0x00189074: "DT", 0x00209156: "US", 0x00209128: "UL", 0x00209153: "FD", 0x00209056: "SH",
		0x00209161: "UI", 0x00209162: "US", 0x00209163: "US", 0x00209228: "UL", tableExtended: "OV",
	})
	return m
}()

// enhanced tells the classes of multi-frame CT: Enhanced CT and Legacy Converted
// Enhanced CT.
func enhanced(sopClass string) bool { return sopClass == classCT+".1" || sopClass == classCT+".2" }

// part is what a file is of a concatenation (PS3.3 C.7.6.16.2.2.4).
type part struct {
	uid        string // of the concatenation; empty: the file is whole
	number, of int    // its own, from 1; of how many, 0 where that is not told
}

// readFrames reads a multi-frame CT: a header for each frame, with its functional
// groups in place of what a single image says. Where it is refused, what is known
// of the file comes back.
func readFrames(src codec.Source, inflateLimit int64) ([]*header, error) {
	f, err := codec.Read(src, codec.Wanted{
		Elements: wantedOfFrames, Sealed: sealed, Last: codec.PixelData,
		MaxValue: maxFrameValue, Longer: map[uint32]int64{tableExtended: 8 * maxFrames}, MaxTotal: 1 << 10 * maxFrames, MaxInflated: inflateLimit, MaxElements: 8 * maxElements,
	})
	p := parsed{f}
	file := p.identify()
	if err == nil {
		err = file.checkKind(p)
	}
	n := 0
	if err == nil {
		n, err = p.frames()
	}
	if err != nil {
		return []*header{file}, err
	}
	list := make([]*header, n)
	offset, _ := p.Integer(0x00209228) // ConcatenationFrameOffsetNumber
	number, _ := p.Integer(0x00200013)
	groups, shared := p.Items(perFrameGroups), p.shared()
	for i := range list {
		one := p.frame(groups[i], shared)
		h := one.identify()
		h.belong(file)
		h.frame, h.frames, h.number = i, n, max(offset, 0)+i+1
		if own := groups[i].First(perFrameOld); own.Find(0x00200013) == nil {
			h.marks.clock[clockInstance] = float64(number)*(1<<24) + float64(h.number)
		}
		err := one.measures(file.sopClass)
		if err == nil {
			err = h.describe(one, inflateLimit)
		}
		if err != nil {
			e := asError(err, CodeUnreadable, "the header is corrupt")
			return []*header{file}, refuse(e.Code, fmt.Sprintf("frame %d of %d: %s", i+1, n, e.Hint), e.Err)
		}
		list[i] = h
	}
	return list, p.placeFrames(src, list)
}

// frames is how many frames there are, each with an item of functional groups.
func (p parsed) frames() (int, error) {
	n, ok := p.Integer(0x00280008)
	items := len(p.Items(perFrameGroups))
	switch {
	case !ok || n < 1:
		return 0, refuse(CodeUnreadable, "NumberOfFrames is missing or no positive number; send the image again", nil)
	case n > maxFrames:
		return 0, refuse(CodeLimit, fmt.Sprintf("the image claims more than %d frames; split it into several", maxFrames), nil)
	case items != n:
		return 0, refuse(CodeUnreadable, fmt.Sprintf("the image has %d frames, but functional groups of %d; send it again, or as single-frame CT images", n, items), nil)
	}
	return n, nil
}

// shared is what holds for all frames: what the shared functional groups say goes
// before what the image says.
func (p parsed) shared() codec.Dataset {
	return appendLeaves(appendGroups(nil, p.First(sharedGroups), sharedOld), p.Dataset)
}

// frame makes one frame look as if it were an image of its own. What its own
// functional groups say goes before what holds for all frames.
func (p parsed) frame(own, shared codec.Dataset) parsed {
	f := *p.File
	f.Dataset = appendLeaves(appendGroups(make(codec.Dataset, 0, len(wanted)), own, perFrameOld), shared)
	return parsed{&f}
}

// belong takes from the file what no functional group may change.
func (h *header) belong(file *header) {
	h.sopClass, h.sopUID, h.modality, h.part = file.sopClass, file.sopUID, file.modality, file.part
	h.studyUID, h.seriesUID, h.frameUID = file.studyUID, file.seriesUID, file.frameUID
}

// measures refuses frames that do not measure HU: colours, and maps such as those
// of perfusion.
func (p parsed) measures(sopClass string) error {
	switch s := p.Text(0x00089205); {
	case s != "" && s != "MONOCHROME":
		return refuse(CodePixelFormat, "PixelPresentation is not monochrome: the frame shows colours, not HU; name the scan that it was made of", nil)
	case p.Text(0x00281054) == "US" && sopClass == classCT+".1":
		return refuse(CodePixelFormat, "RescaleType is US (unspecified): the frame does not measure HU; name the scan that it was made of", nil)
	}
	return nil
}

// appendGroups adds what an item of functional groups says, and then what stands in
// it under old.
func appendGroups(d, groups codec.Dataset, old uint32) codec.Dataset {
	for _, g := range []codec.Dataset{groups, groups.First(old)} {
		d = appendLeaves(d, g)
		for _, m := range macros {
			d = appendLeaves(d, g.First(m))
		}
	}
	return d
}

// appendLeaves adds what is no sequence and not there yet, under the name that a
// single image has for it, and numbers as text where they have another one.
func appendLeaves(d, from codec.Dataset) codec.Dataset {
	for _, e := range from {
		tag, ok := renamed[e.Tag]
		if !ok {
			tag = e.Tag
		}
		if e.VR == "SQ" || d.Find(tag) != nil {
			continue
		}
		if ok {
			one := codec.Dataset{e}
			if n, ok := one.Integer(e.Tag); ok {
				e.VR, e.Value = "UT", strconv.AppendInt(nil, int64(n), 10)
			} else if v := one.Floats(e.Tag); e.VR == "FD" && len(v) == 1 {
				e.VR, e.Value = "UT", strconv.AppendFloat(nil, v[0], 'g', -1, 64)
			}
			e.Tag = tag
		}
		d = append(d, e)
	}
	return d
}

// placeFrames finds the pixels of all frames of a file.
func (p parsed) placeFrames(src codec.Source, list []*header) error {
	first := &list[0].format
	if err := first.readPixels(p, len(list)); err != nil {
		return err
	}
	var table []byte
	if e := p.Find(tableExtended); e != nil {
		table = e.Value
	}
	pixels, err := codec.Frames(src, first.pixels, first.Shape, len(list), table)
	if err != nil {
		return err
	}
	for i, h := range list {
		if h.format.Shape != first.Shape || h.format.highBit != first.highBit {
			return refuse(CodePixelFormat, fmt.Sprintf("frame %d of %d: its size or bits are not those of the first frame, and a file has them once; send the image again", i+1, len(list)), nil)
		}
		h.format.syntax, h.format.pixels = first.syntax, pixels[i]
	}
	if !list[0].lossy.lost {
		list[0].readCode(src)
		for _, h := range list[1:] { // all are of one code
			h.lossy = list[0].lossy
		}
	}
	return nil
}

// part reads what a file is of a concatenation.
func (p parsed) part() (c part) {
	c.uid = p.Text(0x00209161)
	c.number, _ = p.Integer(0x00209162)
	c.of, _ = p.Integer(0x00209163)
	return c
}

// warnParts tells where parts of a concatenation are not there.
func (s *Series) warnParts(images []*header) {
	there := map[string]map[int]bool{}
	total := map[string]int{}
	for _, h := range images {
		if c := h.part; c.uid != "" {
			if there[c.uid] == nil {
				there[c.uid] = map[int]bool{}
			}
			there[c.uid][c.number] = true
			total[c.uid] = max(total[c.uid], c.number, c.of)
		}
	}
	for uid, parts := range there {
		if n := total[uid] - len(parts); n > 0 {
			s.warn(CodeTruncated, "%s of an image in %d files not there; send the whole series", count(n, "file"), total[uid])
		}
	}
}

// MultiFrame tells whether images of a SOP class have frames, so that a reference
// to one names its frame (PS3.3 table 10-3).
func MultiFrame(sopClassUID string) bool { return enhanced(sopClassUID) }
