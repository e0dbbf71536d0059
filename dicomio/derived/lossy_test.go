package derived

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// TestDerivedOfLossy: what is made of images that were compressed with loss says so,
// once or several times, and what is made of others says that they were not.
func TestDerivedOfLossy(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(z int, set dicomtest.Elements)
		want []string
	}{
		"lossless": {nil, []string{"[00]"}},
		"once": {func(_ int, set dicomtest.Elements) {
			set.Set(0x00282110, "CS", "01")
			set.Set(0x00282112, "DS", "10.04")
			set.Set(0x00282114, "CS", "ISO_15444_1")
		}, []string{"[01]", "[10.04]", "[ISO_15444_1]"}},
		"twice": {func(_ int, set dicomtest.Elements) {
			set.Set(0x00282110, "CS", "01")
			set.Set(0x00282112, "DS", `5\2`)
			set.Set(0x00282114, "CS", `ISO_14495_1\ISO_10918_1`)
		}, []string{"[01]", `[5\2]`, `[ISO_14495_1\ISO_10918_1]`}},
		"one slice": {func(z int, set dicomtest.Elements) {
			if z == 7 {
				set.Set(0x00282110, "CS", "01")
			}
		}, []string{"[01]"}},
	} {
		s, o := openSpec(t, dicomtest.Spec{Slices: 12, Rows: 32, Cols: 40, Edit: c.edit})
		heat, capture := testMap(result{Object: o, ids: []string{"a", "b"}, sources: []dicomio.ImagePoint{
			{SOPInstanceUID: s.Slices[3].SOPInstanceUID, SOPClassUID: s.Slices[3].SOPClassUID}, {SOPInstanceUID: s.Slices[4].SOPInstanceUID, SOPClassUID: s.Slices[4].SOPClassUID},
		}}), testCapture(result{Object: o})
		var a, b bytes.Buffer
		checktest.Must(t, heat.Encode(&a))
		checktest.Must(t, capture.Encode(&b))
		_, seg := segmentation(t, o, s, ball("one", s.Geometry.ToLPS([3]float64{5, 15, 20}), 6))
		for kind, file := range map[string][]byte{"heat map": a.Bytes(), "capture": b.Bytes(), "segmentation": seg} {
			path := writeFile(t, file)
			text := dicomtest.Tool(t, "dcmdump", "-q", "+P", "0028,2110", "+P", "0028,2112", "+P", "0028,2114", path)
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("%s, %s: no %s in\n%s", name, kind, want, text)
				}
			}
			if strings.Count(text, "\n") != len(c.want) {
				t.Errorf("%s, %s:\n%s", name, kind, text)
			}
			if list := dicomtest.Complaints(dicomtest.Tool(t, "dciodvfy", path)); len(list) > 0 && name != "one slice" { // ratio and method are not told there
				t.Errorf("%s, %s: %v", name, kind, list)
			}
		}
	}
}
