package codec

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// AddText adds a text element of one or more values. What its representation
// does not allow is taken out or cut off, so that a strange value never makes
// an invalid file.
func (d *Dataset) AddText(tag uint32, vr string, values ...string) {
	for i, v := range values {
		values[i] = Clean(vr, v)
	}
	v := []byte(strings.Join(values, `\`))
	if len(v)%2 == 1 {
		pad := byte(' ')
		if vr == "UI" {
			pad = 0
		}
		v = append(v, pad)
	}
	*d = append(*d, Element{Tag: tag, VR: vr, Value: v})
}

// AddAnyText adds a text element where there is a value: type 3 of PS3.5 7.4.
func (d *Dataset) AddAnyText(tag uint32, vr, value string) {
	if Clean(vr, value) != "" {
		d.AddText(tag, vr, value)
	}
}

// AddUint16 adds 16-bit numbers (US).
func (d *Dataset) AddUint16(tag uint32, values ...int) {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	*d = append(*d, Element{Tag: tag, VR: "US", Value: b})
}

// AddUint32 adds 32-bit numbers (UL).
func (d *Dataset) AddUint32(tag uint32, values ...int) {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	*d = append(*d, Element{Tag: tag, VR: "UL", Value: b})
}

// AddFloat64 adds a 64-bit number (FD).
func (d *Dataset) AddFloat64(tag uint32, value float64) {
	*d = append(*d, Element{Tag: tag, VR: "FD", Value: binary.LittleEndian.AppendUint64(nil, math.Float64bits(value))})
}

// AddFloat32 adds 32-bit numbers, as FL or OF.
func (d *Dataset) AddFloat32(tag uint32, vr string, values []float32) {
	b := make([]byte, 0, 4*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	*d = append(*d, Element{Tag: tag, VR: vr, Value: b})
}

// AddTag adds the tag of an attribute (AT).
func (d *Dataset) AddTag(tag, value uint32) {
	b := binary.LittleEndian.AppendUint16(nil, uint16(value>>16))
	*d = append(*d, Element{Tag: tag, VR: "AT", Value: binary.LittleEndian.AppendUint16(b, uint16(value))})
}

// AddBytes adds a value as it is, filled up to an even length.
func (d *Dataset) AddBytes(tag uint32, vr string, b []byte) {
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	*d = append(*d, Element{Tag: tag, VR: vr, Value: b})
}

// AddSequence adds a sequence (SQ).
func (d *Dataset) AddSequence(tag uint32, items ...Dataset) {
	*d = append(*d, Element{Tag: tag, VR: "SQ", Items: items})
}

// maxRunes is the length of a text representation in characters (PS3.5 6.2);
// 0 where there is no limit that matters.
var maxRunes = map[string]int{"SH": 16, "LO": 64, "PN": 64 * 3, "CS": 16, "UI": 64, "DA": 8, "TM": 16, "DT": 26, "DS": 16, "IS": 12, "AS": 4, "ST": 1024, "LT": 10240}

// Clean keeps of a text what its representation allows.
func Clean(vr, text string) string {
	long := vr == "UT" || vr == "ST" || vr == "LT"
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\\' && !long:
			return '/' // it parts values
		case long && (r == '\n' || r == '\r' || r == '\t'):
			return r
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if long {
		text = strings.TrimRight(text, " ")
	} else {
		text = strings.TrimSpace(text)
	}
	if n := maxRunes[vr]; n > 0 {
		if runes := []rune(text); len(runes) > n {
			text = strings.TrimSpace(string(runes[:n]))
		}
	}
	return text
}

// Decimal writes a number as a decimal string (DS) of at most 16 characters.
func Decimal(f float64) string {
	for p := 15; p > 0; p-- {
		if t := strconv.FormatFloat(f, 'g', p, 64); len(t) <= 16 {
			return t
		}
	}
	return "0"
}

// ValidUID tells whether text is a UID (PS3.5 section 9).
func ValidUID(uid string) bool {
	if uid == "" || len(uid) > 64 {
		return false
	}
	for part := range strings.SplitSeq(uid, ".") {
		if part == "" || strings.Trim(part, "0123456789") != "" {
			return false
		}
	}
	return true
}
