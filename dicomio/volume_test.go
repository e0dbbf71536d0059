package dicomio_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

func codes(s *dicomio.Series) []dicomio.Code {
	var out []dicomio.Code
	for _, w := range s.Warnings {
		out = append(out, w.Code)
	}
	return out
}

func TestSlicesAreOrderedByPosition(t *testing.T) {
	s := open(t, dicomtest.Spec{Slices: 20})
	for i, sl := range s.Slices {
		if math.Abs(sl.PositionMM-2.5*float64(i)) > 1e-6 || math.Abs(s.Geometry.Offsets[i]-2.5*float64(i)) > 1e-6 {
			t.Fatalf("slice %d at %v, offset %v", i, sl.PositionMM, s.Geometry.Offsets[i])
		}
	}
	// With the rows upside down the normal points to the feet: so does the order.
	if s = open(t, dicomtest.Spec{ColDir: [3]float64{0, -1, 0}}); s.Slices[3].Origin[2] >= s.Slices[0].Origin[2] {
		t.Errorf("first slice at z %v, last at z %v", s.Slices[0].Origin[2], s.Slices[3].Origin[2])
	}
}

func TestSpacingFindings(t *testing.T) {
	for name, c := range map[string]struct {
		spec    dicomtest.Spec
		slices  int
		missing []dicomio.Gap
		want    []dicomio.Code
	}{
		"regular":         {dicomtest.Spec{Slices: 9}, 9, nil, nil},
		"one missing":     {dicomtest.Spec{Slices: 9, Skip: []int{3}}, 8, []dicomio.Gap{{After: 2, Count: 1}}, []dicomio.Code{dicomio.CodeMissingSlices}},
		"two runs":        {dicomtest.Spec{Slices: 12, Skip: []int{3, 4, 8}}, 9, []dicomio.Gap{{After: 2, Count: 2}, {After: 5, Count: 1}}, []dicomio.Code{dicomio.CodeMissingSlices}},
		"small wobble":    {dicomtest.Spec{Slices: 9, Jitter: map[int]float64{4: 0.15}}, 9, nil, nil},
		"irregular":       {dicomtest.Spec{Slices: 9, Jitter: map[int]float64{4: 0.3}}, 9, nil, []dicomio.Code{dicomio.CodeIrregularSpacing}},
		"hole, no factor": {dicomtest.Spec{Slices: 9, Jitter: map[int]float64{8: 3.5}}, 9, []dicomio.Gap{{After: 7, Count: 1}}, []dicomio.Code{dicomio.CodeMissingSlices, dicomio.CodeIrregularSpacing}},
		"doubled":         {dicomtest.Spec{Slices: 9, Double: []int{2, 7}}, 9, nil, []dicomio.Code{dicomio.CodeDuplicatePosition}},
		"tilted":          {dicomtest.Spec{Slices: 9, TiltDeg: 20}, 9, nil, []dicomio.Code{dicomio.CodeGantryTilt}},
		"missing, by 1.8": {dicomtest.Spec{Slices: 20, Skip: []int{7}, Jitter: map[int]float64{8: -0.5}}, 19, []dicomio.Gap{{After: 6, Count: 1}}, []dicomio.Code{dicomio.CodeMissingSlices, dicomio.CodeIrregularSpacing}},
		"missing, uneven": {dicomtest.Spec{Slices: 20, Skip: []int{7}, Jitter: map[int]float64{6: 0.13, 8: -0.13}}, 19, []dicomio.Gap{{After: 6, Count: 1}}, []dicomio.Code{dicomio.CodeMissingSlices, dicomio.CodeIrregularSpacing}},
		"two of three":    {dicomtest.Spec{Slices: 4, Skip: []int{1}}, 3, []dicomio.Gap{{After: 0, Count: 1}}, []dicomio.Code{dicomio.CodeMissingSlices}},
	} {
		s := open(t, c.spec)
		if len(s.Slices) != c.slices || s.Geometry.Slices != c.slices || len(s.Geometry.Offsets) != c.slices {
			t.Errorf("%s: %d slices, want %d", name, len(s.Slices), c.slices)
		}
		if d := cmp.Diff(c.missing, s.Geometry.Missing); d != "" {
			t.Errorf("%s: missing (-want +got)\n%s", name, d)
		}
		if d := cmp.Diff(c.want, codes(s)); d != "" {
			t.Errorf("%s: warnings (-want +got)\n%s", name, d)
		}
	}
}

func TestTiltComesFromPositions(t *testing.T) {
	for _, deg := range []float64{-15, 0, 0.3, 18.5, 30} {
		g := open(t, dicomtest.Spec{Slices: 9, TiltDeg: deg, Edit: func(_ int, set dicomtest.Elements) {
			set.Set(0x00181120, "DS", "3") // GantryDetectorTilt says otherwise
		}}).Geometry
		if math.Abs(g.TiltDeg-math.Abs(deg)) > 1e-4 {
			t.Errorf("tilt %v is measured as %v", deg, g.TiltDeg)
		}
		if want := 2.5 * math.Cos(deg*math.Pi/180); math.Abs(g.SpacingMM[0]-want) > 1e-6 {
			t.Errorf("tilt %v: spacing along the normal %v, want %v", deg, g.SpacingMM[0], want)
		}
		if !near(g.Line, dicomio.Vec{0, 0, 1}) {
			t.Errorf("tilt %v: the line is %v", deg, g.Line)
		}
	}
}

func near(a, b dicomio.Vec) bool {
	return math.Abs(a[0]-b[0])+math.Abs(a[1]-b[1])+math.Abs(a[2]-b[2]) < 1e-6
}

// TestLargestVolumeIsKept: one series UID with several geometries.
func TestLargestVolumeIsKept(t *testing.T) {
	for name, other := range map[string]dicomtest.Spec{
		"matrix":      {Rows: 8},
		"spacing":     {Spacing: [3]float64{2.5, 0.7, 0.8}},
		"orientation": {RowDir: obliqueRow, ColDir: obliqueCol},
		"frame":       {FrameUID: "1.2.99"},
	} {
		dir := write(t, "", dicomtest.Spec{Slices: 6})
		other.StudyUID, other.SeriesUID = "1.2.826.0.1.3680043.10.9.1", "1.2.826.0.1.3680043.10.9.1.2"
		other.Edit = func(z int, set dicomtest.Elements) { set.Set(0x00080018, "UI", fmt.Sprint("1.2.7.", z+1)) }
		write(t, filepath.Join(dir, "other"), other)
		s, err := dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Slices) != 6 || len(s.Warnings) != 1 || s.Warnings[0].Code != dicomio.CodeMixedGeometry {
			t.Errorf("%s: %d slices, warnings %v", name, len(s.Slices), s.Warnings)
		}
	}
}

// TestLocalizerIsDropped: a scout within the series is no slice.
func TestLocalizerIsDropped(t *testing.T) {
	s := open(t, dicomtest.Spec{Slices: 6, Edit: func(z int, set dicomtest.Elements) {
		if z == 0 {
			set.Set(0x00080008, "CS", `ORIGINAL\PRIMARY\LOCALIZER`)
		}
	}})
	if len(s.Slices) != 5 || len(s.Warnings) != 0 {
		t.Errorf("%d slices, warnings %v", len(s.Slices), s.Warnings)
	}
}

// TestPhasesAreNotMixed: of two acquisitions at the same positions one is kept
// throughout.
func TestPhasesAreNotMixed(t *testing.T) {
	s := open(t, dicomtest.Spec{Slices: 6, Double: []int{0, 1, 2, 3, 4, 5}, Edit: func(z int, set dicomtest.Elements) {
		uid := set[0x00080018].Value.(string)
		if second := uid[len(uid)-1] == '2'; second != (z%2 == 0) {
			set.Set(0x00200012, "IS", "7")
			set.Set(0x00080018, "UI", uid+".7")
		}
	}})
	if warned(s, dicomio.CodeSeveralVolumes) == "" || len(s.Slices) != 6 {
		t.Fatalf("%d slices, warnings %v", len(s.Slices), s.Warnings)
	}
	for _, sl := range s.Slices {
		if uid := sl.SOPInstanceUID; uid[len(uid)-2:] == ".7" {
			t.Errorf("slice %s of the other acquisition is mixed in", uid)
		}
	}
}

// TestOriginsOffTheirLine: a step within the plane is never called a tilt.
func TestOriginsOffTheirLine(t *testing.T) {
	origins := func(x func(z int) float64) dicomtest.Spec {
		return dicomtest.Spec{Slices: 20, Edit: func(z int, set dicomtest.Elements) {
			set.Set(0x00200032, "DS", fmt.Sprintf(`%.3f\0\%g`, x(z), 2.5*float64(z)))
		}}
	}
	for name, c := range map[string]struct {
		x      func(z int) float64
		slices int
		want   dicomio.Code
	}{
		"one slice within the tolerance": {func(z int) float64 { return 0.4 * float64(z/9*(10/(z+1))) }, 20, dicomio.CodeIrregularSpacing},
		"one slice":                      {func(z int) float64 { return 30 * float64(z/9%2*(9/max(z, 1))) }, 19, dicomio.CodeSeveralVolumes},
		"half of them":                   {func(z int) float64 { return 20 * float64(z/8%2) }, 12, dicomio.CodeSeveralVolumes},
		"the first five":                 {func(z int) float64 { return 18.7 * float64(min(z/5, 1)) }, 15, dicomio.CodeSeveralVolumes},
		"a tilt and a step":              {func(z int) float64 { return 0.8*float64(z) + 20*float64(z/10) }, 0, dicomio.CodeOffLine},
		"a small step":                   {func(z int) float64 { return 0.48 * float64(z/10) }, 20, dicomio.CodeIrregularSpacing},
	} {
		s, err := dicomio.OpenSeries(context.Background(), write(t, "", origins(c.x)), "", dicomio.Options{})
		if c.slices == 0 {
			if dicomio.CodeOf(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(s.Slices) != c.slices || warned(s, c.want) == "" || s.Geometry.TiltDeg != 0 {
			t.Errorf("%s: %d slices, tilt %v, warnings %v", name, len(s.Slices), s.Geometry.TiltDeg, s.Warnings)
		}
	}
}

// TestOneOddOrientationDecidesNothing: the grid is that of most images, whichever
// of them has the lowest UID.
func TestOneOddOrientationDecidesNothing(t *testing.T) {
	s := open(t, dicomtest.Spec{Slices: 20, Origin: [3]float64{-170, -170, 0}, Edit: func(z int, set dicomtest.Elements) {
		if z == 5 {
			set.Set(0x00080018, "UI", "1.1")
			set.Set(0x00200037, "DS", `0.99997\0\0.008\0\0.99997\0.008`)
		}
	}})
	if !near(s.Geometry.Normal, dicomio.Vec{0, 0, 1}) || len(s.Slices) != 20 || len(s.Warnings) != 0 {
		t.Errorf("normal %v, %d slices, warnings %v", s.Geometry.Normal, len(s.Slices), s.Warnings)
	}
}

// TestAbsurdGeometryIsRefused: what no CT has.
func TestAbsurdGeometryIsRefused(t *testing.T) {
	for want, spacing := range map[dicomio.Code][3]float64{dicomio.CodeNoPixelSpacing: {2.5, 1e-9, 1e-9}, dicomio.CodeNoPosition: {4000, 0.7, 0.7}} {
		dir := write(t, "", dicomtest.Spec{Slices: 6, Spacing: spacing})
		if _, err := dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{}); dicomio.CodeOf(err) != want {
			t.Errorf("%v mm: %v", spacing, err)
		}
	}
}

// TestLossyCompression: that pixels were compressed with loss is told with
// method and ratio, as far as the images tell it.
func TestLossyCompression(t *testing.T) {
	for name, c := range map[string]struct {
		flag, ratio, method string
		want                string
		syntax, code        string
	}{
		"lossless":          {flag: "00"},
		"not told":          {},
		"only the flag":     {flag: "01", want: "4 slices compressed with loss (the method is not told, nor at which ratio)"},
		"once":              {flag: "01", ratio: "10.04", method: "ISO_15444_1", want: "4 slices compressed with loss (ISO_15444_1, 10.0 : 1)"},
		"twice":             {flag: "01", ratio: `5\2`, method: `ISO_14495_1\ISO_10918_1`, want: "4 slices compressed with loss (ISO_14495_1, ISO_10918_1, 10.0 : 1)"},
		"no number":         {flag: "01", ratio: "much", method: "ISO_10918_1", want: "4 slices compressed with loss (ISO_10918_1, nor at which ratio)"},
		"by the code":       {syntax: codec.JPEG2000Lossy, code: "j2k_97.j2k", want: "4 slices compressed with loss (as the code says, not the header, nor at which ratio)"},
		"denied":            {flag: "00", syntax: codec.JPEGLSNear, code: "ls_12_near3.jls", want: "4 slices compressed with loss (as the code says, not the header, nor at which ratio)"},
		"code without loss": {syntax: codec.JPEG2000Lossy, code: "j2k_12.j2k"},
	} {
		spec := dicomtest.Spec{Edit: func(_ int, set dicomtest.Elements) {
			for tag, e := range map[uint32]dicomtest.Element{0x00282110: {VR: "CS", Value: c.flag}, 0x00282112: {VR: "DS", Value: c.ratio}, 0x00282114: {VR: "CS", Value: c.method}} {
				if e.Value != "" {
					set[tag] = e
				}
			}
		}}
		if c.code != "" {
			spec.Syntax, spec.Bits, spec.Unsigned = c.syntax, 12, true
			code, err := os.ReadFile(filepath.Join("codec", "testdata", c.code))
			if err != nil {
				t.Fatal(err)
			}
			spec.Fragments = func([]byte) [][]byte { return [][]byte{code} }
		}
		s, err := dicomio.OpenSeries(context.Background(), write(t, "", spec), "", dicomio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, w := range s.Warnings {
			if w.Code == dicomio.CodeLossy {
				got = w.Detail
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
