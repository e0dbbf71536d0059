package dicomio_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// drop takes an element out.
func drop(d *codec.Dataset, tag uint32) {
	var left codec.Dataset
	for _, e := range *d {
		if e.Tag != tag {
			left = append(left, e)
		}
	}
	*d = left
}

// TestEnhancedRefused: what does not hold together is refused with what to do, and
// never read as something else.
func TestEnhancedRefused(t *testing.T) {
	image := func(f func(*codec.Dataset)) dicomtest.Enhanced { return dicomtest.Enhanced{Image: f} }
	frame := func(tag uint32) dicomtest.Enhanced {
		return dicomtest.Enhanced{Frame: func(i int, g *codec.Dataset) {
			if i == 3 {
				drop(g, tag)
			}
		}}
	}
	text := func(tag uint32, vr, value string) dicomtest.Enhanced {
		return image(func(d *codec.Dataset) { drop(d, tag); d.AddText(tag, vr, value) })
	}
	for name, c := range map[string]struct {
		e    dicomtest.Enhanced
		want dicomio.Code
		hint string
	}{
		"no number of frames":   {image(func(d *codec.Dataset) { drop(d, 0x00280008) }), dicomio.CodeUnreadable, "NumberOfFrames"},
		"no frames":             {text(0x00280008, "IS", "0"), dicomio.CodeUnreadable, "NumberOfFrames"},
		"two thousand millions": {text(0x00280008, "IS", "2000000000"), dicomio.CodeLimit, "frames"},
		"one frame more":        {text(0x00280008, "IS", "25"), dicomio.CodeUnreadable, "functional groups of 24"},
		"no groups of frames":   {image(func(d *codec.Dataset) { drop(d, 0x52009230) }), dicomio.CodeUnreadable, "functional groups of 0"},
		"no shared groups":      {image(func(d *codec.Dataset) { drop(d, 0x52009229) }), dicomio.CodeNoPosition, "frame 1 of 24"},
		"a frame without place": {frame(0x00209113), dicomio.CodeNoPosition, "frame 4 of 24"},
		"a frame without HU":    {frame(0x00289145), dicomio.CodePixelFormat, "frame 4 of 24"},
		"an empty item for a frame": {dicomtest.Enhanced{Frame: func(i int, g *codec.Dataset) {
			if i == 3 {
				*g = nil
			}
		}}, dicomio.CodeNoPosition, "frame 4 of 24"},
		"an empty sequence for a place": {dicomtest.Enhanced{Frame: func(i int, g *codec.Dataset) {
			if i == 3 {
				drop(g, 0x00209113)
				g.AddSequence(0x00209113)
			}
		}}, dicomio.CodeNoPosition, "frame 4 of 24"},
		"an empty item for a place": {dicomtest.Enhanced{Frame: func(i int, g *codec.Dataset) {
			if i == 3 {
				drop(g, 0x00209113)
				g.AddSequence(0x00209113, codec.Dataset{})
			}
		}}, dicomio.CodeNoPosition, "frame 4 of 24"},
		"empty shared groups": {image(func(d *codec.Dataset) { d.Find(0x52009229).Items[0] = nil }), dicomio.CodeNoPosition, "frame 1 of 24"},
		"pixels of 23 frames": {image(func(d *codec.Dataset) {
			e := d.Find(codec.PixelData)
			e.Value = e.Value[:23*32*40*2]
		}), dicomio.CodeSizeMismatch, "shorter"},
		"pixels of 25 frames": {image(func(d *codec.Dataset) {
			e := d.Find(codec.PixelData)
			e.Value = append(e.Value, make([]byte, 32*40*2)...)
		}), dicomio.CodeSizeMismatch, "longer"},
		"colours": {dicomtest.Enhanced{Frame: func(_ int, g *codec.Dataset) {
			var kind codec.Dataset
			kind.AddText(0x00089205, "CS", "COLOR")
			g.AddSequence(0x00189329, kind)
		}}, dicomio.CodePixelFormat, "colours"},
		"a map of something else": {dicomtest.Enhanced{Frame: func(_ int, g *codec.Dataset) {
			var r codec.Dataset
			r.AddText(0x00281052, "DS", "0")
			r.AddText(0x00281053, "DS", "1")
			r.AddText(0x00281054, "LO", "US")
			drop(g, 0x00289145)
			g.AddSequence(0x00289145, r)
		}}, dicomio.CodePixelFormat, "not measure HU"},
		"rows of another number": {dicomtest.Enhanced{Frame: func(i int, g *codec.Dataset) {
			if i == 3 {
				g.AddUint16(0x00280010, 16)
			}
		}}, dicomio.CodePixelFormat, "frame 4 of 24"},
		"bits of another number": {dicomtest.Enhanced{Frame: func(i int, g *codec.Dataset) {
			if i == 5 {
				g.AddUint16(0x00280102, 13)
			}
		}}, dicomio.CodePixelFormat, "frame 6 of 24"},
		"of another modality": {text(0x00080060, "CS", "MR"), dicomio.CodeNotCT, "left out"},
	} {
		dir := enhanced(t, classic(t, phantomSpec), c.e)
		_, err := dicomio.OpenSeries(t.Context(), dir, "", dicomio.Options{})
		if dicomio.CodeOf(err) != c.want || !strings.Contains(err.Error(), c.hint) {
			t.Errorf("%s: %v, want %s with %q", name, err, c.want, c.hint)
		}
	}
	// Cut anywhere, it is refused or no DICOM file.
	whole, err := os.ReadFile(filepath.Join(enhanced(t, classic(t, phantomSpec), dicomtest.Enhanced{}), "9"))
	checktest.Must(t, err)
	for n := 0; n < len(whole); n += 1 + n/20 {
		dir := t.TempDir()
		checktest.Must(t, os.WriteFile(filepath.Join(dir, "a"), whole[:n], 0o600))
		if s, err := dicomio.OpenSeries(t.Context(), dir, "", dicomio.Options{}); err == nil {
			t.Errorf("%d of %d bytes: a series of %d slices", n, len(whole), len(s.Slices))
		}
	}
}

// TestEnhancedBounded: a file with as many frames as may be, and with as much in
// its functional groups as real ones have, costs no more memory than a small
// volume.
func TestEnhancedBounded(t *testing.T) {
	spec := dicomtest.Spec{Rows: 2, Cols: 2}
	one, err := dicomtest.Encode(spec, 0)
	checktest.Must(t, err)
	var other codec.Dataset
	for tag := range uint32(40) {
		other.AddText(0x00091010+tag, "LO", "of no use")
	}
	many := dicomtest.Enhanced{Frame: func(i int, g *codec.Dataset) {
		var p codec.Dataset
		p.AddText(0x00200032, "DS", "0", "0", strconv.Itoa(i))
		drop(g, 0x00209113)
		g.AddSequence(0x00209113, p)
		g.AddSequence(0x00091001, other)
	}}
	const n = 1 << 14
	dir := enhanced(t, slices.Repeat([][]byte{one}, n), many)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := dicomio.OpenSeries(t.Context(), dir, "", dicomio.Options{})
	runtime.ReadMemStats(&after)
	more := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d frames: %d MiB in all", n, more>>20)
	if err != nil || len(s.Slices) != n || more > 512<<20 {
		t.Errorf("%d frames cost %d MiB: %v", n, more>>20, err)
	}
}

// TestEnhancedRepeated: what stands many times in an image or its shared functional
// groups, or is long there, is not taken anew for every frame.
func TestEnhancedRepeated(t *testing.T) {
	const n, times = 512, 20_000
	one, err := dicomtest.Encode(dicomtest.Spec{Rows: 2, Cols: 2}, 0)
	checktest.Must(t, err)
	again := []byte("\x18\x00\x60\x10DS\x08\x00       0")
	const placeholder = 0x0009100F // of the same length as all of them
	room := make([]byte, times*len(again)-12)
	var raw codec.Dataset
	raw.AddBytes(placeholder, "OB", room)
	hole, err := codec.Append(nil, raw, codec.ExplicitLittle)
	checktest.Must(t, err)
	for name, image := range map[string]func(*codec.Dataset){
		"in the image":          func(d *codec.Dataset) { d.AddBytes(placeholder, "OB", room) },
		"in the shared groups":  func(d *codec.Dataset) { d.Find(0x52009229).Items[0].AddBytes(placeholder, "OB", room) },
		"of a long shared type": func(d *codec.Dataset) { long(d, 1<<9) },
		"of too long a type":    func(d *codec.Dataset) { long(d, 1<<14) },
	} {
		files, err := dicomtest.MakeEnhanced(slices.Repeat([][]byte{one}, n), dicomtest.Enhanced{Image: image, Frame: func(i int, g *codec.Dataset) {
			var p codec.Dataset
			p.AddText(0x00200032, "DS", "0", "0", strconv.Itoa(i))
			drop(g, 0x00209113)
			drop(g, 0x00189329)
			g.AddSequence(0x00209113, p)
		}})
		checktest.Must(t, err)
		dir := t.TempDir()
		file := bytes.Replace(files[0], hole, bytes.Repeat(again, times), 1)
		checktest.Must(t, os.WriteFile(filepath.Join(dir, "a"), file, 0o600))
		if strings.HasPrefix(name, "in ") && bytes.Count(file, again) != times {
			t.Fatalf("%s: nothing is there again", name)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := dicomio.OpenSeries(t.Context(), dir, "", dicomio.Options{})
		runtime.ReadMemStats(&after)
		more := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d MiB in all", name, more>>20)
		if tooLong := name == "of too long a type"; more > 96<<20 || tooLong != (dicomio.CodeOf(err) == dicomio.CodeUnreadable) || !tooLong && (err != nil || len(s.Slices) != n) {
			t.Errorf("%s: %d MiB, %v", name, more>>20, err)
		}
	}
}

// long makes the frame type of all frames one of so many values.
func long(d *codec.Dataset, values int) {
	var kind codec.Dataset
	kind.AddBytes(0x00089007, "CS", bytes.Repeat([]byte(`A\`), values))
	shared := &d.Find(0x52009229).Items[0]
	drop(shared, 0x00189329)
	shared.AddSequence(0x00189329, kind)
}

// TestEnhancedBelongs: functional groups do not change what a file is and belongs to.
func TestEnhancedBelongs(t *testing.T) {
	want := open(t, phantomSpec)
	s := openAt(t, enhanced(t, classic(t, phantomSpec), dicomtest.Enhanced{Frame: func(i int, g *codec.Dataset) {
		if i == 3 {
			for _, tag := range []uint32{0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00200052} {
				g.AddText(tag, "UI", "1.2.3."+strconv.Itoa(int(tag)))
			}
			g.AddText(0x00080060, "CS", "MR")
		}
	}}))
	sameVolume(t, "a frame of another series", want, s)
	for z, slice := range s.Slices {
		if slice.SOPInstanceUID != s.Slices[0].SOPInstanceUID || !dicomio.MultiFrame(slice.SOPClassUID) {
			t.Errorf("slice %d is %+v", z, slice)
		}
	}
}
