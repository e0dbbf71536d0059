package dicomio

import (
	"archive/zip"
	"bytes"
	"errors"
	"image"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jpfielding/jpegs/pkg/compress/jpegli"

	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// corpus is one small file of every kind that is read.
func corpus(t testing.TB) [][]byte {
	var all [][]byte
	pad := -2000
	for _, spec := range []dicomtest.Spec{
		{}, {Syntax: dicomtest.Implicit}, {Syntax: dicomtest.BigEndian, Bits: 12}, {Syntax: dicomtest.Deflated},
		{Syntax: dicomtest.RLE, Unsigned: true, Bits: 8}, {Syntax: dicomtest.RLE, Padding: &pad},
		{Syntax: "1.2.840.10008.1.2.4.70", Fragments: testJPEG(16, 16)}, {NoMeta: true},
		{Edit: func(_ int, set dicomtest.Elements) {
			// A sequence of undefined length with an item of undefined length.
			set[0x00081140] = dicomtest.Element{VR: "UN", Value: [][]byte{[]byte("\x08\x00\x50\x11\x04\x00\x00\x001.2\x00")}}
		}},
	} {
		spec.Rows, spec.Cols = 16, 16
		b, err := dicomtest.Encode(spec, 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	small := dicomtest.Spec{Rows: 4, Cols: 4, Slices: 3}
	var frames [][]byte
	for z := range 3 {
		b, err := dicomtest.Encode(small, z)
		checktest.Must(t, err)
		frames = append(frames, b)
	}
	files, err := dicomtest.MakeEnhanced(frames, dicomtest.Enhanced{Legacy: true})
	checktest.Must(t, err)
	return append(all, files...)
}

func testJPEG(rows, cols int) func([]byte) [][]byte {
	return func(raw []byte) [][]byte {
		img := image.NewGray16(image.Rect(0, 0, cols, rows))
		for i := 0; i < len(raw); i += 2 {
			img.Pix[i], img.Pix[i+1] = raw[i+1], raw[i]
		}
		var b bytes.Buffer
		if err := jpegli.Encode(&b, img, nil); err != nil {
			panic(err)
		}
		return [][]byte{b.Bytes()}
	}
}

// checkFile reads any bytes as a file: it must give pixels or an error with a
// code, and never panic.
func checkFile(t *testing.T, b []byte) {
	src := memory{bytes.NewReader(b)}
	images, err := readImages(src, 1<<20)
	if errors.Is(err, errNotDICOM) {
		return
	}
	if err != nil {
		if CodeOf(err) == "" {
			t.Fatalf("an error without a code: %v", err)
		}
		return
	}
	h := images[len(images)-1]
	n := h.format.Rows * h.format.Cols
	if n > 1<<18 {
		return // room enough for a fault, without the time
	}
	var r frameReader
	if err := r.decode(src, &h.format, make([]float32, n), make([]bool, n)); err != nil && CodeOf(err) == "" {
		t.Fatalf("an error without a code: %v", err)
	}
	if s, err := buildSeries(images, Options{}); err == nil && len(s.Slices) > len(images) || err != nil && CodeOf(err) == "" {
		t.Fatalf("%d images make a volume of %v: %v", len(images), s, err)
	}
	if _, err := buildSeries([]*header{h, h}, Options{}); CodeOf(err) != CodeTooFewSlices {
		t.Fatalf("one position makes a volume: %v", err)
	}
}

type memory struct{ *bytes.Reader }

func FuzzFile(f *testing.F) {
	for _, b := range corpus(f) {
		f.Add(b)
	}
	f.Fuzz(checkFile)
}

// TestEveryCut: every prefix of every kind of file is read or refused with a
// code, and no prefix gives other pixels than the whole file.
func TestEveryCut(t *testing.T) {
	for i, whole := range corpus(t) {
		want, ok := pixelsOf(whole)
		if !ok {
			t.Fatalf("file %d is not read", i)
		}
		for n := 0; n < len(whole); n += stride(whole) {
			checkFile(t, whole[:n])
			if got, ok := pixelsOf(whole[:n]); ok && !bytes.Equal(got, want) {
				t.Fatalf("file %d cut to %d of %d bytes gives other pixels", i, n, len(whole))
			}
		}
	}
}

// stride is 1, and more where a file has more than 3000 bytes.
func stride(file []byte) int { return 1 + len(file)/3000 }

func pixelsOf(b []byte) (all []byte, ok bool) {
	images, err := readImages(memory{bytes.NewReader(b)}, 1<<20)
	var r frameReader
	for _, h := range images {
		var raw []byte
		if err == nil {
			raw, err = r.Decode(memory{bytes.NewReader(b)}, h.format.pixels, h.format.Shape)
		}
		all = append(all, raw...)
	}
	return all, err == nil
}

// TestEveryByte: every byte of every kind of file set to other values.
func TestEveryByte(t *testing.T) {
	for _, whole := range corpus(t) {
		for i := 0; i < len(whole); i += stride(whole) {
			for _, v := range []byte{0, 1, 0x7F, 0xFF, whole[i] ^ 0x80} {
				b := bytes.Clone(whole)
				b[i] = v
				checkFile(t, b)
			}
		}
	}
}

// TestHostileStructure: nesting, lengths and counts that ask for too much.
func TestHostileStructure(t *testing.T) {
	head := append(make([]byte, 128), "DICM\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00"...)
	nested := bytes.Clone(head)
	for range 100_000 {
		nested = append(nested, "\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"...)
	}
	many := append(bytes.Clone(head), bytes.Repeat([]byte("\x08\x00\x05\x00CS\x00\x00"), maxElements+1)...)
	for name, c := range map[string]struct {
		file []byte
		want Code
	}{
		"nested":    {nested, CodeLimit},
		"many":      {many, CodeLimit},
		"4 GiB":     {append(bytes.Clone(head), "\x08\x00\x16\x00UN\x00\x00\xfe\xff\xff\xff1.2."...), CodeUnreadable},
		"long text": {append(append(bytes.Clone(head), "\x08\x00\x16\x00UI\xfe\xff"...), make([]byte, 65534)...), CodeUnreadable},
		"no VR":     {append(bytes.Clone(head), "\x08\x00\x05\x00CS\x02\x00A \x08\x00\x16\x00\x01\x02\x03\x04"...), CodeUnreadable},
		"only meta": {head, CodeTruncated},
	} {
		if _, err := readHeader(memory{bytes.NewReader(c.file)}, 1<<20); CodeOf(err) != c.want {
			t.Errorf("%s: %v, want code %q", name, err, c.want)
		}
	}
}

// TestDeflateBomb: a data set that inflates to far more than an image.
func TestDeflateBomb(t *testing.T) {
	b, err := dicomtest.Encode(dicomtest.Spec{Syntax: dicomtest.Deflated, Rows: 1024, Cols: 1024, Stored: func(int, int, int) int { return 0 }}, 0)
	if err != nil {
		t.Fatal(err)
	}
	src := memory{bytes.NewReader(b)}
	h, err := readHeader(src, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var r frameReader
	err = r.decode(src, &h.format, make([]float32, 1<<20), make([]bool, 1<<20))
	if CodeOf(err) != CodeLimit {
		t.Errorf("%d bytes that inflate to 2 MiB: %v", len(b), err)
	}
}

// FuzzArchive lists zips and reads what is in them: whatever they claim, no file
// gives more bytes than its limit.
func FuzzArchive(f *testing.F) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: "../a", Method: method})
		if err == nil {
			_, err = w.Write(bytes.Repeat([]byte("image"), 50))
		}
		if err != nil {
			f.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := entries("x", bytes.NewReader(b), int64(len(b)), 20)
		if err != nil && CodeOf(err) == "" || len(list) > 20 {
			t.Fatalf("%d entries, %v", len(list), err)
		}
		for _, e := range append(list, entry{path: "x", pack: packGzip}) {
			src, err := e.source(bytes.NewReader(b), int64(len(b)), 1<<20)
			if err != nil {
				continue
			}
			if n, err := io.Copy(io.Discard, io.NewSectionReader(src, 0, 1<<30)); n > 1<<20 && e.pack != packStored || err != nil && CodeOf(err) == "" {
				t.Fatalf("%d bytes, %v", n, err)
			}
		}
	})
}

// FuzzIndex reads any bytes as a DICOMDIR: its images are within the limit, and
// none of their names leads out of its folder.
func FuzzIndex(f *testing.F) {
	for _, b := range indexes(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := readIndex(memory{bytes.NewReader(b)}, 100)
		if len(list) > 100 || err != nil && CodeOf(err) != CodeIndex {
			t.Fatalf("%d images, %v", len(list), err)
		}
		for _, l := range list {
			if l.file != "" && !filepath.IsLocal(l.file) || l.seriesUID == "" {
				t.Fatalf("%+v", l)
			}
		}
	})
}

// indexes are DICOMDIRs: records linked, not linked, in a circle, and with names
// that lead elsewhere.
func indexes(t testing.TB) (all [][]byte) {
	for _, name := range []string{`IMAGES\A\I0001`, `..\..\ETC\PASSWD`, `A/B\C`} {
		loose := index(t, name, 0, 0, 0)
		f, err := codec.Read(memory{bytes.NewReader(loose)}, codec.Wanted{Elements: indexElements, Last: tagRecords, MaxValue: 100, MaxTotal: 1000, MaxElements: 100})
		if err != nil {
			t.Fatal(err)
		}
		at := f.Find(tagRecords).Starts
		all = append(all, loose, index(t, name, at[0], at[1], 0), index(t, name, at[0], at[1], at[0]))
	}
	return all
}

// index is a DICOMDIR of a series and an image, linked by the offsets of the first
// record, of the one below it, and of the one behind that.
func index(t testing.TB, name string, first, lower, next int64) []byte {
	record := func(kind string, next, lower int64) (r codec.Dataset) {
		r.AddUint32(tagNextRecord, int(next))
		r.AddUint16(tagRecordInUse, 0xFFFF)
		r.AddUint32(tagLowerRecord, int(lower))
		r.AddText(tagRecordType, "CS", kind)
		return r
	}
	series, picture := record("SERIES", 0, lower), record("IMAGE", next, 0)
	series.AddText(0x00080060, "CS", "CT")
	series.AddText(0x0020000E, "UI", "1.2.3")
	picture.AddText(tagFileID, "CS", strings.Split(name, `\`)...)
	picture.AddText(tagFileInstance, "UI", "1.2.3.4")
	var set codec.Dataset
	set.AddUint32(tagFirstRecord, int(first))
	set.AddSequence(tagRecords, series, picture)
	var b bytes.Buffer
	if err := codec.Write(&b, set, codec.Meta{Class: classDICOMDR, Instance: "1.2.3.5"}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestIndexNames: a listed image keeps its name only where that is one in the
// folder, and every image that is linked is listed.
func TestIndexNames(t *testing.T) {
	var got []string
	for _, b := range indexes(t) {
		list, err := readIndex(memory{bytes.NewReader(b)}, 100)
		for _, l := range list {
			got = append(got, l.seriesUID+":"+l.sopUID+":"+l.file)
		}
		if err != nil {
			got = append(got, string(CodeOf(err)))
		}
	}
	want := []string{
		"1.2.3:1.2.3.4:IMAGES/A/I0001", "1.2.3:1.2.3.4:IMAGES/A/I0001", "dicomdir_unusable",
		"1.2.3:1.2.3.4:", "1.2.3:1.2.3.4:", "dicomdir_unusable",
		"1.2.3:1.2.3.4:", "1.2.3:1.2.3.4:", "dicomdir_unusable",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
