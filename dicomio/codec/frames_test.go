package codec

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// encapsulated writes items behind an offset table.
func encapsulated(table []byte, fragments ...[]byte) []byte {
	var b []byte
	for _, f := range append([][]byte{table}, fragments...) {
		b = binary.LittleEndian.AppendUint32(append(b, 0xFE, 0xFF, 0x00, 0xE0), uint32(len(f)))
		b = append(b, f...)
	}
	return append(b, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0)
}

func offsets(width int, values ...uint64) (b []byte) {
	for _, v := range values {
		b = append(b, binary.LittleEndian.AppendUint64(nil, v)[:width]...)
	}
	return b
}

// TestFrames: which fragments go to which of three frames.
func TestFrames(t *testing.T) {
	head, soc := "\xFF\xD8\xFFa", "\xFF\x4F\xFF\x51"
	texts := func(list ...string) (out [][]byte) {
		for _, s := range list {
			out = append(out, []byte(s))
		}
		return out
	}
	five := texts(head+"1-", "--", head+"2-", head+"3-", "++") // items of 14, 10, 14, 14, 10 bytes
	good := []string{head + "1---", head + "2-", head + "3-++"}
	for name, c := range map[string]struct {
		syntax    string
		table     []byte
		extended  []byte
		fragments [][]byte
		want      []string
	}{
		"one each":                      {RLE, nil, nil, texts("aa", "bb", "cc"), []string{"aa", "bb", "cc"}},
		"one each, a wrong table":       {RLE, offsets(4, 0, 2, 999), nil, texts("aa", "bb", "cc"), []string{"aa", "bb", "cc"}},
		"a table":                       {RLE, offsets(4, 0, 24, 38), nil, five, good},
		"an extended table":             {RLE, nil, offsets(8, 0, 24, 38), five, good},
		"an empty fragment":             {RLE, nil, nil, texts("aa", "", "cc"), []string{"aa", "", "cc"}},
		"an empty fragment at the end":  {RLE, nil, nil, texts("aa", "bb", ""), []string{"aa", "bb", ""}},
		"begins of JPEG":                {JPEGSV1, nil, nil, five, good},
		"begins of JPEG, a wrong table": {JPEGLS, offsets(4, 0, 25, 38), nil, five, good},
		"begins of JPEG 2000":           {JPEG2000, nil, nil, texts(soc, "1", soc, soc+"3", "22"), []string{soc + "1", soc, soc + "322"}},
		"RLE tells nothing":             {RLE, nil, nil, five, nil},
		"a table that goes back":        {RLE, offsets(4, 0, 38, 24), nil, five, nil},
		"a table that begins later":     {RLE, offsets(4, 14, 24, 38), nil, five, nil},
		"a table of two":                {RLE, offsets(4, 0, 24), nil, five, nil},
		"too few begins":                {JPEGLS, nil, nil, texts(head, "aa", head, "bb"), nil},
		"a begin too late":              {JPEGLS, nil, nil, texts("aa", head, head, head), nil},
		"two fragments":                 {JPEGLS, nil, nil, texts(head, head), nil},
	} {
		src := bytes.NewReader(encapsulated(c.table, c.fragments...))
		p := Pixels{Found: true, Encapsulated: true, syntax: SyntaxOf(c.syntax)}
		list, err := Frames(src, p, Shape{Rows: 4, Cols: 4, Allocated: 8, Stored: 8}, 3, c.extended)
		if c.want == nil {
			if coded.CodeOf(err) != CodeUnreadable {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var got []string
		for _, p := range list {
			b, err := readFragments(src, p, 1000, nil)
			if len(b) > 0 || coded.CodeOf(err) != CodeNoPixelData { // no pixels of another frame
				checktest.Must(t, err)
			}
			got = append(got, string(b))
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q (%v)", name, got, c.want, err)
		}
	}
}

// TestFramesBounded: a file of nothing but fragments costs no more than their
// number may.
func TestFramesBounded(t *testing.T) {
	many := encapsulated(nil, slices.Repeat([][]byte{nil}, maxFragments+1)...)
	p := Pixels{Found: true, Encapsulated: true, syntax: SyntaxOf(JPEGLS)}
	if _, err := Frames(bytes.NewReader(many), p, Shape{Rows: 4, Cols: 4, Allocated: 8, Stored: 8}, 2, nil); coded.CodeOf(err) != CodeLimit {
		t.Error(err)
	}
	long := encapsulated(make([]byte, 8*maxFragments), []byte("a "))
	if _, err := Frames(bytes.NewReader(long), p, Shape{Rows: 4, Cols: 4, Allocated: 8, Stored: 8}, 2, nil); coded.CodeOf(err) != CodeLimit {
		t.Error(err)
	}
}

// TestRealFrames: an Enhanced CT of JPEG in many fragments and no offset table has
// the pixels that dcmtk finds in it, within 1.
func TestRealFrames(t *testing.T) {
	path := checktest.Data(t, "awkward", "cornerstone_same_slice_all_syntaxes", "CT0012.fragmented_no_bot_jpeg_baseline.51.dcm")
	if _, err := exec.LookPath("dcmdjpeg"); err != nil {
		t.Skip("no dcmtk here")
	}
	raw := filepath.Join(t.TempDir(), "raw.dcm")
	if out, err := exec.Command("dcmdjpeg", path, raw).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := Shape{Rows: 512, Cols: 512, Allocated: 16, Stored: 12}
	pixels := func(name string) (all [][]byte) {
		b, err := os.ReadFile(name)
		checktest.Must(t, err)
		src := bytes.NewReader(b)
		f, err := Read(src, Wanted{Elements: map[uint32]string{}, Last: PixelData, MaxElements: 1 << 16, MaxInflated: 1 << 24})
		checktest.Must(t, err)
		list, err := Frames(src, f.Pixels, s, 2, nil)
		checktest.Must(t, err)
		var d Decoder
		for _, p := range list {
			frame, err := d.Decode(src, p, s)
			checktest.Must(t, err)
			all = append(all, bytes.Clone(frame))
		}
		return all
	}
	want, got := pixels(raw), pixels(path)
	if bytes.Equal(want[0], want[1]) {
		t.Fatal("the frames are the same")
	}
	for i := range want {
		worst := 0
		for k := 0; k < len(want[i]); k += 2 {
			d := int(binary.LittleEndian.Uint16(want[i][k:])) - int(binary.LittleEndian.Uint16(got[i][k:]))
			worst = max(worst, d, -d)
		}
		if worst > 1 {
			t.Errorf("frame %d differs by up to %d", i, worst)
		}
	}
}
