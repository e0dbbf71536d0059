package dicomtest

import "math"

// Transfer syntaxes that the package writes.
const (
	Implicit  = "1.2.840.10008.1.2"
	Explicit  = "1.2.840.10008.1.2.1"
	Deflated  = "1.2.840.10008.1.2.1.99"
	BigEndian = "1.2.840.10008.1.2.2"
	RLE       = "1.2.840.10008.1.2.5"
)

// Spec describes a CT series. Zero fields have the defaults that are named.
type Spec struct {
	StudyUID  string // default 1.2.826.0.1.3680043.10.9.1
	SeriesUID string // default StudyUID + ".2"
	FrameUID  string // default StudyUID + ".3"
	Modality  string // default CT
	SOPClass  string // default CT Image Storage
	ImageType string // default ORIGINAL\PRIMARY\AXIAL

	Slices, Rows, Cols int        // default 4, 16, 16
	Spacing            [3]float64 // z (along the line of slices), y, x in mm; default 2.5, 0.7, 0.7
	Origin             [3]float64 // LPS mm of the first pixel of the first slice
	RowDir, ColDir     [3]float64 // orientation; default axial
	Line               [3]float64 // unit vector from slice to slice; default the normal
	TiltDeg            float64    // turns an axial orientation about x, as a gantry does; Line becomes z

	Skip      []int           // slices that are not written
	Double    []int           // slices that are written twice, with different UIDs
	Jitter    map[int]float64 // slice to extra distance along Line, mm
	Truncate  []int           // slices whose files are cut inside the pixel data
	NoPixels  []int           // slices without PixelData
	ScanOrder bool            // name the files in scan order; default: not

	Syntax    string                        // transfer syntax; default Explicit
	Fragments func(raw []byte) [][]byte     // compresses little-endian pixels for any other Syntax
	NoMeta    bool                          // write no preamble and no file meta information
	Unsigned  bool                          // PixelRepresentation 0; default 1
	Bits      int                           // BitsStored; default 16
	HighBit   int                           // default Bits - 1
	Slope     float64                       // default 1
	Intercept float64                       // default 0
	Padding   *int                          // PixelPaddingValue, a stored value
	PadLimit  *int                          // PixelPaddingRangeLimit
	Stored    func(z, y, x int) int         // stored values; default 100 z + 10 y + x - 500, or + 500 where unsigned
	Edit      func(slice int, set Elements) // changes the data set before it is written
}

// Elements is a data set: tag (group<<16 | element) to element.
type Elements map[uint32]Element

// Element is a value with its representation. Value is a string for text, with
// backslashes between values, a []uint16 for US, SS and OW, a []byte for OB.
type Element struct {
	VR    string
	Value any
}

// Set adds or replaces a text element.
func (e Elements) Set(tag uint32, vr, text string) { e[tag] = Element{vr, text} }

func (s Spec) withDefaults() Spec {
	text := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	number := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	text(&s.StudyUID, "1.2.826.0.1.3680043.10.9.1")
	text(&s.SeriesUID, s.StudyUID+".2")
	text(&s.FrameUID, s.StudyUID+".3")
	text(&s.Modality, "CT")
	text(&s.SOPClass, "1.2.840.10008.5.1.4.1.1.2")
	text(&s.ImageType, `ORIGINAL\PRIMARY\AXIAL`)
	text(&s.Syntax, Explicit)
	number(&s.Slices, 4)
	number(&s.Rows, 16)
	number(&s.Cols, 16)
	number(&s.Bits, 16)
	number(&s.HighBit, s.Bits-1)
	if s.Spacing == ([3]float64{}) {
		s.Spacing = [3]float64{2.5, 0.7, 0.7}
	}
	if s.Slope == 0 {
		s.Slope = 1
	}
	s.orient()
	if s.Stored == nil {
		base := -500
		if s.Unsigned {
			base = 500
		}
		s.Stored = func(z, y, x int) int { return base + 100*z + 10*y + x }
	}
	return s
}

func (s *Spec) orient() {
	if s.RowDir == ([3]float64{}) {
		s.RowDir = [3]float64{1, 0, 0}
	}
	if s.ColDir == ([3]float64{}) {
		sin, cos := math.Sincos(s.TiltDeg * math.Pi / 180)
		s.ColDir = [3]float64{0, cos, -sin}
		if s.TiltDeg != 0 {
			s.Line = [3]float64{0, 0, 1}
		}
	}
	if s.Line == ([3]float64{}) {
		r, c := s.RowDir, s.ColDir
		s.Line = [3]float64{r[1]*c[2] - r[2]*c[1], r[2]*c[0] - r[0]*c[2], r[0]*c[1] - r[1]*c[0]}
	}
}

// Position gives ImagePositionPatient of a slice, before it is rounded to a
// decimal string.
func (s Spec) Position(slice int) [3]float64 {
	s = s.withDefaults()
	d := float64(slice)*s.Spacing[0] + s.Jitter[slice]
	p := s.Origin
	for i := range p {
		p[i] += d * s.Line[i]
	}
	return p
}
