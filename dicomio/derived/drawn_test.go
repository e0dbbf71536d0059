package derived

import (
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/sr"
)

// TestDrawnSegments: an outline that a person drew says so, names who, and has the
// network for an algorithm no more; one by hand has none.
func TestDrawnSegments(t *testing.T) {
	s, o := openSpec(t, dicomtest.Spec{Slices: 40, Rows: 61, Cols: 67, Spacing: [3]float64{1.25, 0.7, 0.7}, Origin: [3]float64{-22, -20, -100}})
	o.Creator, o.Number = "Doe^Jane^^Dr", 3
	g := s.Geometry
	made, hand, net := ball("made", g.ToLPS([3]float64{20, 30, 40}), 6), ball("hand", g.ToLPS([3]float64{20, 30, 20}), 5), ball("net", g.ToLPS([3]float64{10, 30, 20}), 5)
	made.Drawn, hand.Drawn = Semiautomatic, Manual
	m, b := segmentation(t, o, s, made, hand, net)
	if plain := (&Segmentation{Object: Object{Identity: o.Identity}}); plain.SOPInstanceUID() == m.SOPInstanceUID() || plain.SeriesInstanceUID() != m.SeriesInstanceUID() {
		t.Error("it takes the place of the network's")
	}
	file := writeFile(t, b)
	if list := dicomtest.Complaints(dicomtest.Tool(t, "dciodvfy", file)); len(list) > 0 {
		t.Error(strings.Join(list, "\n"))
	}
	dump := dicomtest.Tool(t, "dcmdump", "-q", file)
	for _, want := range []string{"[SEMIAUTOMATIC]", "[MANUAL]", "[AUTOMATIC]", "[Nodulescope review", "[123109]", "[Doe^Jane^^Dr]", "[123110]"} {
		if !strings.Contains(dump, want) {
			t.Errorf("dcmdump does not find %q", want)
		}
	}
	if n := strings.Count(dump, "(0062,0009)"); n != 2 {
		t.Errorf("%d segments name an algorithm", n)
	}
	// Where all are drawn no algorithm is needed; what DICOM does not know is refused.
	if _, err := NewSegmentation(o, s, sr.Algorithm{}, []Outline{made, hand}); err != nil {
		t.Error(err)
	}
	if _, err := NewSegmentation(o, s, sr.Algorithm{}, []Outline{net}); dicomio.CodeOf(err) != sr.CodeReportInvalid {
		t.Error(err)
	}
	hand.Drawn = "BY FOOT"
	if _, err := NewSegmentation(o, s, outliner, []Outline{hand}); dicomio.CodeOf(err) != sr.CodeReportInvalid {
		t.Error(err)
	}
}
