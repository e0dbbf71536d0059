package dicomio

import "encoding/binary"

// packing says how the pixels of a transfer syntax are stored.
type packing int

const (
	packNative packing = iota
	packRLE
	packJPEGLossless
	packUnsupported
)

// syntax is how a data set and its pixels are encoded (PS3.5 section 10 and
// annex A).
type syntax struct {
	uid      string
	name     string
	order    binary.ByteOrder
	explicit bool
	deflated bool
	pack     packing
}

const (
	uidImplicit  = "1.2.840.10008.1.2"
	uidExplicit  = "1.2.840.10008.1.2.1"
	uidDeflated  = "1.2.840.10008.1.2.1.99"
	uidBigEndian = "1.2.840.10008.1.2.2"
	uidRLE       = "1.2.840.10008.1.2.5"
)

// syntaxOf describes a transfer syntax. One that is not known reads as
// explicit little endian, as every encapsulated one is (PS3.5 A.4), with
// pixels that are refused.
func syntaxOf(uid string) syntax {
	s := syntax{uid: uid, order: binary.LittleEndian, explicit: true}
	switch uid {
	case uidImplicit:
		s.name, s.explicit = "implicit VR little endian", false
	case uidExplicit:
		s.name = "explicit VR little endian"
	case uidDeflated:
		s.name, s.deflated = "deflated explicit VR little endian", true
	case uidBigEndian:
		s.name, s.order = "explicit VR big endian", binary.BigEndian
	case uidRLE:
		s.name, s.pack = "RLE lossless", packRLE
	case "1.2.840.10008.1.2.4.57":
		s.name, s.pack = "JPEG lossless, any predictor", packJPEGLossless
	case "1.2.840.10008.1.2.4.70":
		s.name, s.pack = "JPEG lossless SV1", packJPEGLossless
	default:
		s.name, s.pack = foreignSyntax(uid), packUnsupported
	}
	return s
}

func foreignSyntax(uid string) string {
	switch uid {
	case "1.2.840.10008.1.2.4.50":
		return "JPEG baseline"
	case "1.2.840.10008.1.2.4.51":
		return "JPEG extended"
	case "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55":
		return "JPEG progressive or spectral selection (retired)"
	case "1.2.840.10008.1.2.4.80":
		return "JPEG-LS lossless"
	case "1.2.840.10008.1.2.4.81":
		return "JPEG-LS near-lossless"
	case "1.2.840.10008.1.2.4.90":
		return "JPEG 2000 lossless"
	case "1.2.840.10008.1.2.4.91":
		return "JPEG 2000"
	case "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203":
		return "High-Throughput JPEG 2000"
	}
	return "an unknown transfer syntax"
}
