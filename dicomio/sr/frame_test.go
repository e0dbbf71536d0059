package sr

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// TestFrameOfReference: a mark on an image of several frames lies on the one that it
// names, and nowhere where it does not name exactly one.
func TestFrameOfReference(t *testing.T) {
	var images [][]byte
	for z := range 6 {
		b, err := dicomtest.Encode(dicomtest.Spec{Slices: 6}, z)
		checktest.Must(t, err)
		images = append(images, b)
	}
	files, err := dicomtest.MakeEnhanced(images, dicomtest.Enhanced{})
	checktest.Must(t, err)
	dir := t.TempDir()
	checktest.Must(t, os.WriteFile(filepath.Join(dir, "a"), files[0], 0o600))
	s, err := dicomio.OpenSeries(t.Context(), dir, "", dicomio.Options{})
	checktest.Must(t, err)
	multi, single := s.Slices[0].SOPClassUID, "1.2.840.10008.5.1.4.1.1.2"
	for name, c := range map[string]struct {
		class  string
		frames []string
		want   int
	}{
		"the first":         {multi, []string{"1"}, 0},
		"the fifth":         {multi, []string{"5"}, 4},
		"none":              {multi, nil, -1},
		"an empty one":      {multi, []string{""}, -1},
		"two":               {multi, []string{"2", "3"}, -1},
		"number 0":          {multi, []string{"0"}, -1},
		"a negative number": {multi, []string{"-2"}, -1},
		"no number":         {multi, []string{"1.5"}, -1},
		"a huge number":     {multi, []string{"99999999"}, -1},
		"a single frame":    {single, nil, 0},
		"told, of a single": {single, []string{"1"}, 0},
		"0, of a single":    {single, []string{"0"}, 0},
	} {
		var ref, d codec.Dataset
		ref.AddText(0x00081150, "UI", c.class)
		ref.AddText(0x00081155, "UI", s.Slices[0].SOPInstanceUID)
		if c.frames != nil {
			ref.AddText(0x00081160, "IS", c.frames...)
		}
		d.AddText(0x00080016, "UI", classComprehensive)
		d.AddSequence(0x00081199, ref)
		var file bytes.Buffer
		checktest.Must(t, codec.Write(&file, d, codec.Meta{Class: classComprehensive, Instance: "1.2.3"}))
		doc, err := Read(&file)
		checktest.Must(t, err)
		at := doc.Root.Image
		at.Column, at.Row = 1, 1
		if _, ok := s.InPatient(at); at.Frame != c.want || ok != (c.want >= 0) {
			t.Errorf("%s: frame %d, want %d; has a place: %v", name, at.Frame, c.want, ok)
		}
	}
}
