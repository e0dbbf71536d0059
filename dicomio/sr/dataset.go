package sr

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/nodulescope/nodulescope/dicomio"
)

// element is one data element (PS3.5 section 7.1): a value, or the items of a
// sequence.
type element struct {
	tag   uint32 // group<<16 | element
	vr    string
	value []byte
	items []dataset
}

// dataset is a list of elements. It is sorted when it is written.
type dataset []element

// Implementation and transfer syntax of the files that are written. The UID is
// UID("nodulescope", "implementation").
const (
	explicitLittle    = "1.2.840.10008.1.2.1"
	implementationUID = "2.25.298323993168951458637705555756537688944"
	implementation    = "NODULESCOPE"
)

// text adds a text element. What its representation does not allow is taken
// out or cut off, so that a strange value never makes an invalid file.
func (d *dataset) text(tag uint32, vr string, values ...string) {
	for i, v := range values {
		values[i] = clean(vr, v)
	}
	v := []byte(strings.Join(values, `\`))
	if len(v)%2 == 1 {
		pad := byte(' ')
		if vr == "UI" {
			pad = 0
		}
		v = append(v, pad)
	}
	*d = append(*d, element{tag: tag, vr: vr, value: v})
}

// ifAny adds a text element where there is a value: type 3 of PS3.5 7.4.
func (d *dataset) ifAny(tag uint32, vr, value string) {
	if clean(vr, value) != "" {
		d.text(tag, vr, value)
	}
}

func (d *dataset) short(tag uint32, values ...int) {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	*d = append(*d, element{tag: tag, vr: "US", value: b})
}

func (d *dataset) long(tag uint32, values ...int) {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	*d = append(*d, element{tag: tag, vr: "UL", value: b})
}

func (d *dataset) double(tag uint32, value float64) {
	*d = append(*d, element{tag: tag, vr: "FD", value: binary.LittleEndian.AppendUint64(nil, math.Float64bits(value))})
}

// tagValue adds an attribute tag (AT).
func (d *dataset) tagValue(tag, value uint32) {
	b := binary.LittleEndian.AppendUint16(nil, uint16(value>>16))
	*d = append(*d, element{tag: tag, vr: "AT", value: binary.LittleEndian.AppendUint16(b, uint16(value))})
}

// floats adds 32-bit numbers, as FL or OF.
func (d *dataset) floats(tag uint32, vr string, values []float32) {
	b := make([]byte, 0, 4*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	*d = append(*d, element{tag: tag, vr: vr, value: b})
}

func (d *dataset) bytes(tag uint32, vr string, b []byte) {
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	*d = append(*d, element{tag: tag, vr: vr, value: b})
}

func (d *dataset) sequence(tag uint32, items ...dataset) {
	*d = append(*d, element{tag: tag, vr: "SQ", items: items})
}

// maxRunes is the length of a text representation in characters (PS3.5 6.2);
// 0 where there is no limit that matters.
var maxRunes = map[string]int{"SH": 16, "LO": 64, "PN": 64 * 3, "CS": 16, "UI": 64, "DA": 8, "TM": 16, "DT": 26, "DS": 16, "IS": 12, "AS": 4, "ST": 1024, "LT": 10240}

// clean keeps of a text what its representation allows.
func clean(vr, text string) string {
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

// decimal writes a number as a decimal string of at most 16 characters.
func decimal(f float64) string {
	for p := 15; p > 0; p-- {
		if t := strconv.FormatFloat(f, 'g', p, 64); len(t) <= 16 {
			return t
		}
	}
	return "0"
}

// longForm tells the representations whose length has 32 bits in explicit VR
// (PS3.5 section 7.1.2).
func longForm(vr string) bool {
	switch vr {
	case "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV":
		return true
	}
	return false
}

// append writes the elements in explicit VR little endian with defined
// lengths throughout, which every reader takes.
func (d dataset) append(b []byte) ([]byte, error) {
	d = slices.Clone(d)
	slices.SortStableFunc(d, func(a, b element) int { return int(int64(a.tag) - int64(b.tag)) })
	for i, e := range d {
		if i > 0 && d[i-1].tag == e.tag {
			return nil, fmt.Errorf("element %08x is there twice", e.tag)
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(e.tag>>16))
		b = binary.LittleEndian.AppendUint16(b, uint16(e.tag))
		b = append(b, e.vr...)
		if !longForm(e.vr) {
			if len(e.value) > math.MaxUint16 {
				return nil, fmt.Errorf("the value of element %08x has %d bytes, more than its representation can hold", e.tag, len(e.value))
			}
			b = binary.LittleEndian.AppendUint16(b, uint16(len(e.value)))
			b = append(b, e.value...)
			continue
		}
		b = append(b, 0, 0, 0, 0, 0, 0)
		start := len(b)
		if e.vr != "SQ" {
			b = append(b, e.value...)
		}
		for _, item := range e.items {
			b = append(b, 0xFE, 0xFF, 0x00, 0xE0, 0, 0, 0, 0)
			from := len(b)
			var err error
			if b, err = item.append(b); err != nil {
				return nil, err
			}
			binary.LittleEndian.PutUint32(b[from-4:], uint32(len(b)-from))
		}
		if int64(len(b)-start) > math.MaxUint32-1 {
			return nil, fmt.Errorf("the value of element %08x is too long", e.tag)
		}
		binary.LittleEndian.PutUint32(b[start-4:], uint32(len(b)-start))
	}
	return b, nil
}

// write writes a file with preamble and meta information (PS3.10 section 7).
func (d dataset) write(w io.Writer, op, class, instance string) error {
	fail := func(err error) error {
		return &dicomio.Error{Code: CodeNotWritten, Op: op, Hint: "the file could not be written", Err: err}
	}
	body, err := d.append(nil)
	if err != nil {
		return fail(err)
	}
	var meta dataset
	meta.bytes(0x00020001, "OB", []byte{0, 1})
	meta.text(0x00020002, "UI", class)
	meta.text(0x00020003, "UI", instance)
	meta.text(0x00020010, "UI", explicitLittle)
	meta.text(0x00020012, "UI", implementationUID)
	meta.text(0x00020013, "SH", implementation)
	m, err := meta.append(nil)
	if err != nil {
		return fail(err)
	}
	f := bytes.NewBuffer(make([]byte, 128, 160+len(m)))
	f.WriteString("DICM\x02\x00\x00\x00UL\x04\x00")
	f.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(m))))
	f.Write(m)
	for _, b := range [][]byte{f.Bytes(), body} {
		if _, err := w.Write(b); err != nil {
			return fail(err)
		}
	}
	return nil
}
