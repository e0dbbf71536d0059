package dicomio

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/suyashkumar/dicom"
)

const (
	maxSide      = 4096 // rows and columns
	maxCoord     = 1e5  // mm; no table moves further
	maxPixelMM   = 50
	classDICOMDR = "1.2.840.10008.1.3.10"
	classCT      = "1.2.840.10008.5.1.4.1.1.2"
)

// header is what a volume needs of one file.
type header struct {
	path    string
	size    int64
	modTime time.Time

	sopClass, sopUID, modality, manufacturer string
	studyUID, seriesUID, frameUID            string
	imageType                                []string
	acquisition                              int

	remote Remote // where the pixels are asked for; nil: in the file at path

	position, rowDir, colDir Vec        // rowDir: along a row, as columns grow
	spacing                  [2]float64 // between rows, between columns; mm
	format                   format
}

// format is how the pixels of one file are read.
type format struct {
	syntax            syntax
	pixels            element
	rows, cols        int
	allocated, stored int // bits
	highBit           int
	signed            bool
	slope, intercept  float64
	padded            bool  // PixelPaddingValue is there
	padLow, padHigh   int   // inclusive, in stored values
	start             int64 // of the data set in the file
	inflateLimit      int64
}

func (f *format) frameBytes() int64 {
	return int64(f.rows) * int64(f.cols) * int64(f.allocated/8)
}

// readHeader reads and checks one file. The header comes back with what is
// known of it also where the file is refused. The error is errNotDICOM or an
// *Error.
func readHeader(src source, inflateLimit int64) (*header, error) {
	p, err := parseHeader(src, inflateLimit)
	if p.mediaClass == classDICOMDR {
		return nil, errNotDICOM // an index, not an image
	}
	h := p.identify()
	if err != nil && h.sopClass == "" {
		return h, err
	}
	// What is no CT image is not missed, broken or not.
	if kind := h.checkKind(&p); kind != nil || err != nil {
		if err != nil && CodeOf(kind) != CodeNotCT {
			kind = err
		}
		return h, kind
	}
	if err := h.describe(&p, inflateLimit); err != nil {
		return h, err
	}
	return h, h.format.readPixels(&p)
}

// identify reads what a file is and to what it belongs.
func (p *parsed) identify() *header {
	h := &header{
		sopClass: p.text(0x00080016), sopUID: p.text(0x00080018), modality: p.text(0x00080060),
		manufacturer: p.text(0x00080070), studyUID: p.text(0x0020000D), seriesUID: p.text(0x0020000E),
		frameUID: p.text(0x00200052), imageType: p.texts(0x00080008),
	}
	if n, ok := p.integer(0x00200012); ok {
		h.acquisition = n
	}
	return h
}

// describe checks the kind of an image and reads everything but its pixels.
func (h *header) describe(p *parsed, inflateLimit int64) error {
	if err := h.checkKind(p); err != nil {
		return err
	}
	if err := h.readPlace(p); err != nil {
		return err
	}
	h.format.inflateLimit = inflateLimit
	return h.format.read(p)
}

// isLocalizer: ImageType value 3 (PS3.3 C.8.2.1.1.1).
func (h *header) isLocalizer() bool {
	return len(h.imageType) > 2 && strings.TrimSpace(h.imageType[2]) == "LOCALIZER"
}

func (h *header) checkKind(p *parsed) error {
	enhanced := h.sopClass == classCT+".1" || h.sopClass == classCT+".2"
	switch {
	case enhanced:
		return refuse(CodeMultiFrame, "enhanced CT is not read yet; convert it to single-frame CT images (for example with dcm4che emf2sf)", nil)
	case (h.sopClass != classCT && h.sopClass != "") || (h.modality != "CT" && (h.modality != "" || h.sopClass == "")):
		return refuse(CodeNotCT, "not a CT image; name a CT series", nil)
	case h.sopUID == "" || h.seriesUID == "":
		return refuse(CodeUnreadable, "SOPInstanceUID or SeriesInstanceUID is missing", nil)
	}
	if n, ok := p.integer(0x00280008); ok && n != 1 {
		return refuse(CodeMultiFrame, "the file holds several frames; convert it to single-frame CT images", nil)
	}
	return nil
}

func (h *header) readPlace(p *parsed) error {
	pos, ok := p.numbers(0x00200032, 3, maxCoord)
	if !ok {
		return refuse(CodeNoPosition, "ImagePositionPatient is missing, not a number or absurd", nil)
	}
	dir, ok := p.numbers(0x00200037, 6, 1.01)
	if !ok {
		return refuse(CodeNoPosition, "ImageOrientationPatient is missing or not a number", nil)
	}
	copy(h.position[:], pos)
	copy(h.rowDir[:], dir[:3])
	copy(h.colDir[:], dir[3:])
	// Direction cosines are orthonormal (PS3.3 C.7.6.2.1.1).
	if math.Abs(h.rowDir.norm()-1) > 0.01 || math.Abs(h.colDir.norm()-1) > 0.01 || math.Abs(h.rowDir.dot(h.colDir)) > 0.01 {
		return refuse(CodeNoPosition, "ImageOrientationPatient does not hold two perpendicular unit vectors", nil)
	}
	gap, ok := p.numbers(0x00280030, 2, maxPixelMM)
	if !ok || gap[0] <= 0 || gap[1] <= 0 {
		return refuse(CodeNoPixelSpacing, "PixelSpacing is missing or no pair of positive numbers", nil)
	}
	copy(h.spacing[:], gap)
	return nil
}

// text returns the first value of a text element, trimmed.
func (p *parsed) text(t uint32) string {
	if v := p.texts(t); len(v) > 0 {
		return strings.ToValidUTF8(strings.Trim(v[0], " \x00"), "?")
	}
	return ""
}

func (p *parsed) texts(t uint32) []string {
	e, err := p.FindElementByTag(tagOf(t))
	if err != nil || e.Value == nil || e.Value.ValueType() != dicom.Strings {
		return nil
	}
	return dicom.MustGetStrings(e.Value)
}

func (p *parsed) has(t uint32) bool {
	_, err := p.FindElementByTag(tagOf(t))
	return err == nil
}

// integer reads US, SS and IS alike.
func (p *parsed) integer(t uint32) (int, bool) {
	e, err := p.FindElementByTag(tagOf(t))
	if err != nil || e.Value == nil {
		return 0, false
	}
	switch e.Value.ValueType() {
	case dicom.Ints:
		if v := dicom.MustGetInts(e.Value); len(v) > 0 {
			return v[0], true
		}
	case dicom.Strings:
		n, err := strconv.Atoi(p.text(t))
		return n, err == nil
	}
	return 0, false
}

// numbers reads n decimal strings that are finite and at most limit in size.
func (p *parsed) numbers(t uint32, n int, limit float64) ([]float64, bool) {
	v := p.texts(t)
	if len(v) != n {
		return nil, false
	}
	out := make([]float64, n)
	for i, s := range v {
		f, err := strconv.ParseFloat(strings.Trim(s, " \x00"), 64)
		if err != nil || math.IsNaN(f) || math.Abs(f) > limit {
			return nil, false
		}
		out[i] = f
	}
	return out, true
}

// read takes the pixel description (PS3.3 C.7.6.3).
func (f *format) read(p *parsed) error {
	var ok [3]bool
	f.rows, ok[0] = p.integer(0x00280010)
	f.cols, ok[1] = p.integer(0x00280011)
	f.allocated, ok[2] = p.integer(0x00280100)
	if !ok[0] || !ok[1] || !ok[2] || f.rows < 1 || f.cols < 1 {
		return refuse(CodePixelFormat, "Rows, Columns or BitsAllocated is missing", nil)
	}
	if f.rows > maxSide || f.cols > maxSide {
		return refuse(CodeLimit, fmt.Sprintf("an image may have at most %d x %d pixels", maxSide, maxSide), nil)
	}
	if f.allocated != 8 && f.allocated != 16 {
		return refuse(CodePixelFormat, fmt.Sprintf("BitsAllocated is %d; 8 and 16 are read", f.allocated), nil)
	}
	if n, ok := p.integer(0x00280002); ok && n != 1 {
		return refuse(CodePixelFormat, "SamplesPerPixel is not 1: a colour image holds no HU", nil)
	}
	if s := p.text(0x00280004); s != "" && s != "MONOCHROME2" && s != "MONOCHROME1" {
		return refuse(CodePixelFormat, "PhotometricInterpretation is not monochrome", nil)
	}
	f.stored, f.highBit = f.allocated, f.allocated-1
	if n, ok := p.integer(0x00280101); ok {
		f.stored, f.highBit = n, n-1
	}
	if n, ok := p.integer(0x00280102); ok {
		f.highBit = n
	}
	if f.stored < 1 || f.highBit >= f.allocated || f.highBit < f.stored-1 {
		return refuse(CodePixelFormat, "BitsStored and HighBit do not fit BitsAllocated", nil)
	}
	n, _ := p.integer(0x00280103)
	f.signed = n == 1
	if err := f.readRescale(p); err != nil {
		return err
	}
	f.readPadding(p)
	return nil
}

func (f *format) readRescale(p *parsed) error {
	slope, ok1 := p.numbers(0x00281053, 1, 1e6)
	intercept, ok2 := p.numbers(0x00281052, 1, 1e9)
	if !ok1 || !ok2 || slope[0] == 0 {
		return refuse(CodePixelFormat, "RescaleSlope or RescaleIntercept is missing or unusable: stored values cannot be turned into HU", nil)
	}
	f.slope, f.intercept = slope[0], intercept[0]
	if t := p.text(0x00281054); t != "" && t != "HU" && t != "US" {
		return refuse(CodePixelFormat, "RescaleType is not HU", nil)
	}
	return nil
}

// readPadding interprets PixelPaddingValue and PixelPaddingRangeLimit as
// stored values are: their 16 bits are signed where the pixels are, whatever
// value representation a writer gave them (PS3.3 C.7.5.1.1.2). A value that
// BitsStored cannot hold pads nothing.
func (f *format) readPadding(p *parsed) {
	low, ok := p.integer(0x00280120)
	if !ok {
		return
	}
	low = f.asStored(low)
	high := low
	if n, ok := p.integer(0x00280121); ok {
		high = f.asStored(n)
	}
	f.padLow, f.padHigh = min(low, high), max(low, high)
	smallest, largest := 0, 1<<f.stored-1
	if f.signed {
		smallest, largest = -1<<(f.stored-1), 1<<(f.stored-1)-1
	}
	f.padded = f.padHigh >= smallest && f.padLow <= largest
}

func (f *format) asStored(n int) int {
	if f.signed {
		return int(int16(uint16(n)))
	}
	return int(uint16(n))
}

// readPixels checks the pixel data element against the matrix.
func (f *format) readPixels(p *parsed) error {
	f.syntax, f.pixels, f.start = p.syntax, p.pixels, p.start
	if !p.hasPixels {
		return refuse(CodeNoPixelData, "the file holds no pixels; send the images, not only their headers", nil)
	}
	encapsulated := f.pixels.length == undefinedLength
	switch {
	case f.syntax.pack == packUnsupported:
		return refuse(CodeTransferSyntax, fmt.Sprintf("%s (%s) is not decoded yet; transcode it to explicit VR little endian, for example with gdcmconv --raw", f.syntax.name, printable(f.syntax.uid)), nil)
	case encapsulated != (f.syntax.pack != packNative):
		return refuse(CodeUnreadable, "the pixel data does not fit the transfer syntax; fetch the file again", nil)
	case encapsulated:
		return nil
	case f.allocated == 8 && f.syntax.uid == uidBigEndian:
		return refuse(CodePixelFormat, "8-bit pixels in big endian are not read; transcode to explicit VR little endian", nil)
	}
	have, need := int64(f.pixels.length), f.frameBytes()
	switch {
	case f.pixels.value+have > p.pixelsAt.Size() || have < need:
		return refuse(CodeTruncated, "the pixel data is shorter than rows x columns x bytes; fetch the file again", nil)
	case have > need+1:
		return refuse(CodeSizeMismatch, "the pixel data is longer than rows x columns x bytes", nil)
	}
	return nil
}

// printable keeps a UID's own characters, so that a corrupt one cannot spoil a
// log.
func printable(uid string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, uid)
}
