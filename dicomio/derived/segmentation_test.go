package derived

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

var outliner = sr.Algorithm{Name: "outliner", Version: "1.0", Parameters: []string{"threshold 0.5"}}

// ball is an outline of a ball on a cube of 1 mm voxels, which lies wherever
// cubes come to lie.
func ball(id string, centre dicomio.Vec, radius float64) Outline {
	edge := 2*int(radius) + 7
	o := Outline{ID: id, SpacingMM: [3]float64{1, 1, 1}, Size: [3]int{edge, edge, edge}}
	for axis := range centre {
		o.OriginLPS[axis] = math.Round(centre[axis]-float64(edge)/2) + 0.25
	}
	for z := range edge {
		for y := range edge {
			for x := range edge {
				d := [3]float64{o.OriginLPS[0] + float64(x) - centre[0], o.OriginLPS[1] + float64(y) - centre[1], o.OriginLPS[2] + float64(z) - centre[2]}
				o.Mask = append(o.Mask, d[0]*d[0]+d[1]*d[1]+d[2]*d[2] <= radius*radius)
			}
		}
	}
	return o
}

func openSpec(t *testing.T, spec dicomtest.Spec) (*dicomio.Series, Object) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ct")
	if err := dicomtest.WriteSeries(dir, spec); err != nil {
		t.Fatal(err)
	}
	s, err := dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := testResult(t).Object
	if o.Header, err = sr.HeaderOf(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	return s, o
}

func segmentation(t *testing.T, o Object, s *dicomio.Series, outlines ...Outline) (*Segmentation, []byte) {
	t.Helper()
	m, err := NewSegmentation(o, s, outliner, outlines)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := m.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return m, b.Bytes()
}

// TestSegmentationAsPydicomReadsIt: balls come back with their volume and
// place from series that lie straight, tilted, across and with a hole, and
// dciodvfy has nothing to say.
func TestSegmentationAsPydicomReadsIt(t *testing.T) {
	base := dicomtest.Spec{Slices: 40, Rows: 61, Cols: 67, Spacing: [3]float64{1.25, 0.7, 0.7}, Origin: [3]float64{-22, -20, -100}}
	tilted, sagittal, coarse, hole := base, base, base, base
	tilted.TiltDeg = 15
	sagittal.RowDir, sagittal.ColDir = [3]float64{0, 1, 0}, [3]float64{0, 0, -1}
	coarse.Spacing, coarse.Slices = [3]float64{5, 0.9, 0.8}, 12
	hole.Skip = []int{3}
	for name, spec := range map[string]dicomtest.Spec{"axial": base, "tilted": tilted, "sagittal": sagittal, "thick slices": coarse, "hole": hole} {
		t.Run(name, func(t *testing.T) {
			s, o := openSpec(t, spec)
			g := s.Geometry
			centres := []dicomio.Vec{
				g.ToLPS([3]float64{float64(g.Slices)/2 + 0.3, 30.2, 40.7}),
				g.ToLPS([3]float64{float64(g.Slices)/2 + 1, 31, 20}),
			}
			radii := []float64{8, 6}
			m, b := segmentation(t, o, s, ball("n1", centres[0], radii[0]), ball("between", dicomio.Vec{900, 0, 0}, 3), ball("Knoten 2 – λ", centres[1], radii[1]))
			file := writeFile(t, b)
			if list := dicomtest.Complaints(dicomtest.Tool(t, "dciodvfy", file)); len(list) > 0 {
				t.Error(strings.Join(list, "\n"))
			}
			out := readSegmentation(t, s, file)
			report := sr.Report{Identity: o.Identity}
			for _, want := range []string{
				"study True SEG BINARY ", "references complete",
				"segment 1 Nodule n1 AUTOMATIC outliner 1.0 49755003 27925004 39607008",
				"tracking 1 " + report.TrackingUID("n1") + " n1",
				"tracking 2 " + report.TrackingUID("Knoten 2 – λ") + " Knoten 2 – λ",
				"frame 1 1 True", "frame 2 ",
			} {
				if !strings.Contains(out, want) {
					t.Errorf("pydicom does not find %q in\n%s", want, out)
				}
			}
			for i, r := range radii {
				volume, at := measured(t, out, i+1)
				want := 4.0 / 3 * math.Pi * r * r * r
				if math.Abs(volume/want-1) > 0.06 {
					t.Errorf("segment %d has %.1f mm3, the ball %.1f", i+1, volume, want)
				}
				for axis := range at {
					if math.Abs(at[axis]-centres[i][axis]) > max(0.3, g.SpacingMM[0]/8) {
						t.Errorf("segment %d is at %v, the ball at %v", i+1, at, centres[i])
						break
					}
				}
			}
			if at, ok := m.Segment("Knoten 2 – λ"); !ok || at != (sr.Segment{SOPInstanceUID: m.SOPInstanceUID(), SeriesInstanceUID: m.SeriesInstanceUID(), Number: 2}) {
				t.Errorf("a report is told %+v, %v", at, ok)
			}
			if _, ok := m.Segment("between"); ok {
				t.Error("a nodule that holds no pixel has a segment")
			}
		})
	}
}

// readSegmentation prints what an independent reader finds.
func readSegmentation(t *testing.T, s *dicomio.Series, file string) string {
	t.Helper()
	if err := exec.Command("/usr/bin/python3", "-c", "import pydicom, numpy").Run(); err != nil {
		t.Skip("no python3-pydicom here")
	}
	args := []string{"testdata/read_segmentation.py", file}
	for _, slice := range s.Slices {
		args = append(args, slice.Path)
	}
	return dicomtest.Tool(t, "/usr/bin/python3", args...)
}

func measured(t *testing.T, out string, number int) (volume float64, at dicomio.Vec) {
	t.Helper()
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, fmt.Sprintf("measured %d ", number)); ok {
			if _, err := fmt.Sscanf(rest, "%g mm3 at %g %g %g", &volume, &at[0], &at[1], &at[2]); err != nil {
				t.Fatal(err)
			}
			return volume, at
		}
	}
	t.Fatalf("segment %d was not measured:\n%s", number, out)
	return 0, at
}

// TestRealSegmentation puts a ball on a chest CT.
func TestRealSegmentation(t *testing.T) {
	s, err := dicomio.OpenSeries(context.Background(), checktest.Data(t, "ct", "LIDC-IDRI-0001"), "", dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := Object{Identity: "real", Time: testResult(t).Time}
	if o.Header, err = sr.HeaderOf(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	centre := dicomio.Vec{56.2, 86.3, -115.9}
	_, b := segmentation(t, o, s, ball("a", centre, 11))
	file := writeFile(t, b)
	if list := dicomtest.Complaints(dicomtest.Tool(t, "dciodvfy", file)); len(list) > 0 {
		t.Error(strings.Join(list, "\n"))
	}
	volume, at := measured(t, readSegmentation(t, s, file), 1)
	if want := 4.0 / 3 * math.Pi * 11 * 11 * 11; math.Abs(volume/want-1) > 0.03 {
		t.Errorf("%.1f mm3, the ball has %.1f", volume, want)
	}
	if d := math.Hypot(math.Hypot(at[0]-centre[0], at[1]-centre[1]), at[2]-centre[2]); d > 0.4 {
		t.Errorf("it lies at %v, the ball at %v", at, centre)
	}
}
