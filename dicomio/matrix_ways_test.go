package dicomio_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// matrixWay is a row of the table: how others compress a slice, and which others
// decompress it.
type matrixWay struct {
	name, syntax string
	native       bool // nothing is compressed
	cells        bool // bits that are not stored are kept
	lossy        bool // what counts is what the first of the decoders gives
	within       float64
	wide         float64 // the same of more than 12 bits
	unknown      bool    // pydicom 2.3 knows no such syntax
	bits         []int   // nil: all
	unsigned     bool    // no signed pixels
	refused      int     // bits of those that are refused by name
	pack         func(t *testing.T, w matrixWork) []byte
	decoders     []matrixDecoder
}

// matrixWork is one slice: its native file, its cells with their sign, and the folder
// that all of it is done in.
type matrixWork struct {
	spec      dicomtest.Spec
	z         int
	dir, file string
	raw       []byte
}

type matrixDecoder struct {
	name   string
	pixels func(t *testing.T, w matrixWork, code []byte) []float64
}

var matrixWays = []matrixWay{
	{name: "implicit", syntax: codec.ImplicitLittle, native: true, cells: true, decoders: fileDecoders("dcmconv +te")},
	{name: "explicit", syntax: codec.ExplicitLittle, native: true, cells: true, decoders: fileDecoders("dcmconv +te")},
	{name: "deflated", syntax: codec.Deflated, native: true, cells: true, decoders: fileDecoders("dcmconv +te")},
	{name: "big endian", syntax: codec.BigEndian, native: true, refused: 8, cells: true, decoders: fileDecoders("dcmconv +te")},
	{name: "RLE (.5)", syntax: codec.RLE, cells: true, pack: packedBy("dcmcrle"), decoders: fileDecoders("dcmdrle")},
	{name: "JPEG baseline (.50)", syntax: codec.JPEGBaseline, lossy: true, within: 1, unsigned: true, bits: []int{8}, pack: packedBy("dcmcjpeg +eb +q 95"), decoders: fileDecoders("dcmdjpeg", "gdcmconv --raw")},
	{name: "JPEG extended (.51)", syntax: codec.JPEGExtended, lossy: true, within: 1, unsigned: true, bits: []int{12}, pack: packedBy("dcmcjpeg +ee +bt +q 95"), decoders: fileDecoders("dcmdjpeg", "gdcmconv --raw")},
	{name: "JPEG lossless (.57), predictor 6", syntax: codec.JPEGLossless, cells: true, pack: packedBy("dcmcjpeg +el +sv 6"), decoders: fileDecoders("dcmdjpeg")},
	{name: "JPEG lossless (.70)", syntax: codec.JPEGSV1, cells: true, pack: packedBy("dcmcjpeg +e1"), decoders: fileDecoders("dcmdjpeg")},
	{name: "JPEG lossless (.70) of GDCM", syntax: codec.JPEGSV1, pack: packedBy("gdcmconv --jpeg"), decoders: fileDecoders("dcmdjpeg")},
	{name: "JPEG-LS (.80)", syntax: codec.JPEGLS, cells: true, pack: packedBy("dcmcjpls +el"), decoders: fileDecoders("dcmdjpls")},
	{name: "JPEG-LS (.80) of GDCM", syntax: codec.JPEGLS, pack: packedBy("gdcmconv --jpegls"), decoders: fileDecoders("dcmdjpls")},
	{name: "JPEG-LS (.81), NEAR 2", syntax: codec.JPEGLSNear, lossy: true, unsigned: true, pack: packedBy("dcmcjpls +en +md 2"), decoders: fileDecoders("dcmdjpls", "gdcmconv --raw")},
	{name: "JPEG 2000 (.90)", syntax: codec.JPEG2000, pack: byOpenJPEG(), decoders: fileDecoders("opj_decompress")},
	{name: "JPEG 2000 (.90) of GDCM", syntax: codec.JPEG2000, pack: packedBy("gdcmconv --j2k"), decoders: fileDecoders("opj_decompress")},
	{name: "JPEG 2000 (.91), lossless, tiles and layers", syntax: codec.JPEG2000Lossy, pack: byOpenJPEG("-t", "31,29", "-r", "20,5,1", "-n", "3"), decoders: fileDecoders("opj_decompress")},
	{name: "JPEG 2000 (.91), 9/7", syntax: codec.JPEG2000Lossy, lossy: true, within: 1, wide: 4, pack: byOpenJPEG("-I", "-r", "4"), decoders: fileDecoders("opj_decompress", "gdcmconv --raw")},
	{name: "HTJ2K (.201)", syntax: codec.HTJ2K, unknown: true, pack: byOpenJPH("-reversible", "true", "-prog_order", "CPRL"), decoders: fileDecoders("opj_decompress", "ojph_expand")},
	{name: "HTJ2K (.202)", syntax: codec.HTJ2KRPCL, unknown: true, pack: byOpenJPH("-reversible", "true", "-block_size", "{32,32}"), decoders: fileDecoders("opj_decompress", "ojph_expand")},
	{name: "HTJ2K (.203), lossless", syntax: codec.HTJ2KLossy, unknown: true, pack: byOpenJPH("-reversible", "true", "-tile_size", "{40,30}"), decoders: fileDecoders("opj_decompress", "ojph_expand")},
	{name: "HTJ2K (.203), 9/7", syntax: codec.HTJ2KLossy, lossy: true, within: 1, wide: 4, unknown: true, pack: byOpenJPH("-qstep", "0.002"), decoders: fileDecoders("opj_decompress", "ojph_expand")},
}

// encode gives the code of a slice, nil where there is none, and the pixels that it
// must have. What the decoders make of it is counted.
func (m *matrixRow) encode(t *testing.T, spec dicomtest.Spec, z int, extended bool) (code []byte, px []float64) {
	t.Helper()
	way := m.way
	if way.bits != nil && !slices.Contains(way.bits, spec.Bits) || way.unsigned && !spec.Unsigned {
		return nil, nil
	}
	w := matrixWork{spec: spec, z: z, dir: m.work, file: filepath.Join(m.work, "native"), raw: cells(spec, z, true)}
	plain := spec
	if !way.native {
		plain.Syntax = codec.ExplicitLittle
	}
	whole := native(t, plain, z, extended)
	checktest.Must(t, os.WriteFile(w.file, whole, 0o600))
	code = whole
	if !way.native {
		code = way.pack(t, w)
		whole = encapsulated(t, spec, z, nil, [][]byte{code, make([]byte, len(code)%2)})
		if len(code)%2 == 0 {
			whole = encapsulated(t, spec, z, nil, [][]byte{code})
		}
		checktest.Must(t, os.WriteFile(w.file, whole, 0o600))
	}
	for i := range len(w.raw) / max(1, (spec.Bits+7)/8) {
		px = append(px, w.value(w.raw, i))
	}
	for i, d := range way.decoders {
		got := d.pixels(t, w, code)
		if way.lossy && i == 0 {
			if px = got; len(px) != matrixRows*matrixCols {
				t.Fatalf("%s of %s: %d pixels", d.name, way.name, len(px))
			}
		}
		if m.counts == nil {
			m.counts = make([][2]int, len(way.decoders))
		}
		m.counts[i][1]++
		if len(got) == len(px) && apart(got, px) <= way.slack(spec) {
			m.counts[i][0]++
		}
	}
	return code, px
}

// slack is how far pixels may be from those that they must be.
func (way *matrixWay) slack(spec dicomtest.Spec) float64 {
	if spec.Bits > 12 {
		return max(way.within, way.wide)
	}
	return way.within
}

// apart is how far pixels lie from others at most.
func apart(a, b []float64) (most float64) {
	for i := range a {
		most = max(most, math.Abs(a[i]-b[i]))
	}
	return most
}

// value is pixel i of cells.
func (w matrixWork) value(raw []byte, i int) float64 {
	v := 0
	if w.spec.Bits == 8 {
		v = int(raw[i])
	} else {
		v = int(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	v &= 1<<w.spec.Bits - 1
	if !w.spec.Unsigned && v >= 1<<(w.spec.Bits-1) {
		v -= 1 << w.spec.Bits
	}
	return float64(v)
}

func (w matrixWork) run(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// packedBy is the code that a program makes of a native file.
func packedBy(command string) func(*testing.T, matrixWork) []byte {
	words := strings.Fields(command)
	return func(t *testing.T, w matrixWork) []byte {
		t.Helper()
		to := filepath.Join(w.dir, "packed")
		checktest.Must(t, w.run(words[0], append(slices.Clone(words[1:]), w.file, to)...))
		b, err := os.ReadFile(to)
		checktest.Must(t, err)
		return codeOf(t, b)
	}
}

// offset is a slice as unsigned pixels of the highest byte first: 0 is the least that
// the pixels can be.
func (w matrixWork) offset() (raw []byte) {
	for i := range matrixRows * matrixCols {
		v := int(w.value(w.raw, i))
		if !w.spec.Unsigned {
			v += 1 << (w.spec.Bits - 1)
		}
		if w.spec.Bits > 8 {
			raw = append(raw, byte(v>>8))
		}
		raw = append(raw, byte(v))
	}
	return raw
}

// pack2000 runs a program that compresses unsigned pixels. The code of signed ones is
// the same but for their sign in SIZ: it has no shift of level.
func (w matrixWork) pack2000(t *testing.T, name, from, to string, file []byte, options []string) []byte {
	t.Helper()
	from, to = filepath.Join(w.dir, from), filepath.Join(w.dir, to)
	checktest.Must(t, os.WriteFile(from, file, 0o600))
	checktest.Must(t, w.run(name, append([]string{"-i", from, "-o", to}, options...)...))
	b, err := os.ReadFile(to)
	checktest.Must(t, err)
	if !w.spec.Unsigned {
		b[42] |= 0x80 // Ssiz
	}
	return b
}

func byOpenJPEG(options ...string) func(*testing.T, matrixWork) []byte {
	return func(t *testing.T, w matrixWork) []byte {
		t.Helper()
		pgx := fmt.Appendf(nil, "PG ML + %d %d %d\n", w.spec.Bits, matrixCols, matrixRows)
		return w.pack2000(t, "opj_compress", "a.pgx", "a.j2k", append(pgx, w.offset()...), options)
	}
}

func byOpenJPH(options ...string) func(*testing.T, matrixWork) []byte {
	return func(t *testing.T, w matrixWork) []byte {
		t.Helper()
		pgm := fmt.Appendf(nil, "P5\n%d %d\n%d\n", matrixCols, matrixRows, 1<<w.spec.Bits-1)
		return w.pack2000(t, "ojph_compress", "a.pgm", "a.j2c", append(pgm, w.offset()...), options)
	}
}

// fileDecoders give the pixels that programs make of a code, or of its file; none
// where they refuse it.
func fileDecoders(commands ...string) (list []matrixDecoder) {
	for _, command := range commands {
		words := strings.Fields(command)
		list = append(list, matrixDecoder{words[0], func(t *testing.T, w matrixWork, code []byte) (px []float64) {
			t.Helper()
			from, to := w.file, filepath.Join(w.dir, "unpacked")
			args := append(slices.Clone(words[1:]), from, to)
			if ext := map[string]string{"opj_decompress": "rawl", "ojph_expand": "yuv"}[words[0]]; ext != "" {
				from, to = filepath.Join(w.dir, "b.j2c"), filepath.Join(w.dir, "b."+ext)
				checktest.Must(t, os.WriteFile(from, code, 0o600))
				args = []string{"-i", from, "-o", to}
			}
			_ = os.Remove(to)
			if w.run(words[0], args...) != nil {
				return nil
			}
			b, err := os.ReadFile(to)
			n := matrixRows * matrixCols
			size := n * ((w.spec.Bits + 7) / 8)
			if err != nil || len(b) < size {
				return nil
			}
			b = b[len(b)-size-size%2*(1-btoi(len(b) == size)):]
			for i := range n {
				px = append(px, w.value(b, i))
			}
			return px
		}})
	}
	return list
}

func btoi(v bool) int {
	if v {
		return 1
	}
	return 0
}
