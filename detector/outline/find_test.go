package outline

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/measure"
)

// space cuts cubes from what is painted around the first candidate, in mm.
func space(paint func(z, y, x float64) bool, rounds *[]float64) Cutter {
	return func(_ context.Context, places []Place) ([]Cut, error) {
		var cuts []Cut
		for _, p := range places {
			if rounds != nil {
				*rounds = append(*rounds, p.SpacingMM)
			}
			c, _ := lung(func(z, y, x float64) bool {
				h, s := p.SpacingMM, p.ShiftMM
				return paint(h*z+s[0], h*y+s[1], h*x+s[2])
			})
			cuts = append(cuts, Cut{Cube: c})
		}
		return cuts, nil
	}
}

// byThreshold takes a middle that is all soft tissue for a wall, as the network
// does.
func byThreshold(c *nodule.Cube) (*Outline, error) {
	if o := Threshold(c); !o.Border || !filled(c) || o.Voxels < voxels {
		return o, nil
	}
	return outlineOf(nil, make([]bool, voxels)), nil
}

func moved(paint func(z, y, x float64) bool, dz, dy, dx float64) func(z, y, x float64) bool {
	return func(z, y, x float64) bool { return paint(z-dz, y-dy, x-dx) }
}

func TestFind(t *testing.T) {
	for name, tt := range map[string]struct {
		paint   func(z, y, x float64) bool
		radius  float64
		codes   []coded.Code
		spacing float64
		shift   [3]float64
		rounds  []float64
	}{
		"in the middle":    {ball(5), 5, nil, 1, [3]float64{}, []float64{1}},
		"beside it":        {moved(ball(5), 3, -2, 1), 5, nil, 1, [3]float64{3, -2, 1}, []float64{1, 1}},
		"a mass of 44 mm":  {moved(ball(22), 0, 4, 0), 22, nil, 2, [3]float64{0, 5, 0}, []float64{1, 1, 2, 2, 4}},
		"a mass of 80 mm":  {ball(40), 40, nil, 4, [3]float64{}, []float64{1, 2, 4}},
		"nothing":          {func(_, _, _ float64) bool { return false }, 0, []coded.Code{CodeNotFound}, 1, [3]float64{}, []float64{1}},
		"everything":       {func(_, _, _ float64) bool { return true }, 0, []coded.Code{CodeNotFound}, 1, [3]float64{}, []float64{1, 2, 4}},
		"more than 128 mm": {func(_, _, x float64) bool { return x < 10 }, 0, []coded.Code{CodeCut}, 4, [3]float64{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var rounds []float64
			all, err := find(t.Context(), 1, space(tt.paint, &rounds), byThreshold, nil)
			if err != nil {
				t.Fatal(err)
			}
			f := all[0]
			if d := cmp.Diff(tt.codes, f.Codes); d != "" || f.SpacingMM != tt.spacing {
				t.Errorf("spacing %g, want %g, codes %s", f.SpacingMM, tt.spacing, d)
			}
			if tt.rounds == nil {
				return
			}
			if d := cmp.Diff(tt.rounds, rounds); d != "" || f.ShiftMM != tt.shift {
				t.Errorf("shift %v, want %v, spacings %s", f.ShiftMM, tt.shift, d)
			}
			if f.Found() != (tt.radius > 0) {
				t.Fatal("found:", f.Found())
			}
			m, err := f.Measure()
			if !f.Found() {
				if err == nil {
					t.Error("nothing was measured")
				}
				return
			}
			if want := 4. / 3 * math.Pi * math.Pow(tt.radius, 3); err != nil || math.Abs(m.VolumeMM3-want) > 0.05*want {
				t.Errorf("%.0f mm³, want %.0f (%v)", m.VolumeMM3, want, err)
			}
		})
	}
}

// TestFindWithoutCoarseCubes: what a data set holds of a mass is told as cut, and
// moving on the cube does not make voxels up.
func TestFindWithoutCoarseCubes(t *testing.T) {
	mass, _ := lung(ball(20))
	small, _ := lung(moved(ball(3), 0, 0, 4))
	all, err := find(t.Context(), 2, FromCubes([]*nodule.Cube{mass, small}), byThreshold, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]coded.Code{CodeCoarseAbsent}, all[0].Codes); d != "" || !all[0].Outline.Border {
		t.Error(d)
	}
	if f := all[1]; f.ShiftMM != [3]float64{0, 0, 4} || f.Cube.Valid[edge-1] || f.Codes != nil {
		t.Errorf("%v %v", f.ShiftMM, f.Codes)
	}
}

// TestFindFailures: a candidate without a cube has the reason, and the others are
// outlined.
func TestFindFailures(t *testing.T) {
	fault := errors.New("outside")
	good := space(ball(5), nil)
	all, err := find(t.Context(), 2, func(ctx context.Context, places []Place) ([]Cut, error) {
		cuts, err := good(ctx, places)
		cuts[0] = Cut{Err: fault}
		return cuts, err
	}, byThreshold, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f := all[0]; f.Found() || !errors.Is(f.Err, fault) || f.Codes != nil {
		t.Errorf("%+v", f)
	}
	if f := all[1]; !f.Found() || f.Err != nil {
		t.Errorf("%+v", f)
	}
	if _, err := find(t.Context(), 1, func(context.Context, []Place) ([]Cut, error) { return nil, fault }, byThreshold, nil); !errors.Is(err, fault) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := find(ctx, 1, good, byThreshold, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestBadCubes: what holds no nodule gets a code, and a nodule with a voxel that is
// no number is not measured. Nothing panics.
func TestBadCubes(t *testing.T) {
	o := trained(t)
	constant := func(hu float32) *nodule.Cube {
		c, _ := lung(func(_, _, _ float64) bool { return false })
		for i := range c.HU {
			c.HU[i] = hu
		}
		return c
	}
	empty := constant(nodule.InvalidHU)
	clear(empty.Valid)
	find := func(t *testing.T, cube *nodule.Cube) *Finding {
		all, err := o.Find(t.Context(), 1, func(_ context.Context, places []Place) ([]Cut, error) {
			return slices.Repeat([]Cut{{Cube: cube}}, len(places)), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return &all[0]
	}
	for name, cube := range map[string]*nodule.Cube{
		"air": constant(-1000), "lung": constant(-850), "water": constant(0), "bone": constant(900), "beyond any CT": constant(1e30), "below any": constant(-1e30),
		"infinite": constant(float32(math.Inf(1))), "no data": empty, "no numbers": constant(float32(math.NaN())),
	} {
		if f := find(t, cube); f.Found() || !slices.Equal(f.Codes, []coded.Code{CodeNotFound}) {
			t.Errorf("%s: %d voxels are outlined, codes %v", name, f.Outline.Voxels, f.Codes)
		}
	}
	hole, _ := lung(ball(5))
	hole.HU[(15*edge+15)*edge+15] = float32(math.NaN())
	f := find(t, hole)
	if _, err := f.Measure(); !f.Found() || coded.CodeOf(err) != measure.CodeMeasureInvalid {
		t.Errorf("a nodule with a voxel that is no number: found %v, %v", f.Found(), err)
	}
}
