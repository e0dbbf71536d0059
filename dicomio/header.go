package dicomio

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/dicomio/codec"
)

const (
	maxSide    = 4096 // rows and columns
	maxCoord   = 1e5  // mm; no table moves further
	minPixelMM = 0.01
	maxPixelMM = 50

	maxImageTypes = 16 // values of ImageType that are kept
	classDICOMDR  = "1.2.840.10008.1.3.10"
	classCT       = "1.2.840.10008.5.1.4.1.1.2"
)

// header is what a volume needs of one image: a file, or a frame of it.
type header struct {
	path    string // on disk
	entry   entry
	size    int64 // on disk
	modTime time.Time

	sopClass, sopUID, modality, manufacturer string
	studyUID, seriesUID, frameUID            string
	patient                                  string // see seal; "": not told
	imageType                                []string
	marks                                    marks
	lossy                                    lossy

	frame, frames int // which of how many in the file, from 0; 0 of 0 in a single-frame image
	number        int // as the scanner counts images, or of the frame; 0: not told
	part          part

	remote Remote      // where the pixels are asked for; nil: in the file at path
	whole  *remoteFile // what the frame is of, where it is remote

	position, rowDir, colDir Vec        // rowDir: along a row, as columns grow
	spacing                  [2]float64 // between rows, between columns; mm
	at                       float64    // distance along the normal of the volume, mm
	format                   format
}

// format is how the pixels of one file are read.
type format struct {
	codec.Shape
	syntax           codec.Syntax
	pixels           codec.Pixels
	highBit          int
	slope, intercept float64
	padded           bool // PixelPaddingValue is there
	padLow, padHigh  int  // inclusive, in stored values
	inflateLimit     int64
}

// readImages reads and checks one file: a header for each image in it. Where the
// file is refused, one comes back with what is known of it, if anything is. The
// error is errNotDICOM or an *Error.
func readImages(src codec.Source, inflateLimit int64) ([]*header, error) {
	h, err := readHeader(src, inflateLimit)
	switch {
	case h == nil:
		return nil, err
	case enhanced(h.sopClass) && (err == nil || CodeOf(err) == CodeLimit): // only the groups of many frames go so far
		return readFrames(src, inflateLimit)
	}
	return []*header{h}, err
}

// readHeader reads and checks one single-frame file, and of a multi-frame one only
// what it is. The header comes back as it does from readImages.
func readHeader(src codec.Source, inflateLimit int64) (*header, error) {
	p, err := parseHeader(src, inflateLimit)
	if p.MediaClass == classDICOMDR {
		return nil, errIndex
	}
	h := p.identify()
	if err != nil && h.sopClass == "" {
		return h, err
	}
	// What is no CT image is not missed, broken or not.
	if kind := h.checkKind(p); kind != nil || err != nil {
		if err != nil && CodeOf(kind) != CodeNotCT {
			kind = err
		}
		return h, kind
	}
	if enhanced(h.sopClass) {
		return h, nil
	}
	if err := h.describe(p, inflateLimit); err != nil {
		return h, err
	}
	if err := h.format.readPixels(p, 1); err != nil {
		return h, err
	}
	h.readCode(src)
	return h, nil
}

// identify reads what a file is and to what it belongs.
func (p parsed) identify() *header {
	h := &header{
		sopClass: p.Text(0x00080016), sopUID: p.Text(0x00080018), modality: strings.ToUpper(p.Text(0x00080060)), patient: p.Text(tagPatientID),
		manufacturer: p.Text(0x00080070), studyUID: p.Text(0x0020000D), seriesUID: p.Text(0x0020000E),
		frameUID: p.Text(0x00200052), imageType: kept(p.Texts(0x00080008)),
	}
	h.marks, h.lossy, h.part = p.marks(), p.lossy(), p.part()
	h.number = h.marks.number()
	return h
}

// kept copies the values of an image type that may matter, away from a file's
// longer ones.
func kept(values []string) (list []string) {
	for _, v := range values[:min(len(values), maxImageTypes)] {
		list = append(list, strings.Clone(v))
	}
	return list
}

// describe checks the kind of an image and reads everything but its pixels.
func (h *header) describe(p parsed, inflateLimit int64) error {
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

func (h *header) checkKind(p parsed) error {
	switch {
	case (h.sopClass != classCT && !enhanced(h.sopClass) && h.sopClass != "") || (h.modality != "CT" && (h.modality != "" || h.sopClass == "")):
		return h.notCT()
	case h.sopUID == "" || h.seriesUID == "":
		return refuse(CodeUnreadable, "SOPInstanceUID or SeriesInstanceUID is missing", nil)
	}
	if n, ok := p.Integer(0x00280008); ok && n != 1 && !enhanced(h.sopClass) {
		return refuse(CodeMultiFrame, "the file holds several frames of a kind that has one; convert it to single-frame CT images", nil)
	}
	return nil
}

func (h *header) readPlace(p parsed) error {
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
	if math.Abs(h.rowDir.Norm()-1) > 0.01 || math.Abs(h.colDir.Norm()-1) > 0.01 || math.Abs(h.rowDir.Dot(h.colDir)) > 0.01 {
		return refuse(CodeNoPosition, "ImageOrientationPatient does not hold two perpendicular unit vectors", nil)
	}
	gap, ok := p.numbers(0x00280030, 2, maxPixelMM)
	if !ok || min(gap[0], gap[1]) < minPixelMM {
		return refuse(CodeNoPixelSpacing, fmt.Sprintf("PixelSpacing is missing or no pair of numbers from %g to %d mm", minPixelMM, maxPixelMM), nil)
	}
	copy(h.spacing[:], gap)
	return nil
}

// read takes the pixel description (PS3.3 C.7.6.3).
func (f *format) read(p parsed) error {
	var ok [3]bool
	f.Rows, ok[0] = p.Integer(0x00280010)
	f.Cols, ok[1] = p.Integer(0x00280011)
	f.Allocated, ok[2] = p.Integer(0x00280100)
	if !ok[0] || !ok[1] || !ok[2] || f.Rows < 1 || f.Cols < 1 {
		return refuse(CodePixelFormat, "Rows, Columns or BitsAllocated is missing", nil)
	}
	if f.Rows > maxSide || f.Cols > maxSide {
		return refuse(CodeLimit, fmt.Sprintf("an image may have at most %d x %d pixels", maxSide, maxSide), nil)
	}
	if f.Allocated != 8 && f.Allocated != 16 {
		return refuse(CodePixelFormat, fmt.Sprintf("BitsAllocated is %d; only 8 and 16 are supported", f.Allocated), nil)
	}
	if n, ok := p.Integer(0x00280002); ok && n != 1 {
		return refuse(CodePixelFormat, "SamplesPerPixel is not 1: a colour image holds no HU", nil)
	}
	if s := p.Text(0x00280004); s != "" && s != "MONOCHROME2" && s != "MONOCHROME1" {
		return refuse(CodePixelFormat, "PhotometricInterpretation is not monochrome", nil)
	}
	f.Stored, f.highBit = f.Allocated, f.Allocated-1
	if n, ok := p.Integer(0x00280101); ok {
		f.Stored, f.highBit = n, n-1
	}
	if n, ok := p.Integer(0x00280102); ok {
		f.highBit = n
	}
	if f.Stored < 1 || f.highBit >= f.Allocated || f.highBit < f.Stored-1 {
		return refuse(CodePixelFormat, "BitsStored and HighBit do not fit BitsAllocated", nil)
	}
	sign, told := p.Integer(0x00280103)
	if !told || sign != 0 && sign != 1 {
		return refuse(CodePixelFormat, "PixelRepresentation is missing, or neither 0 nor 1: whether values below 0 are meant is not known", nil)
	}
	f.Signed = sign == 1
	if err := f.readRescale(p); err != nil {
		return err
	}
	f.readPadding(p)
	return nil
}

func (f *format) readRescale(p parsed) error {
	slope, ok1 := p.numbers(0x00281053, 1, 1e6)
	intercept, ok2 := p.numbers(0x00281052, 1, 1e9)
	if !ok1 || !ok2 || slope[0] == 0 {
		return refuse(CodePixelFormat, "RescaleSlope or RescaleIntercept is missing or unusable: stored values cannot be turned into HU", nil)
	}
	f.slope, f.intercept = slope[0], intercept[0]
	if t := p.Text(0x00281054); t != "" && t != "HU" && t != "US" {
		return refuse(CodePixelFormat, "RescaleType is not HU", nil)
	}
	return nil
}

// readPadding interprets PixelPaddingValue and PixelPaddingRangeLimit as
// stored values are: their 16 bits are signed where the pixels are, whatever
// value representation a writer gave them (PS3.3 C.7.5.1.1.2). A value that
// BitsStored cannot hold pads nothing.
func (f *format) readPadding(p parsed) {
	low, ok := p.Integer(0x00280120)
	if !ok {
		return
	}
	low = f.asStored(low)
	high := low
	if n, ok := p.Integer(0x00280121); ok {
		high = f.asStored(n)
	}
	f.padLow, f.padHigh = min(low, high), max(low, high)
	smallest, largest := 0, 1<<f.Stored-1
	if f.Signed {
		smallest, largest = -1<<(f.Stored-1), 1<<(f.Stored-1)-1
	}
	f.padded = f.padHigh >= smallest && f.padLow <= largest
}

func (f *format) asStored(n int) int {
	if f.Signed {
		return int(int16(uint16(n)))
	}
	return int(uint16(n))
}

// readPixels checks the pixel data element against the matrix and the number of
// frames.
func (f *format) readPixels(p parsed, frames int) error {
	f.syntax, f.pixels = p.Syntax, p.Pixels
	if !f.pixels.Found {
		return refuse(CodeNoPixelData, "the file holds no pixels; send the images, not only their headers", nil)
	}
	switch {
	case !f.syntax.Decodes():
		return refuse(CodeTransferSyntax, fmt.Sprintf("%s (%s) is not decoded yet; transcode it to explicit VR little endian, for example with gdcmconv --raw", f.syntax.Name, printable(f.syntax.UID)), nil)
	case f.pixels.Encapsulated == f.syntax.Native():
		return refuse(CodeUnreadable, "the pixel data does not fit the transfer syntax; fetch the file again", nil)
	case f.pixels.Encapsulated && f.highBit != f.Stored-1 && !f.syntax.Cells():
		return refuse(CodePixelFormat, "HighBit is not BitsStored - 1, and the pixels are compressed; transcode to explicit VR little endian", nil)
	case f.pixels.Encapsulated:
		return nil
	case f.Allocated == 8 && f.syntax.BigEndianPixels():
		return refuse(CodePixelFormat, "8-bit pixels in big endian are not read; transcode to explicit VR little endian", nil)
	}
	have, need := f.pixels.Length, int64(frames)*f.Bytes()
	switch {
	case !f.pixels.Whole:
		return refuse(CodeTruncated, "the pixel data is cut short; fetch the file again", nil)
	case have < need:
		return refuse(CodeSizeMismatch, "the header says that the pixel data is shorter than rows x columns x bytes x frames", nil)
	}
	// Some writers fill up to a block (PS3.5 section 8.1.1). Whole rows or another
	// image are no filling.
	if over := have - need; over > 1 && (over%(f.Bytes()/int64(f.Rows)) == 0 || over >= f.Bytes()) {
		return refuse(CodeSizeMismatch, "the pixel data is longer than rows x columns x bytes x frames", nil)
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
