package nodule

import (
	"context"
	"errors"
	"image"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
)

// geometries are volumes of every kind, each larger than 50 mm across.
func geometries() map[string]dicomio.Geometry {
	tilt := 18.5 * math.Pi / 180
	a, b := 0.3, -0.4
	col := dicomio.Vec{math.Cos(a), math.Sin(a) * math.Cos(b), math.Sin(a) * math.Sin(b)}
	row := unit(dicomio.Vec{0.1, -0.2, 1}.Cross(col))
	normal := col.Cross(row)
	uneven := even(40, 2)
	for i := range uneven {
		uneven[i] += 0.7 * math.Sin(float64(i))
	}
	x, y, z := dicomio.Vec{1, 0, 0}, dicomio.Vec{0, 1, 0}, dicomio.Vec{0, 0, 1}
	return map[string]dicomio.Geometry{
		"axial 2.5 mm":   box(32, 90, 100, scale(x, 0.7), scale(y, 0.8), z, even(32, 2.5)),
		"feet first":     box(32, 90, 100, scale(x, -0.7), scale(y, 0.8), scale(z, -1), even(32, 2.5)),
		"coronal":        box(70, 80, 90, scale(x, 0.9), scale(z, -0.8), y, even(70, 1)),
		"sagittal":       box(70, 80, 90, scale(y, 0.9), scale(z, -0.8), scale(x, -1), even(70, 1)),
		"gantry tilt":    box(50, 110, 90, scale(x, 0.7), dicomio.Vec{0, 0.7 * math.Cos(tilt), 0.7 * math.Sin(tilt)}, z, even(50, 1.6)),
		"oblique":        box(60, 100, 110, scale(col, 0.6), scale(row, 0.65), normal, even(60, 1.1)),
		"oblique, tilt":  box(90, 130, 130, scale(col, 0.6), scale(row, 0.65), dicomio.Vec{normal[0] + 0.2, normal[1] - 0.1, normal[2]}, even(90, 0.9)),
		"uneven spacing": box(40, 90, 100, scale(x, 0.7), scale(y, 0.8), z, uneven),
		"thin slices":    box(200, 60, 60, x, y, z, even(200, 0.3)),
	}
}

func TestLinearFieldIsReproduced(t *testing.T) {
	at := dicomio.Vec{1.37, -2.21, 0.83}
	for name, g := range geometries() {
		t.Run(name, func(t *testing.T) {
			v := &volume{geo: g, hu: linear}
			cube, err := newCutter(t, v, CutOptions{MaxPaddingPct: 5}).Cut(context.Background(), Candidate{ID: "a", PositionLPS: at})
			if err != nil {
				t.Fatal(err)
			}
			checked := 0
			for i, hu := range cube.HU {
				p := cubePoint(at, i)
				if !insideCentres(g, p) {
					continue
				}
				checked++
				if !cube.Valid[i] || !closeTo(float64(hu), linear(p), 1e-3) {
					t.Fatalf("voxel %d is %g (valid %v), want %g", i, hu, cube.Valid[i], linear(p))
				}
			}
			if checked < 9*CubeVoxels/10 {
				t.Fatalf("only %d voxels lie between voxel centres: the volume is too small for this test", checked)
			}
		})
	}
}

// TestCubesOfLargerVoxels: the same field at 2 mm.
func TestCubesOfLargerVoxels(t *testing.T) {
	at, g := dicomio.Vec{1.37, -2.21, 0.83}, geometries()["gantry tilt"]
	cube, err := newCutter(t, &volume{geo: g, hu: linear}, CutOptions{MaxPaddingPct: 100, SpacingMM: 2}).Cut(t.Context(), Candidate{ID: "a", PositionLPS: at})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for i, hu := range cube.HU {
		p := cubePoint(at, i)
		for a := range p {
			p[a] += p[a] - at[a]
		}
		if insideCentres(g, p) {
			checked++
			if !cube.Valid[i] || !closeTo(float64(hu), linear(p), 1e-3) {
				t.Fatalf("voxel %d is %g (valid %v), want %g", i, hu, cube.Valid[i], linear(p))
			}
		}
	}
	if checked < CubeVoxels/2 {
		t.Fatalf("only %d voxels lie in the volume", checked)
	}
	for _, bad := range []float64{-1, 0.5, 9, math.NaN()} {
		if _, err := NewCutter(g, &volume{geo: g, hu: linear}, CutOptions{SpacingMM: bad}); err == nil {
			t.Errorf("voxels of %g mm were accepted", bad)
		}
	}
}

// insideCentres tells whether p lies between the centres of the outer voxels,
// found with the geometry's own inverse.
func insideCentres(g dicomio.Geometry, p dicomio.Vec) bool {
	v := g.ToVoxel(p)
	for i, n := range [3]int{g.Slices, g.Rows, g.Cols} {
		if v[i] < 0 || v[i] > float64(n-1) {
			return false
		}
	}
	return true
}

func TestGridAgreesWithGeometry(t *testing.T) {
	for name, g := range geometries() {
		m, err := newGrid(g)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < CubeVoxels; i += 997 {
			p := cubePoint(dicomio.Vec{20, -30, 40}, i)
			a, want := m.affine(p), g.ToVoxel(p)
			got := [3]float64{m.slice(a[0]), a[1], a[2]}
			for k := range got {
				if !closeTo(got[k], want[k], 1e-8) {
					t.Fatalf("%s: %v is voxel %v, want %v", name, p, got, want)
				}
			}
		}
	}
}

func TestBordersAreHeldForHalfAVoxel(t *testing.T) {
	v := &volume{geo: axial(64, 64, 64), hu: linear} // centres from -31.5 to 31.5
	cut := newCutter(t, v, CutOptions{MaxPaddingPct: 100})
	cube, err := cut.Cut(context.Background(), Candidate{ID: "a", PositionLPS: dicomio.Vec{0, 0, 16.5}}) // z from 1 to 32
	if err != nil {
		t.Fatal(err)
	}
	plane := CubeSize * CubeSize
	last := 31 * plane
	if !cube.Valid[last] || !closeTo(float64(cube.HU[last]), linear(dicomio.Vec{-15.5, -15.5, 31.5}), 1e-3) {
		t.Errorf("half a voxel beyond the border: %g, valid %v; want the border's value", cube.HU[last], cube.Valid[last])
	}
	cube, err = cut.Cut(context.Background(), Candidate{ID: "a", PositionLPS: dicomio.Vec{0, 0, 17.5}})
	if err != nil {
		t.Fatal(err)
	}
	if cube.Valid[last] || cube.HU[last] != InvalidHU || cube.PaddingPct != 100.0/32 {
		t.Errorf("a voxel and a half beyond the border: %g, valid %v, padding %g %%", cube.HU[last], cube.Valid[last], cube.PaddingPct)
	}
}

func TestMissingSlicesAreNotInterpolated(t *testing.T) {
	off := even(30, 2)
	for i := 15; i < 30; i++ {
		off[i] += 4 // two slices are missing after slice 14
	}
	g := box(30, 64, 64, dicomio.Vec{1, 0, 0}, dicomio.Vec{0, 1, 0}, dicomio.Vec{0, 0, 1}, off)
	g.Missing = []dicomio.Gap{{After: 14, Count: 2}}
	v := &volume{geo: g, hu: linear}
	cand := Candidate{ID: "a", PositionLPS: dicomio.Vec{0, 0, 6.5}} // the gap spans -3 to 3 mm
	cube, err := newCutter(t, v, CutOptions{}).Cut(context.Background(), cand)
	if err != nil {
		t.Fatal(err)
	}
	for i := range cube.HU {
		z := cubePoint(cand.PositionLPS, i)[2]
		if want := math.Abs(z) >= 3; cube.Valid[i] != want {
			t.Fatalf("z = %g mm: valid %v, want %v", z, cube.Valid[i], want)
		}
	}
}

func TestPaddingSpreadsToWhatIsInterpolatedFromIt(t *testing.T) {
	v := &volume{geo: axial(64, 64, 64), hu: linear, pad: func(_, _, x int) bool { return x == 32 }}
	cut := newCutter(t, v, CutOptions{})
	for _, c := range []struct{ x, columns float64 }{
		{0, 1},    // grid on voxel centres: only the column itself
		{0.25, 2}, // between: both that use it
	} {
		cube, err := cut.Cut(context.Background(), Candidate{ID: "a", PositionLPS: dicomio.Vec{c.x, 0, 0}})
		if err != nil {
			t.Fatal(err)
		}
		if cube.PaddingPct != 100*c.columns/32 {
			t.Errorf("at x = %g the padding is %g %%, want %g columns of 32", c.x, cube.PaddingPct, c.columns)
		}
	}
}

func TestRefusals(t *testing.T) {
	v := &volume{geo: axial(64, 64, 64), hu: linear}
	cut := newCutter(t, v, CutOptions{})
	ctx := context.Background()
	_, err := cut.Cut(ctx, Candidate{ID: "a", PositionLPS: dicomio.Vec{0, 0, 33}})
	wantCode(t, err, CodeCandidateOutside)
	_, err = cut.Cut(ctx, Candidate{ID: "a", PositionLPS: dicomio.Vec{math.NaN(), 0, 0}})
	wantCode(t, err, CodeCandidateInvalid)
	_, err = cut.CutAll(ctx, make([]Candidate, 513))
	wantCode(t, err, CodeTooManyCandidates)

	rs, err := cut.CutAll(ctx, []Candidate{{ID: "edge", PositionLPS: dicomio.Vec{0, 0, 30.5}}})
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, rs[0].Err, CodeCubePadding)
	if rs[0].Cube != nil || !closeTo(rs[0].PaddingPct, 100*14.0/32, 1e-9) || !strings.Contains(rs[0].Err.Error(), "43.8 %") {
		t.Errorf("padding %g, error %v", rs[0].PaddingPct, rs[0].Err)
	}
	if _, err := NewCutter(v.geo, v, CutOptions{MaxPaddingPct: 101}); err == nil {
		t.Error("a limit of 101 % was accepted")
	}
}

func TestBadGeometryIsRefused(t *testing.T) {
	for name, change := range map[string]func(*dicomio.Geometry){
		"one slice":       func(g *dicomio.Geometry) { g.Slices, g.Offsets = 1, g.Offsets[:1] },
		"few offsets":     func(g *dicomio.Geometry) { g.Offsets = g.Offsets[:3] },
		"not ascending":   func(g *dicomio.Geometry) { g.Offsets[2] = g.Offsets[1] },
		"NaN":             func(g *dicomio.Geometry) { g.ColStep[0] = math.NaN() },
		"infinite":        func(g *dicomio.Geometry) { g.ColStep[0] = math.Inf(1) },
		"line in plane":   func(g *dicomio.Geometry) { g.Line = dicomio.Vec{1, 0, 0} },
		"no row distance": func(g *dicomio.Geometry) { g.RowStep = dicomio.Vec{} },
	} {
		g := axial(8, 8, 8)
		change(&g)
		_, err := NewCutter(g, &volume{geo: g}, CutOptions{})
		if CodeOf(err) != CodeGeometryInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCutAllDecodesWhatItNeedsOnce(t *testing.T) {
	g := box(120, 70, 70, dicomio.Vec{1, 0, 0}, dicomio.Vec{0, 1, 0}, dicomio.Vec{0, 0, 1}, even(120, 2))
	v := &volume{geo: g, hu: linear}
	cut := newCutter(t, v, CutOptions{})
	cs := []Candidate{
		{ID: "high", PositionLPS: dicomio.Vec{0, 1, 60}},
		{ID: "low", PositionLPS: dicomio.Vec{1, 0, -60}},
		{ID: "off", PositionLPS: dicomio.Vec{0, 0, 900}},
		{ID: "near low", PositionLPS: dicomio.Vec{-2, 0.5, -50}},
	}
	rs, err := cut.CutAll(context.Background(), cs)
	if err != nil {
		t.Fatal(err)
	}
	for z, n := range v.decoded {
		lps := 2*float64(z) - 119
		if n != 1 || math.Abs(lps) > 60+18 || math.Abs(lps) < 50-18 {
			t.Errorf("slice %d at %g mm was decoded %d times", z, lps, n)
		}
	}
	for i, r := range rs {
		if r.Candidate.ID != cs[i].ID {
			t.Fatalf("result %d is of %q, want %q", i, r.Candidate.ID, cs[i].ID)
		}
		if cs[i].ID == "off" {
			wantCode(t, r.Err, CodeCandidateOutside)
			continue
		}
		alone, err := cut.Cut(context.Background(), cs[i])
		if err != nil || r.Err != nil {
			t.Fatal(err, r.Err)
		}
		for k := range alone.HU {
			if alone.HU[k] != r.Cube.HU[k] || alone.Valid[k] != r.Cube.Valid[k] {
				t.Fatalf("%s: voxel %d differs between Cut and CutAll", cs[i].ID, k)
			}
		}
	}
}

func TestABadSliceFailsOnlyItsCandidates(t *testing.T) {
	g := box(120, 70, 70, dicomio.Vec{1, 0, 0}, dicomio.Vec{0, 1, 0}, dicomio.Vec{0, 0, 1}, even(120, 2))
	broken := &dicomio.Error{Code: dicomio.CodeTruncated, Op: "decode"}
	v := &volume{geo: g, hu: linear, fail: map[int]error{70: broken}} // at 21 mm
	rs, err := newCutter(t, v, CutOptions{}).CutAll(context.Background(), []Candidate{
		{ID: "hit", PositionLPS: dicomio.Vec{0, 0, 20}},
		{ID: "below", PositionLPS: dicomio.Vec{0, 0, 2}},
		{ID: "above", PositionLPS: dicomio.Vec{0, 0, 40}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(rs[0].Err, broken) || CodeOf(rs[0].Err) != dicomio.CodeTruncated {
		t.Errorf("candidate on the broken slice: %v", rs[0].Err)
	}
	if rs[1].Err != nil || rs[2].Err != nil {
		t.Errorf("candidates beside the broken slice: %v, %v", rs[1].Err, rs[2].Err)
	}
}

func TestCutEndsWithItsContext(t *testing.T) {
	v := &volume{geo: axial(64, 64, 64), hu: linear}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := newCutter(t, v, CutOptions{}).Cut(ctx, Candidate{ID: "a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want context.Canceled", err)
	}
}

type badDecoder struct{ block *dicomio.Block }

func (d badDecoder) HU(context.Context, int, int) (*dicomio.Block, error) { return d.block, nil }

func TestAWrongBlockIsRefused(t *testing.T) {
	for _, b := range []*dicomio.Block{nil, {}, {Count: 16, Rows: 64, Cols: 64, HU: make([]float32, 5)}} {
		cut, err := NewCutter(axial(64, 64, 64), badDecoder{b}, CutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cut.Cut(context.Background(), Candidate{ID: "a"}); CodeOf(err) != dicomio.CodeSizeMismatch {
			t.Errorf("%v", err)
		}
	}
}

func TestValuesThatAreNotFiniteAreNotValid(t *testing.T) {
	v := &volume{geo: axial(64, 64, 64), hu: func(p dicomio.Vec) float64 {
		if p[0] == 0.5 {
			return math.NaN()
		}
		return 0
	}}
	cube, err := newCutter(t, v, CutOptions{}).Cut(context.Background(), Candidate{ID: "a"})
	if err != nil || cube.PaddingPct != 100.0/32 {
		t.Fatalf("padding %v, error %v", cube, err)
	}
}

func BenchmarkCut(b *testing.B) {
	v := &volume{geo: axial(48, 64, 64), hu: linear}
	cut, err := NewCutter(v.geo, v, CutOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := cut.Cut(context.Background(), Candidate{ID: "a", PositionLPS: dicomio.Vec{0.3, 0.2, 0.1}}); err != nil {
			b.Fatal(err)
		}
	}
}

// windowVolume decodes a window alone and spoils the rest.
type windowVolume struct {
	volume
	pixels, of int
}

func (v *windowVolume) HUWindowInto(ctx context.Context, first, count int, window image.Rectangle, b *dicomio.Block) error {
	whole, err := v.HU(ctx, first, count)
	if err != nil {
		return err
	}
	*b = *whole
	for i := range b.HU {
		if !image.Pt(i%b.Cols, i/b.Cols%b.Rows).In(window) {
			b.HU[i] = float32(math.NaN())
		}
	}
	v.pixels, v.of = v.pixels+window.Dx()*window.Dy(), v.of+b.Rows*b.Cols
	return nil
}

// TestOnlyTheWindowOfACubeIsNeeded: cubes are the same where no other pixel is
// decoded, at the border of the scan too.
func TestOnlyTheWindowOfACubeIsNeeded(t *testing.T) {
	for name, g := range geometries() {
		for _, spacing := range []float64{1, 1.7} {
			opts := CutOptions{MaxPaddingPct: 100, SpacingMM: spacing}
			whole := &volume{geo: g, hu: linear}
			windows := &windowVolume{volume: volume{geo: g, hu: linear}}
			for _, at := range [][3]float64{{0.5, 0.5, 0.5}, {0.5, 0, 0.5}, {0.5, 1, 0.9}, {0.1, 0.8, 0.3}} {
				n := [3]int{g.Slices, g.Rows, g.Cols}
				var voxel [3]float64
				for i := range voxel {
					voxel[i] = at[i] * float64(n[i]-1)
				}
				cand := Candidate{ID: "a", PositionLPS: g.ToLPS(voxel)}
				want, err := newCutter(t, whole, opts).Cut(t.Context(), cand)
				if err != nil {
					t.Fatal(name, err)
				}
				cutter, err := NewCutter(g, windows, opts)
				if err != nil {
					t.Fatal(err)
				}
				got, err := cutter.Cut(t.Context(), cand)
				if err != nil || !slices.Equal(got.HU, want.HU) || !slices.Equal(got.Valid, want.Valid) {
					t.Errorf("%s, %g mm, at %v: other values, %v", name, spacing, at, err)
				}
			}
			if windows.pixels >= windows.of && name == "axial 2.5 mm" && spacing == 1 {
				t.Error("all pixels were asked for")
			}
		}
	}
}
