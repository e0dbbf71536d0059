package codec

import (
	"encoding/binary"
	"strings"
)

// Transfer syntaxes (PS3.5 section 10 and annex A).
const (
	ImplicitLittle = "1.2.840.10008.1.2"
	ExplicitLittle = "1.2.840.10008.1.2.1"
	Deflated       = "1.2.840.10008.1.2.1.99"
	BigEndian      = "1.2.840.10008.1.2.2"
	GEImplicit     = "1.2.840.113619.5.2" // private: implicit little endian, but pixels in big endian
	RLE            = "1.2.840.10008.1.2.5"
	JPEGBaseline   = "1.2.840.10008.1.2.4.50"
	JPEGExtended   = "1.2.840.10008.1.2.4.51"
	JPEGLossless   = "1.2.840.10008.1.2.4.57" // any predictor
	JPEGSV1        = "1.2.840.10008.1.2.4.70" // the first predictor
	JPEGLS         = "1.2.840.10008.1.2.4.80"
	JPEGLSNear     = "1.2.840.10008.1.2.4.81"  // lossless or near-lossless
	JPEG2000       = "1.2.840.10008.1.2.4.90"  // lossless
	JPEG2000Lossy  = "1.2.840.10008.1.2.4.91"  // or not
	HTJ2K          = "1.2.840.10008.1.2.4.201" // lossless
	HTJ2KRPCL      = "1.2.840.10008.1.2.4.202" // lossless, in order of resolution
	HTJ2KLossy     = "1.2.840.10008.1.2.4.203" // or not
)

// packing says how the pixels of a transfer syntax are stored.
type packing int

const (
	packNative packing = iota
	packRLE
	packJPEGLossless
	packJPEGDCT
	packJPEGLS
	packJPEG2000
	packUnsupported
)

// Syntax is how a data set and its pixels are encoded.
type Syntax struct {
	UID  string
	Name string

	big       bool
	bigPixels bool
	explicit  bool
	pack      packing
}

// Decodes tells whether pixels of the syntax can be decoded.
func (s Syntax) Decodes() bool { return s.pack != packUnsupported }

// Lossy tells whether pixels of the syntax always lose something.
func (s Syntax) Lossy() bool { return s.UID == JPEGBaseline || s.UID == JPEGExtended }

// Cells tells whether compressed pixels come as whole cells of BitsAllocated, with
// what lies beside BitsStored.
func (s Syntax) Cells() bool { return s.pack == packRLE || s.pack == packJPEGLossless }

// Windows tells whether a window of an image is decoded alone, with less work than all
// of it.
func (s Syntax) Windows() bool { return s.pack == packJPEG2000 }

// BigEndianPixels tells whether pixels are stored with their high bytes first.
func (s Syntax) BigEndianPixels() bool { return s.bigPixels }

// Native tells whether pixels are stored as they are, in one piece.
func (s Syntax) Native() bool { return s.pack == packNative }

func (s Syntax) order() binary.ByteOrder {
	if s.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// SyntaxOf describes a transfer syntax. One that is not known reads as
// explicit little endian, as every encapsulated one is (PS3.5 A.4), with
// pixels that are not decoded.
func SyntaxOf(uid string) Syntax {
	uid = strings.TrimRight(uid, " \x00")
	s := Syntax{UID: uid, explicit: true}
	switch uid {
	case ImplicitLittle:
		s.Name, s.explicit = "implicit VR little endian", false
	case ExplicitLittle:
		s.Name = "explicit VR little endian"
	case Deflated:
		s.Name = "deflated explicit VR little endian"
	case BigEndian:
		s.Name, s.big, s.bigPixels = "explicit VR big endian", true, true
	case GEImplicit:
		s.Name, s.explicit, s.bigPixels = "implicit VR little endian with big endian pixels (private, GE)", false, true
	case RLE:
		s.Name, s.pack = "RLE lossless", packRLE
	case JPEGBaseline:
		s.Name, s.pack = "JPEG baseline", packJPEGDCT
	case JPEGExtended:
		s.Name, s.pack = "JPEG extended", packJPEGDCT
	case JPEGLossless:
		s.Name, s.pack = "JPEG lossless, any predictor", packJPEGLossless
	case JPEGSV1:
		s.Name, s.pack = "JPEG lossless SV1", packJPEGLossless
	case JPEGLS:
		s.Name, s.pack = "JPEG-LS lossless", packJPEGLS
	case JPEGLSNear:
		s.Name, s.pack = "JPEG-LS near-lossless", packJPEGLS
	case JPEG2000:
		s.Name, s.pack = "JPEG 2000 lossless", packJPEG2000
	case JPEG2000Lossy:
		s.Name, s.pack = "JPEG 2000", packJPEG2000
	case HTJ2K, HTJ2KRPCL:
		s.Name, s.pack = "High-Throughput JPEG 2000 lossless", packJPEG2000
	case HTJ2KLossy:
		s.Name, s.pack = "High-Throughput JPEG 2000", packJPEG2000
	default:
		s.Name, s.pack = foreignSyntax(uid), packUnsupported
	}
	return s
}

func foreignSyntax(uid string) string {
	switch uid {
	case "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55":
		return "JPEG progressive or spectral selection (retired)"
	}
	return "an unknown transfer syntax"
}
