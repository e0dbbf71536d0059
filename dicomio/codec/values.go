package codec

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// Texts returns the values of a text element as they are stored, without the
// padding at both ends; nil where it is not there or holds no text.
func (d Dataset) Texts(tag uint32) []string {
	e := d.Find(tag)
	if e == nil || e.numeric() || longForm(e.VR) && e.VR[0] != 'U' {
		return nil
	}
	return strings.Split(strings.Trim(string(e.Value), " \x00"), `\`)
}

// Text returns the first value of a text element, trimmed.
func (d Dataset) Text(tag uint32) string {
	if v := d.Texts(tag); len(v) > 0 {
		return strings.ToValidUTF8(strings.Trim(v[0], " \x00"), "?")
	}
	return ""
}

// numeric tells values that are binary numbers.
func (e *Element) numeric() bool {
	switch e.VR {
	case "US", "SS", "AT", "UL", "SL", "FL", "FD":
		return true
	}
	return false
}

// Integer returns the first value of a US, SS, UL, SL or IS element.
func (d Dataset) Integer(tag uint32) (int, bool) {
	e := d.Find(tag)
	if e == nil {
		return 0, false
	}
	if !e.numeric() {
		n, err := strconv.Atoi(d.Text(tag))
		return n, err == nil
	}
	if len(e.Value) < width(e.VR) {
		return 0, false
	}
	switch e.VR {
	case "US", "AT":
		return int(binary.LittleEndian.Uint16(e.Value)), true
	case "SS":
		return int(int16(binary.LittleEndian.Uint16(e.Value))), true
	case "UL":
		return int(binary.LittleEndian.Uint32(e.Value)), true
	case "SL":
		return int(int32(binary.LittleEndian.Uint32(e.Value))), true
	}
	return 0, false
}

// Integers returns the values of a UL element.
func (d Dataset) Integers(tag uint32) (list []uint32) {
	if e := d.Find(tag); e != nil {
		for at := 0; at+4 <= len(e.Value); at += 4 {
			list = append(list, binary.LittleEndian.Uint32(e.Value[at:]))
		}
	}
	return list
}

// Floats returns the values of a DS, FL or FD element; nil where one of them
// is no finite number.
func (d Dataset) Floats(tag uint32) (list []float64) {
	e := d.Find(tag)
	switch {
	case e == nil:
		return nil
	case e.VR == "FD":
		for at := 0; at+8 <= len(e.Value); at += 8 {
			list = append(list, math.Float64frombits(binary.LittleEndian.Uint64(e.Value[at:])))
		}
	case e.VR == "FL":
		for at := 0; at+4 <= len(e.Value); at += 4 {
			list = append(list, float64(math.Float32frombits(binary.LittleEndian.Uint32(e.Value[at:]))))
		}
	default:
		for _, text := range d.Texts(tag) {
			v, err := strconv.ParseFloat(strings.Trim(text, " \x00"), 64)
			if err != nil {
				return nil
			}
			list = append(list, v)
		}
	}
	for _, v := range list {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
	}
	return list
}
