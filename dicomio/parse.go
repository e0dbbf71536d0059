package dicomio

import (
	"math"
	"strconv"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio/codec"
)

const (
	maxWanted   = 16 << 10 // bytes of a header value
	maxElements = 1 << 19  // in one file
)

// wanted are the elements that a CT volume needs, and what they are. No other
// value is read: a patient's data never enters memory. Of the patient's ID it is a
// hash, see seal.
var wanted = map[uint32]string{
	0x00080022: "DA", 0x0008002A: "DT", 0x00080032: "TM", 0x00080033: "TM",
	0x00180050: "DS", 0x00180060: "DS", 0x00181060: "DS", 0x00181210: "SH", 0x00200013: "IS", 0x00200100: "IS",
	0x00080008: "CS", 0x00080016: "UI", 0x00080018: "UI", 0x00080060: "CS", 0x00080070: "LO",
	0x0020000D: "UI", 0x0020000E: "UI", 0x00200012: "IS", 0x00200032: "DS", 0x00200037: "DS", 0x00200052: "UI",
	0x00280002: "US", 0x00280004: "CS", 0x00280008: "IS", 0x00280010: "US", 0x00280011: "US", 0x00280030: "DS",
	0x00280100: "US", 0x00280101: "US", 0x00280102: "US", 0x00280103: "US", 0x00280120: "US", 0x00280121: "US",
	0x00281052: "DS", 0x00281053: "DS", 0x00281054: "LO",
	0x00282110: "CS", 0x00282112: "DS", 0x00282114: "CS",
	tagPatientID: "LO",
}

var sealed = map[uint32]func([]byte) []byte{tagPatientID: seal}

// errNotDICOM tells what is no DICOM file at all.
var errNotDICOM = codec.ErrNotDICOM

// parsed is the part of a file that was needed.
type parsed struct{ *codec.File }

// parseHeader reads a file up to its pixel data. It returns errNotDICOM for
// what is no DICOM file at all, and an *Error otherwise; what was read until
// then comes back too.
func parseHeader(src codec.Source, inflateLimit int64) (parsed, error) {
	f, err := codec.Read(src, codec.Wanted{
		Elements: wanted, Sealed: sealed, Last: codec.PixelData,
		MaxValue: maxWanted, MaxTotal: 16 * maxWanted, MaxInflated: inflateLimit, MaxElements: maxElements,
	})
	return parsed{f}, err
}

// numbers reads n decimal strings that are finite and at most limit in size.
func (p parsed) numbers(t uint32, n int, limit float64) ([]float64, bool) {
	v := p.Texts(t)
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
