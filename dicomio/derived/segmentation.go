package derived

import (
	"fmt"
	"io"
	"slices"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/use"
)

// Limits of a segmentation.
const (
	maxOutlines   = 512
	maxMaskVoxels = 1 << 24  // of one outline
	maxSegBits    = 1 << 31  // of all frames: 256 MiB
	maxGridMM     = 10.0     // between voxels of a mask
	minGridMM     = 1.0 / 16 // likewise
)

// Drawn says how a person made an outline (Segment Algorithm Type of PS3.3
// C.8.20.2).
type Drawn string

// Kinds of outlines that a person made.
const (
	Semiautomatic Drawn = "SEMIAUTOMATIC" // with a program that suggests: accepted or changed
	Manual        Drawn = "MANUAL"
)

// Outline is the mask of one nodule, on a grid along the patient's axes: z
// grows to the head, y to the back, x to the patient's left.
type Outline struct {
	ID        string      // of the nodule, as in its report
	OriginLPS dicomio.Vec // mm; centre of voxel (0, 0, 0)
	SpacingMM [3]float64  // between voxel centres, z, y, x; 1/16 to 10
	Size      [3]int      // voxels, z, y, x
	Mask      []bool      // [z, y, x]; true inside the nodule
	Drawn     Drawn       // by a person; empty: by the algorithm
}

// Segmentation says which pixels of a series lie in which nodule: a binary
// Segmentation (PS3.3 A.51) on the series' own slices, one segment per nodule.
// Make it with [NewSegmentation].
type Segmentation struct {
	Object
	algorithm sr.Algorithm
	series    *dicomio.Series
	segments  []segment
}

// segment is a nodule with at least one frame.
type segment struct {
	id     string
	drawn  Drawn
	frames []segmentFrame
}

// segmentFrame is what one slice of the series shows of one nodule.
type segmentFrame struct {
	slice  int   // of the series
	pixels []int // row * columns + column, ascending; never empty
}

// NewSegmentation puts outlines on the pixels of the series that they were made
// of: a pixel lies in a nodule where the mask, as 0 and 1 interpolated
// trilinearly at the pixel's centre and 0 beyond its grid, is at least 0.5.
// Nothing is interpolated between slices: a pixel is judged where its slice
// was taken. The header of o must be that of the series.
//
// A nodule that lies between two slices, or is smaller than a pixel, may hold no
// pixel centre. It then has no segment, see [Segmentation.Segment].
//
// Its error has [sr.CodeReportInvalid] where o, the algorithm or an outline
// misses something or is out of range, or the header is of another series.
func NewSegmentation(o Object, series *dicomio.Series, by sr.Algorithm, outlines []Outline) (*Segmentation, error) {
	const op = "make segmentation"
	bad := func(format string, args ...any) (*Segmentation, error) {
		return nil, invalid(op, fmt.Sprintf(format, args...))
	}
	if err := o.check(op); err != nil {
		return nil, err
	}
	switch {
	case series == nil || len(series.Slices) == 0 || len(series.Slices) != series.Geometry.Slices:
		return bad("there is no series with slices to put outlines on")
	case o.Header.SeriesUID != series.SeriesUID || o.Header.FrameOfReferenceUID != series.FrameOfReferenceUID:
		return bad("the header is that of another series; read it from an image of the series")
	case !codec.ValidUID(o.Header.SeriesUID) || !codec.ValidUID(o.Header.FrameOfReferenceUID):
		return bad("the header has no usable SeriesInstanceUID or FrameOfReferenceUID; without them the outlines have no place")
	case slices.ContainsFunc(outlines, func(n Outline) bool { return n.Drawn == "" }) && (codec.Clean("LO", by.Name) == "" || codec.Clean("LO", by.Version) == ""):
		return bad("the algorithm has no name or no version")
	case len(outlines) > maxOutlines:
		return bad("%d outlines, a segmentation has at most %d", len(outlines), maxOutlines)
	}
	for _, s := range series.Slices {
		if !codec.ValidUID(s.SOPClassUID) || !codec.ValidUID(s.SOPInstanceUID) {
			return bad("a slice of the series has no usable UID")
		}
	}
	m := &Segmentation{Object: o, algorithm: by, series: series}
	seen, bits := map[string]bool{}, 0
	for i, n := range outlines {
		if hint := n.fault(); hint != "" {
			return bad("outline %d %s", i+1, hint)
		}
		if seen[n.ID] {
			return bad("outline %d has the id of another", i+1)
		}
		seen[n.ID] = true
		frames := n.onSlices(series)
		if len(frames) == 0 {
			continue
		}
		m.segments = append(m.segments, segment{n.ID, n.Drawn, frames})
		if bits += len(frames) * series.Geometry.Rows * series.Geometry.Cols; bits > maxSegBits {
			return bad("the outlines need more than the limit of %d MiB; use fewer", maxSegBits>>23)
		}
	}
	return m, nil
}

// fault says what is wrong with an outline, nothing where all is well.
func (n Outline) fault() string {
	voxels := 1
	for _, edge := range n.Size {
		if edge < 1 || edge > maxMaskVoxels/voxels {
			return fmt.Sprintf("has an edge without voxels, or more than %d voxels in all", maxMaskVoxels)
		}
		voxels *= edge
	}
	for axis, d := range n.SpacingMM {
		if notFinite(n.OriginLPS[axis]) || !(d >= minGridMM && d <= maxGridMM) {
			return fmt.Sprintf("has no finite origin, or a spacing that is not %g to %g mm", minGridMM, maxGridMM)
		}
	}
	switch {
	case len(n.Mask) != voxels:
		return "has not as many voxels as its size says"
	case codec.Clean("LO", n.ID) == "":
		return "has no id"
	case n.Drawn != "" && n.Drawn != Semiautomatic && n.Drawn != Manual:
		return "was drawn in a way that DICOM does not know"
	}
	return ""
}

// Empty says whether no outline holds a pixel: there is nothing to store.
func (m *Segmentation) Empty() bool { return len(m.segments) == 0 }

// SOPInstanceUID is that of the segmentation.
func (m *Segmentation) SOPInstanceUID() string { return m.sopInstanceUID("segmentation") }

// SeriesInstanceUID is that of the series which holds the segmentations of a
// result.
func (m *Segmentation) SeriesInstanceUID() string { return m.seriesUID("segmentation") }

// Segment tells a report where the outline of a nodule is. ok is false where
// the nodule has none, or none that holds a pixel.
func (m *Segmentation) Segment(noduleID string) (at sr.Segment, ok bool) {
	i := slices.IndexFunc(m.segments, func(s segment) bool { return s.id == noduleID })
	if i < 0 {
		return sr.Segment{}, false
	}
	return sr.Segment{SOPInstanceUID: m.SOPInstanceUID(), SeriesInstanceUID: m.SeriesInstanceUID(), Number: i + 1}, true
}

// Encode writes the segmentation as a DICOM file, explicit VR little endian:
// frames by segment, then from the first slice of the series to the last, those
// without a pixel left out. Tracking identifiers are those of the result's
// reports ([sr.Report.TrackingUID]). Errors are those of [sr.Report.Encode];
// a segmentation without a segment is one.
func (m *Segmentation) Encode(w io.Writer) error {
	const op = "write segmentation"
	if m.Empty() {
		return invalid(op, "no outline holds a pixel of the series; there is nothing to store")
	}
	var d codec.Dataset
	m.modules(&d, "segmentation", sr.ClassSegmentation, "SEG", 9004, "Nodule outlines, "+use.Label)
	m.image(&d)
	m.describe(&d)
	m.dimensions(&d)
	m.groups(&d)
	m.references(&d)
	d.AddBytes(codec.PixelData, "OB", m.pixels())
	return sr.Write(w, d, op, sr.ClassSegmentation, m.SOPInstanceUID())
}

// frameCount is that of all segments.
func (m *Segmentation) frameCount() (n int) {
	for _, s := range m.segments {
		n += len(s.frames)
	}
	return n
}

// pixels are all frames, one bit a pixel, the lowest bit of a byte first, and
// no gap between frames (PS3.5 8.1.1).
func (m *Segmentation) pixels() []byte {
	size := m.series.Geometry.Rows * m.series.Geometry.Cols
	b := make([]byte, (m.frameCount()*size+7)/8)
	start := 0
	for _, s := range m.segments {
		for _, f := range s.frames {
			for _, p := range f.pixels {
				b[(start+p)/8] |= 1 << ((start + p) % 8)
			}
			start += size
		}
	}
	return b
}
