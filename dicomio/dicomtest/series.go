package dicomtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// WriteSeries writes the series into dir, which is made where it is missing.
func WriteSeries(dir string, spec Spec) error {
	s := spec.withDefaults()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for z := range s.Slices {
		if slices.Contains(s.Skip, z) {
			continue
		}
		copies := 1
		if slices.Contains(s.Double, z) {
			copies = 2
		}
		for c := range copies {
			b, err := encode(s, z, c)
			if err != nil {
				return err
			}
			// 7919 is prime: the names run through the series in a mixed order.
			n := z
			if !s.ScanOrder {
				n = (z*7919 + 31) % 10007
			}
			name := fmt.Sprintf("%05d-%d.dcm", n, c)
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// Encode gives the file of one slice.
func Encode(spec Spec, slice int) ([]byte, error) {
	return encode(spec.withDefaults(), slice, 0)
}

func encode(s Spec, z, copyNo int) ([]byte, error) {
	set := s.elements(z, copyNo)
	pixels, err := s.pixels(z)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(s.NoPixels, z) {
		set[0x7FE00010] = pixels
	}
	if s.Edit != nil {
		s.Edit(z, set)
	}
	b, err := encodeFile(set, s)
	if err != nil {
		return nil, err
	}
	if slices.Contains(s.Truncate, z) {
		b = b[:len(b)-s.Rows*s.Cols/2]
	}
	return b, nil
}

func (s Spec) elements(z, copyNo int) Elements {
	sop := fmt.Sprintf("%s.%d.%d", s.SeriesUID, z+1, copyNo+1)
	short := func(v int) Element { return Element{"US", []uint16{uint16(v)}} }
	padVR, rep := "SS", 1
	if s.Unsigned {
		padVR, rep = "US", 0
	}
	set := Elements{
		0x00080008: {"CS", s.ImageType},
		0x00080016: {"UI", s.SOPClass},
		0x00080018: {"UI", sop},
		0x00080020: {"DA", "20260101"},
		0x00080030: {"TM", "120000"},
		0x00080050: {"SH", ""},
		0x00080060: {"CS", s.Modality},
		0x00080070: {"LO", "Nodulescope"},
		0x00080090: {"PN", ""},
		0x00100010: {"PN", ""},
		0x00100020: {"LO", ""},
		0x00100030: {"DA", ""},
		0x00100040: {"CS", ""},
		0x00180060: {"DS", "120"},
		0x0020000D: {"UI", s.StudyUID},
		0x0020000E: {"UI", s.SeriesUID},
		0x00200010: {"SH", "1"},
		0x00200011: {"IS", "1"},
		0x00200012: {"IS", "1"},
		0x00200013: {"IS", strconv.Itoa(s.Slices - z)}, // against the scan order, as some scanners count
		0x00200032: {"DS", decimals(s.Position(z))},
		0x00200037: {"DS", decimals(s.RowDir) + `\` + decimals(s.ColDir)},
		0x00200052: {"UI", s.FrameUID},
		0x00201040: {"LO", ""},
		0x00280002: short(1),
		0x00280004: {"CS", "MONOCHROME2"},
		0x00280010: short(s.Rows),
		0x00280011: short(s.Cols),
		0x00280030: {"DS", decimal(s.Spacing[1]) + `\` + decimal(s.Spacing[2])},
		0x00280100: short(s.allocated()),
		0x00280101: short(s.Bits),
		0x00280102: short(s.HighBit),
		0x00280103: short(rep),
		0x00281052: {"DS", decimal(s.Intercept)},
		0x00281053: {"DS", decimal(s.Slope)},
		0x00281054: {"LO", "HU"},
	}
	if s.Padding != nil {
		set[0x00280120] = Element{padVR, []uint16{uint16(*s.Padding)}}
	}
	if s.PadLimit != nil {
		set[0x00280121] = Element{padVR, []uint16{uint16(*s.PadLimit)}}
	}
	return set
}

func (s Spec) allocated() int {
	if s.Bits <= 8 && s.HighBit < 8 {
		return 8
	}
	return 16
}

// pixels makes the pixel data element: []uint16 or []byte where native,
// fragments where compressed.
func (s Spec) pixels(z int) (Element, error) {
	shift := s.HighBit + 1 - s.Bits
	words := make([]uint16, 0, s.Rows*s.Cols)
	for y := range s.Rows {
		for x := range s.Cols {
			words = append(words, uint16(s.Stored(z, y, x)&(1<<s.Bits-1))<<shift)
		}
	}
	var raw []byte
	for _, w := range words {
		raw = append(raw, byte(w))
		if s.allocated() == 16 {
			raw = append(raw, byte(w>>8))
		}
	}
	switch {
	case s.Syntax == RLE:
		return Element{"OB", [][]byte{packFrame(raw, s.allocated()/8)}}, nil
	case s.Fragments != nil:
		return Element{"OB", s.Fragments(raw)}, nil
	case s.allocated() == 8:
		return Element{"OB", raw}, nil
	}
	return Element{"OW", words}, nil
}

// decimals writes a vector as decimal strings.
func decimals(v [3]float64) string {
	return strings.Join([]string{decimal(v[0]), decimal(v[1]), decimal(v[2])}, `\`)
}

// decimal writes a number in at most 16 characters (PS3.5 section 6.2).
func decimal(f float64) string {
	for p := 16; p > 0; p-- {
		if t := strconv.FormatFloat(f, 'g', p, 64); len(t) <= 16 {
			return t
		}
	}
	return "0"
}
