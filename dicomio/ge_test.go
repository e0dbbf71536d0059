package dicomio_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// asGE makes GE's private syntax of a file in implicit VR little endian: its pixels
// have their high bytes first.
func asGE(t *testing.T, file []byte) []byte {
	t.Helper()
	from := []byte("UI\x12\x00" + codec.ImplicitLittle + "\x00")
	if bytes.Count(file, from) != 1 {
		t.Fatal("the file has no implicit VR")
	}
	file = bytes.Replace(file, from, []byte("UI\x12\x00"+codec.GEImplicit), 1)
	at := bytes.LastIndex(file, []byte("\xe0\x7f\x10\x00")) + 4
	for px := file[at+4:][:binary.LittleEndian.Uint32(file[at:])]; len(px) >= 2; px = px[2:] {
		px[0], px[1] = px[1], px[0]
	}
	return file
}

// TestGEImplicit: GE's private syntax has the pixels of the plain series, whatever
// their sign, as one image a file and as frames, and as DCMTK and GDCM read it.
func TestGEImplicit(t *testing.T) {
	for _, spec := range []dicomtest.Spec{
		{Slices: 3, Syntax: dicomtest.Implicit, Rows: 33, Cols: 41}, {Slices: 3, Syntax: dicomtest.Implicit, Unsigned: true, Bits: 12, Intercept: -1024},
	} {
		want, dir := open(t, spec), t.TempDir()
		for z, b := range classic(t, spec) {
			checktest.Must(t, os.WriteFile(filepath.Join(dir, string(rune('a'+z))), asGE(t, b), 0o600))
		}
		sameVolume(t, "single images", want, openAt(t, dir))
		for _, command := range [][]string{{"dcmconv", "+te"}, {"gdcmconv", "--raw"}} {
			others := t.TempDir()
			for _, name := range []string{"a", "b", "c"} {
				dicomtest.Tool(t, command[0], append(slices.Clone(command[1:]), filepath.Join(dir, name), filepath.Join(others, name))...)
			}
			sameVolume(t, command[0], want, openAt(t, others))
		}
		files, err := dicomtest.MakeEnhanced(classic(t, spec), dicomtest.Enhanced{Syntax: dicomtest.Implicit})
		checktest.Must(t, err)
		frames := t.TempDir()
		checktest.Must(t, os.WriteFile(filepath.Join(frames, "a"), asGE(t, files[0]), 0o600))
		sameVolume(t, "frames", want, openAt(t, frames))
	}
	small, dir := dicomtest.Spec{Slices: 2, Syntax: dicomtest.Implicit, Unsigned: true, Bits: 8}, t.TempDir()
	for z, b := range classic(t, small) {
		checktest.Must(t, os.WriteFile(filepath.Join(dir, string(rune('a'+z))), asGE(t, b), 0o600))
	}
	if _, err := dicomio.OpenSeries(t.Context(), dir, "", dicomio.Options{}); dicomio.CodeOf(err) != dicomio.CodePixelFormat {
		t.Errorf("8 bits: %v", err)
	}
}
