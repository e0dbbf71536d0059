package dicomio_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

const matrixRows, matrixCols, matrixSlices = 53, 61, 2

// matrixShapes are the columns of the table.
var matrixShapes = func() (list []dicomtest.Spec) {
	for _, bits := range []int{8, 12, 15, 16} {
		for _, unsigned := range []bool{true, false} {
			list = append(list, dicomtest.Spec{Bits: bits, Unsigned: unsigned, Slices: matrixSlices, Rows: matrixRows, Cols: matrixCols, Intercept: -24})
		}
	}
	return list
}()

// matrixPixel is a slope, noise, an area that is constant, and both ends of the range.
func matrixPixel(spec dicomtest.Spec) func(z, y, x int) int {
	low, span := 0, 1<<spec.Bits
	if !spec.Unsigned {
		low = -span / 2
	}
	return func(z, y, x int) int {
		switch {
		case x < 15 && y > 10:
			return low + 3
		case y == 4:
			return low + (span-1)*(x&1)
		}
		return low + (x*y*31+z*50+(x*x*7+y*y*13+x*y*5)%97*(1+y/30*900))%span
	}
}

// cells are the pixels of a slice, with their sign in the bits that are not stored or
// without it.
func cells(spec dicomtest.Spec, z int, extended bool) (raw []byte) {
	pixel := matrixPixel(spec)
	for y := range spec.Rows {
		for x := range spec.Cols {
			v := pixel(z, y, x)
			if !extended {
				v &= 1<<spec.Bits - 1
			}
			if raw = append(raw, byte(v)); spec.Bits > 8 {
				raw = append(raw, byte(v>>8))
			}
		}
	}
	return raw
}

// native is a slice as it is, cells and all.
func native(t *testing.T, spec dicomtest.Spec, z int, extended bool) []byte {
	t.Helper()
	raw := cells(spec, z, extended)
	spec.Stored = matrixPixel(spec)
	spec.Edit = func(_ int, set dicomtest.Elements) {
		if spec.Bits == 8 {
			set[codec.PixelData] = dicomtest.Element{VR: "OB", Value: raw}
			return
		}
		words := make([]uint16, len(raw)/2)
		for i := range words {
			words[i] = binary.LittleEndian.Uint16(raw[2*i:])
		}
		set[codec.PixelData] = dicomtest.Element{VR: "OW", Value: words}
	}
	b, err := dicomtest.Encode(spec, z)
	checktest.Must(t, err)
	return b
}

// fragmented are the ways in which the code of a slice lies in its file: behind an
// offset table or not, in items. GDCM gives some of the others up, or is at them for
// many seconds.
var fragmented = []struct {
	name  string
	who   string // both: pydicom reads them, too
	table []byte
	parts func(code []byte) [][]byte
}{
	{"one", "both", nil, func(code []byte) [][]byte { return [][]byte{code} }},
	{"offset table", "both", make([]byte, 4), func(code []byte) [][]byte { return [][]byte{code} }},
	{"five and an empty one", "ours", nil, func(code []byte) [][]byte {
		a, b := len(code)/7&^1, len(code)/2&^1
		return [][]byte{code[:2], code[2:a], {}, code[a : a+2], code[a+2 : b], code[b:]}
	}},
	{"many of 16 bytes", "ours", make([]byte, 4), func(code []byte) [][]byte { return slices.Collect(slices.Chunk(code, 16)) }},
	{"odd lengths", "ours", nil, func(code []byte) [][]byte { return [][]byte{code[:7], code[7:20], code[20:]} }},
	{"zeros behind", "ours", nil, func(code []byte) [][]byte { return [][]byte{code, make([]byte, 10)} }},
}

// encapsulated is a file with items of pixel data as they are given.
func encapsulated(t *testing.T, spec dicomtest.Spec, z int, table []byte, parts [][]byte) []byte {
	t.Helper()
	spec.Fragments = func([]byte) [][]byte { return [][]byte{{}} }
	spec.Edit = func(_ int, set dicomtest.Elements) {
		set[codec.PixelData] = dicomtest.Element{VR: "OB", Value: [][]byte{}}
	}
	b, err := dicomtest.Encode(spec, z)
	checktest.Must(t, err)
	b = b[:len(b)-16] // the empty table and the delimiter
	for _, p := range append(append([][]byte{table}, parts...), nil) {
		b = append(b, 0xFE, 0xFF, 0x00, 0xE0)
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(p))), p...)
	}
	b[len(b)-6] = 0xDD // the last is the delimiter
	return b
}

// codeOf is the code of a file that another program made: its fragments but the table.
func codeOf(t *testing.T, file []byte) (code []byte) {
	t.Helper()
	at := strings.LastIndex(string(file), "\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0")
	if at < 0 {
		t.Fatal("no encapsulated pixels")
	}
	for b, first := file[at+12:], true; b[2] == 0x00; first = false {
		n := 8 + int(binary.LittleEndian.Uint32(b[4:]))
		if !first {
			code = append(code, b[8:n]...)
		}
		b = b[n:]
	}
	return code
}

// TestMatrix: every syntax, signed and unsigned, of 8 to 16 bits, however it is
// fragmented, has the pixels that were compressed, or within the error that is
// stated those that another decoder gives. What two other decoders make of each is
// counted; NODULESCOPE_TABLE names a file for the table of docs/dicom.md.
func TestMatrix(t *testing.T) {
	for _, tool := range []string{"dcmcjpeg", "dcmcjpls", "dcmdrle", "gdcmconv", "opj_compress", "ojph_compress"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s here", tool)
		}
	}
	root, work := t.TempDir(), t.TempDir()
	table := "| stored as |"
	for _, s := range matrixShapes {
		table += fmt.Sprintf(" %d %s |", s.Bits, map[bool]string{true: "unsigned", false: "signed"}[s.Unsigned])
	}
	table += " other decoders, of those bits |\n" + strings.Repeat("|---", len(matrixShapes)+2) + "|\n"
	var want []wanted
	type line struct {
		text string
		from int
		m    *matrixRow
	}
	var lines []line
	for i := range matrixWays {
		m := matrixRow{way: &matrixWays[i], root: root, work: work, number: i}
		l := line{text: "| " + m.way.name, from: len(want), m: &m}
		for _, spec := range matrixShapes {
			m.most = 0
			good, all := m.shape(t, spec, &want)
			cell := fmt.Sprintf("%d of %d", good, all)
			switch {
			case all == 0:
				cell = "–"
			case m.way.refused == spec.Bits:
				cell = "refused"
			case m.most > 0:
				cell += fmt.Sprintf(", within %g", m.most)
			}
			l.text += " | " + cell
			if good < all {
				t.Errorf("%s, %d bits, unsigned %v: %s", m.way.name, spec.Bits, spec.Unsigned, cell)
			}
		}
		lines = append(lines, l)
	}
	theirs := pydicomDigests(t, filepath.Join(root, "both"))
	for i, l := range lines {
		to := len(want)
		if i+1 < len(lines) {
			to = lines[i+1].from
		}
		same, asked := 0, 0
		for _, w := range want[l.from:to] {
			if digest, ok := theirs[w.uid]; ok {
				asked++
				if digest == w.digest {
					same++
				}
			}
		}
		var others []string
		for k, d := range l.m.way.decoders {
			n := l.m.counts[k]
			if n[0] == 0 {
				t.Errorf("%s: %s gives other pixels for all of them", l.m.way.name, d.name)
			}
			others = append(others, fmt.Sprintf("%s: same %d of %d", d.name, n[0], n[1]))
		}
		if l.m.way.within == 0 && asked > 0 && !l.m.way.unknown {
			others = append(others, fmt.Sprintf("pydicom + GDCM: same %d of %d", same, asked))
			if same == 0 {
				t.Errorf("%s: pydicom gives other pixels for all of them", l.m.way.name)
			}
		}
		table += l.text + " | " + strings.Join(others, "; ") + " |\n"
	}
	t.Log("\n" + table)
	if to := os.Getenv("NODULESCOPE_TABLE"); to != "" {
		checktest.Must(t, os.WriteFile(to, []byte(table), 0o600))
	}
}

// wanted is a slice with the digest that its HU must have.
type wanted struct{ uid, digest string }

// pydicomDigests are those that pydicom gives to slices below a folder.
func pydicomDigests(t *testing.T, root string) map[string]string {
	t.Helper()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import pydicom, numpy, gdcm").Run(); err != nil {
		t.Log("no python3-pydicom or python3-gdcm here")
		return nil
	}
	out, err := exec.CommandContext(t.Context(), python, "testdata/pydicom_hu.py", root).Output()
	checktest.Must(t, err)
	found := map[string]string{}
	for l := range strings.Lines(string(out)) {
		if uid, digest, ok := strings.Cut(strings.TrimSpace(l), " "); ok {
			found[uid] = digest
		}
	}
	return found
}

// matrixRow is one row of the table in the making.
type matrixRow struct {
	way        *matrixWay
	root, work string
	number     int
	most       float64  // that pixels of a shape are off
	counts     [][2]int // of every decoder: slices that are the same, and all
}

// shape makes all files of a shape and tells how many are read as they must be.
func (m *matrixRow) shape(t *testing.T, spec dicomtest.Spec, want *[]wanted) (good, all int) {
	t.Helper()
	spec.Syntax = m.way.syntax
	spec.Stored = matrixPixel(spec)
	for _, extended := range []bool{true, false} {
		if !extended && (spec.Unsigned || spec.Bits == 8 || spec.Bits == 16 || !m.way.cells) {
			continue // the same cells
		}
		var codes [][]byte
		var expected []float64
		for z := range matrixSlices {
			code, px := m.encode(t, spec, z, extended)
			if code == nil {
				return 0, 0
			}
			codes, expected = append(codes, code), append(expected, px...)
		}
		for i, f := range fragmented {
			if m.way.native && i > 0 {
				break
			}
			one := spec
			one.StudyUID = fmt.Sprintf("1.2.826.0.1.3680043.10.9.%d.%d.%d.%d%d", m.number+1, spec.Bits, all+1, map[bool]int{true: 1}[spec.Unsigned], map[bool]int{true: 1}[extended])
			dir := filepath.Join(m.root, f.who, one.StudyUID)
			checktest.Must(t, os.MkdirAll(dir, 0o700))
			for z := range matrixSlices {
				b := []byte(nil)
				if m.way.native {
					b = native(t, one, z, extended)
				} else {
					b = encapsulated(t, one, z, f.table, f.parts(codes[z]))
				}
				checktest.Must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(z)), b, 0o600))
			}
			all++
			err := m.check(t, spec, dir, expected, want)
			if m.way.refused == spec.Bits && dicomio.CodeOf(err) == dicomio.CodePixelFormat {
				err = nil
			}
			if err != nil {
				t.Errorf("%s, %d bits, unsigned %v, sign extended %v, %s: %v", m.way.name, spec.Bits, spec.Unsigned, extended, f.name, err)
				continue
			}
			good++
		}
	}
	return good, all
}

// check reads a series and compares it.
func (m *matrixRow) check(t *testing.T, spec dicomtest.Spec, dir string, expected []float64, want *[]wanted) error {
	t.Helper()
	s, err := dicomio.OpenSeries(t.Context(), dir, "", dicomio.Options{})
	if err != nil {
		return err
	}
	got, err := s.HU(t.Context(), 0, matrixSlices)
	if err != nil {
		return err
	}
	for i, v := range expected {
		d := math.Abs(float64(got.HU[i]) - (v - 24))
		m.most = max(m.most, d)
		if d > m.way.slack(spec) {
			return fmt.Errorf("pixel %d is %v, want %v", i, got.HU[i], v-24)
		}
	}
	n := matrixRows * matrixCols
	for z, slice := range s.Slices {
		sum := sha256.New()
		checktest.Must(t, binary.Write(sum, binary.LittleEndian, got.HU[z*n:][:n]))
		*want = append(*want, wanted{slice.SOPInstanceUID, hex.EncodeToString(sum.Sum(nil))})
	}
	return nil
}
