package dicomio

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// shelf is a Remote of files in memory.
type shelf map[string][]byte

func (m shelf) Image(_ context.Context, uid string) ([]byte, error) {
	if file := m[uid]; file != nil {
		return file, nil
	}
	return nil, &Error{Code: CodeNotStored, Op: "fetch", Hint: "not there"}
}

// described are the elements of a series' files, as another source would tell
// them.
func described(t testing.TB, spec dicomtest.Spec) (images []Attributes, files shelf, local *Series) {
	t.Helper()
	dir := t.TempDir()
	if err := dicomtest.WriteSeries(dir, spec); err != nil {
		t.Fatal(err)
	}
	files = shelf{}
	names, err := filepath.Glob(filepath.Join(dir, "*.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		id, err := Identify(file)
		if err != nil {
			t.Fatal(err)
		}
		files[id.SOPInstanceUID] = file
	}
	if local, err = OpenSeries(t.Context(), dir, "", Options{}); err != nil {
		t.Fatal(err)
	}
	for _, s := range local.Slices {
		h := s.file
		images = append(images, Attributes{
			0x00080016: {h.sopClass}, 0x00080018: {h.sopUID}, 0x00080060: {"CT"}, 0x0020000D: {h.studyUID}, 0x0020000E: {h.seriesUID},
			0x00200052: {h.frameUID}, 0x00200032: texts(h.position), 0x00200037: append(texts(h.rowDir), texts(h.colDir)...),
			0x00280010: {"16"}, 0x00280011: {"16"}, 0x00280030: {"0.7", "0.7"}, 0x00280100: {"16"}, 0x00281052: {"0"}, 0x00281053: {"1"},
			0x00100010: {"Doe^Jane"},
		})
	}
	return images, files, local
}

func texts(v Vec) []string {
	out := make([]string, 3)
	for i, x := range v {
		out[i] = strconv.FormatFloat(x, 'g', -1, 64)
	}
	return out
}

func TestOpenRemote(t *testing.T) {
	images, files, local := described(t, dicomtest.Spec{Slices: 8, Syntax: dicomtest.RLE})
	slices.Reverse(images)
	for _, workers := range []int{1, 3} {
		s, err := OpenRemote(t.Context(), images, local.SeriesUID, files, Options{Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		want, err := local.HU(t.Context(), 1, 6)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.HU(t.Context(), 1, 6)
		if err != nil || !slices.Equal(want.HU, got.HU) || !slices.Equal(want.Padding, got.Padding) || s.InstanceDigest() != local.InstanceDigest() {
			t.Errorf("the volume is another: %v", err)
		}
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.HU(canceled, 0, 2); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		file, err := s.File(t.Context(), 7)
		if err != nil || !slices.Equal(file, files[s.Slices[7].SOPInstanceUID]) {
			t.Error(err)
		}
		delete(files, s.Slices[7].SOPInstanceUID)
		if _, err := s.HU(t.Context(), 0, 8); CodeOf(err) != CodeNotStored {
			t.Error(err)
		}
		files[s.Slices[7].SOPInstanceUID] = file
	}
	file, err := local.File(t.Context(), 2)
	if err != nil || !slices.Equal(file, files[local.Slices[2].SOPInstanceUID]) {
		t.Error(err)
	}
	if _, err := local.File(t.Context(), 8); err == nil {
		t.Error("a slice outside the series has a file")
	}
}

func TestOpenRemoteRefuses(t *testing.T) {
	images, files, local := described(t, dicomtest.Spec{})
	for name, c := range map[string]struct {
		change func(a Attributes)
		uid    string
		code   Code
	}{
		"another series": {uid: "1.2.3", code: CodeSeriesNotFound},
		"MR": {change: func(a Attributes) {
			a[0x00080016], a[0x00080060] = []string{"1.2.840.10008.5.1.4.1.1.4"}, []string{"MR"}
		}, code: CodeNotCT},
		"enhanced":  {change: func(a Attributes) { a[0x00080016] = []string{classCT + ".1"} }, code: CodeUnreadable},
		"not there": {change: func(a Attributes) { delete(a, 0x00280030); a[0x00080018] = []string{"1.9"} }, code: CodeNotStored},
		"endless":   {change: func(a Attributes) { a[0x00080070] = []string{strings.Repeat("x", 2000)} }, code: CodeUnreadable},
	} {
		changed := make([]Attributes, len(images))
		for i, a := range images {
			changed[i] = Attributes{}
			for tag, v := range a {
				changed[i][tag] = v
			}
			if c.change != nil {
				c.change(changed[i])
			}
		}
		uid := c.uid
		if uid == "" {
			uid = local.SeriesUID
		}
		if _, err := OpenRemote(t.Context(), changed, uid, files, Options{}); CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if _, err := OpenRemote(t.Context(), images, local.SeriesUID, files, Options{MaxFiles: 2}); CodeOf(err) != CodeLimit {
		t.Error(err)
	}
	if _, err := OpenRemote(t.Context(), nil, local.SeriesUID, files, Options{}); CodeOf(err) != CodeSeriesNotFound {
		t.Error(err)
	}
}

func TestIdentify(t *testing.T) {
	spec := dicomtest.Spec{Syntax: dicomtest.Deflated}
	file, err := dicomtest.Encode(spec, 1)
	if err != nil {
		t.Fatal(err)
	}
	id, err := Identify(file)
	want := Identity{"1.2.826.0.1.3680043.10.9.1", "1.2.826.0.1.3680043.10.9.1.2", "1.2.826.0.1.3680043.10.9.1.2.2.1", classCT, dicomtest.Deflated}
	if err != nil || id != want {
		t.Errorf("%+v, %v", id, err)
	}
	if !Decodes(id.TransferSyntaxUID) || Decodes("1.2.840.10008.1.2.4.100") {
		t.Error("what is decoded is told wrongly")
	}
	spec.Edit = func(_ int, set dicomtest.Elements) { delete(set, 0x00080018) }
	if file, err = dicomtest.Encode(spec, 1); err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{file, nil, []byte("no DICOM"), file[:140]} {
		if _, err := Identify(b); CodeOf(err) == "" {
			t.Errorf("%d bytes: %v", len(b), err)
		}
	}
}

// FuzzOpenRemote gives elements that a PACS might send.
func FuzzOpenRemote(f *testing.F) {
	f.Add(uint32(0x00200032), `0\0\x`)
	f.Add(uint32(0x00280010), "99999999")
	f.Add(uint32(0x00281053), "1e999")
	f.Add(uint32(0x00280030), `1e-300\1`)
	f.Add(uint32(0x00200037), `1\0\0\1\0\0`)
	images, files, local := described(f, dicomtest.Spec{})
	f.Fuzz(func(t *testing.T, tag uint32, text string) {
		changed := Attributes{}
		for k, v := range images[1] {
			changed[k] = v
		}
		changed[tag] = strings.Split(text, `\`)
		s, err := OpenRemote(t.Context(), []Attributes{images[0], changed, images[2]}, local.SeriesUID, files, Options{})
		if err != nil {
			if CodeOf(err) == "" {
				t.Errorf("no code: %v", err)
			}
			return
		}
		if b, err := s.HU(t.Context(), 0, len(s.Slices)); err != nil && CodeOf(err) == "" || err == nil && len(b.HU) != 256*len(s.Slices) {
			t.Errorf("pixels: %v", err)
		}
	})
}

// copies gives a new copy of a file each time, and counts them.
type copies struct {
	shelf
	given atomic.Int64
}

func (c *copies) Image(ctx context.Context, uid string) ([]byte, error) {
	c.given.Add(1)
	file, err := c.shelf.Image(ctx, uid)
	return slices.Clone(file), err
}

// TestOpenRemoteFrames: a multi-frame image comes whole, and its frames are slices.
func TestOpenRemoteFrames(t *testing.T) {
	spec, dir := dicomtest.Spec{Slices: 6}, t.TempDir()
	checktest.Must(t, dicomtest.WriteSeries(dir, spec))
	classic, err := OpenSeries(t.Context(), dir, "", Options{})
	checktest.Must(t, err)
	var images [][]byte
	for _, z := range []int{3, 0, 5, 1, 4, 2} {
		b, err := dicomtest.Encode(spec, z)
		checktest.Must(t, err)
		images = append(images, b)
	}
	files, err := dicomtest.MakeEnhanced(images, dicomtest.Enhanced{Parts: 2})
	checktest.Must(t, err)
	there, about := shelf{}, []Attributes{}
	for _, file := range files {
		id, err := Identify(file)
		checktest.Must(t, err)
		there[id.SOPInstanceUID] = file
		about = append(about, Attributes{0x00080016: {id.SOPClassUID}, 0x00080018: {id.SOPInstanceUID}, 0x00080060: {"CT"}, 0x0020000D: {id.StudyUID}, 0x0020000E: {id.SeriesUID}})
	}
	fresh := &copies{shelf: there}
	for _, source := range []Remote{there, fresh} {
		s, err := OpenRemote(t.Context(), about, classic.SeriesUID, source, Options{})
		checktest.Must(t, err)
		want, err := classic.HU(t.Context(), 0, 6)
		checktest.Must(t, err)
		got, err := s.HU(t.Context(), 0, 6)
		if err != nil || !slices.Equal(want.HU, got.HU) || len(s.Warnings) > 0 {
			t.Errorf("the volume is another: %v, %v", err, s.Warnings)
		}
	}
	s, err := OpenRemote(t.Context(), about, classic.SeriesUID, there, Options{})
	checktest.Must(t, err)
	swapped, err := dicomtest.MakeEnhanced([][]byte{images[1], images[0], images[2], images[3], images[4], images[5]}, dicomtest.Enhanced{Parts: 2})
	checktest.Must(t, err)
	id, err := Identify(swapped[0])
	checktest.Must(t, err)
	there[id.SOPInstanceUID] = swapped[0]
	if _, err := s.HU(t.Context(), 0, 1); CodeOf(err) != CodeUnreadable {
		t.Errorf("frames that were changed in their places are read: %v", err)
	}
}
