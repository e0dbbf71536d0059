package outline

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/nodule"
)

// painted is a finding of what is painted into lung, with one half for the
// probability beside it, as networks leave a rim.
func painted(paint func(z, y, x float64) bool, spacing float64) *Finding {
	c, mask := lung(paint)
	p, n := make([]float32, voxels), 0
	for i, in := range mask {
		if in {
			p[i] = 0.9
			n++
		}
	}
	for i, in := range grow(mask) {
		if in && !mask[i] {
			p[i] = 0.4
		}
	}
	return &Finding{Place: Place{SpacingMM: spacing}, Cube: c, Outline: &Outline{Probability: p, Mask: mask, Voxels: n}}
}

// tube is a cylinder of a radius along a direction, outlined as far as length.
func tube(radius, length float64, to [3]float64) *Finding {
	along := func(z, y, x float64) (d, r float64) {
		d = z*to[0] + y*to[1] + x*to[2]
		return math.Abs(d), math.Sqrt(max(0, z*z+y*y+x*x-d*d))
	}
	f := painted(func(z, y, x float64) bool { d, r := along(z, y, x); return r < radius && d < length }, 1)
	f.Cube, _ = lung(func(z, y, x float64) bool { _, r := along(z, y, x); return r < radius })
	return f
}

// faint is a ball as thin as lung.
func faint(radius float64) *Finding {
	f := painted(ball(radius), 1)
	for i, in := range f.Outline.Mask {
		if in {
			f.Cube.HU[i] = -780
		}
	}
	return f
}

// learned are regressions of balls against tubes, and against faint balls; rows
// are what becomes of these.
func learned(t *testing.T, from int) (*Tissue, []TissueRow) {
	t.Helper()
	var all []traited
	rng := rand.New(rand.NewPCG(uint64(from), 2))
	for k := range 90 {
		radius := 2 + 4*rng.Float64()
		c, to := direction(rng), direction(rng)
		e := traited{kind: kindNodule, fold: 1 + k%5, truth: true, use: true}
		if k%2 == 0 {
			e.row = painted(moved(ball(radius), c[0], c[1], c[2]), 1).traits()
		} else {
			e.kind, e.truth = kindVessel, false
			e.row = tube(radius, radius+3*rng.Float64(), to).traits()
		}
		e.band = tissueBand(e.row)
		all = append(all, e)
	}
	for k := range 45 {
		e := traited{kind: kindLung, fold: 1 + k%5, use: true, row: faint(2 + 4*rng.Float64()).traits()}
		e.band = tissueBand(e.row)
		all = append(all, e)
	}
	reg := &Tissue{Scheme: tissueScheme, Network: untrained(1).Params.Digest(), Traits: traitNames[:]}
	logits, lungs, ok := reg.learn(all)
	if !ok {
		t.Fatal("a band has no nodule")
	}
	return reg, reg.rows(all, logits, lungs, false)
}

// TestTissue: a regression of balls and tubes refuses tubes, of every direction
// and size, and keeps balls.
func TestTissue(t *testing.T) {
	reg, rows := learned(t, 1)
	for _, r := range rows {
		if r.N != 45 || r.Nothing != 0 || r.Kind == kindNodule && r.Refused > 3 || r.Kind != kindNodule && r.Refused < 43 {
			t.Errorf("%+v", r)
		}
	}
	for name, c := range map[string]struct {
		f     *Finding
		found bool
	}{
		"ball":           {painted(ball(4.2), 1), true},
		"tube":           {tube(3.3, 5, [3]float64{0.6, 0, 0.8}), false},
		"tube along z":   {tube(2.4, 4, [3]float64{1, 0, 0}), false},
		"larger voxels":  {painted(ball(3), 2), true},
		"lung":           {faint(4.2), false},
		"nothing":        {&Finding{Outline: &Outline{}}, false},
		"no cube at all": {&Finding{Err: errors.New("outside")}, false},
	} {
		by := func(*nodule.Cube) (*Outline, error) { return c.f.Outline, nil }
		if c.f.Outline == nil || c.f.Cube == nil {
			reg.refuse(c.f)
		} else {
			all, err := find(t.Context(), 1, func(_ context.Context, places []Place) ([]Cut, error) {
				return slices.Repeat([]Cut{{Cube: c.f.Cube}}, len(places)), nil
			}, by, reg)
			if err != nil {
				t.Fatal(err)
			}
			if p := all[0].Outline.Probability; !all[0].Found() && (all[0].Codes[0] != CodeNotFound || p == nil) {
				t.Errorf("%s: codes %v, probabilities kept: %v", name, all[0].Codes, p != nil)
			}
			c.f = &all[0]
		}
		if c.f.Found() != c.found {
			t.Errorf("%s: found %v, want %v", name, c.f.Found(), c.found)
		}
	}
}

// TestTraits: they are numbers for anything that can be outlined, and do not
// depend on where it lies.
func TestTraits(t *testing.T) {
	everywhere := func(_, _, _ float64) bool { return true }
	none := painted(ball(3), 1)
	none.Cube = &nodule.Cube{HU: slices.Repeat([]float32{nodule.InvalidHU}, voxels), Valid: make([]bool, voxels)}
	constant := painted(ball(3), 1)
	for i := range constant.Cube.HU {
		constant.Cube.HU[i] = 40
	}
	corner := painted(func(z, y, x float64) bool { return z < -15 && y < -15 && x < -15 }, 4)
	for name, f := range map[string]*Finding{
		"one voxel": painted(moved(ball(0.9), 0.5, 0.5, 0.5), 1), "a corner": corner, "everything": painted(everywhere, 2), "no data": none, "constant": constant,
	} {
		if f.Outline.Voxels == 0 {
			t.Fatal(name)
		}
		for k, v := range f.traits() {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%s: %s is %g", name, traitNames[k], v)
			}
		}
	}
	a, b := painted(ball(4), 1).traits(), painted(moved(ball(4), 3, -2, 1), 1).traits()
	for k := range a {
		if math.Abs(a[k]-b[k]) > 1e-3 {
			t.Errorf("%s depends on the place: %g and %g", traitNames[k], a[k], b[k])
		}
	}
}

// TestTissueFile: what is refused goes with one network, is found beside it, and
// is part of the outliner's digest.
func TestTissueFile(t *testing.T) {
	reg, _ := learned(t, 2)
	network := filepath.Join(t.TempDir(), "unet.safetensors")
	if err := errors.Join(untrained(1).Save(network), reg.Save(network)); err != nil {
		t.Fatal(err)
	}
	o, err := Load(network)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := LoadNetwork(network)
	if err != nil {
		t.Fatal(err)
	}
	v := painted(ball(4), 1).traits()
	if plain.Digest() == o.Digest() || o.WithoutTissue().Digest() != plain.Digest() || o.tissue.logitOf(v) != reg.logitOf(v) {
		t.Error("the file does not give what was saved")
	}
	if !o.Outlines(o.Digest()) || !o.Outlines(plain.Digest()) || plain.Outlines(o.Digest()) || o.Outlines(outlinerOf(t, untrained(2)).Digest()) {
		t.Error("it is another network that outlines")
	}
	good, err := os.ReadFile(TissueFile(network))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Tissue){
		"another network": func(t *Tissue) { t.Network = "sha256:0" }, "another scheme": func(t *Tissue) { t.Scheme = "v0" },
		"traits": func(t *Tissue) { t.Traits = t.Traits[1:] }, "weights": func(t *Tissue) { t.Weight = t.Weight[1:] }, "scale": func(t *Tissue) { t.Scale.SD = nil }, "lung": func(t *Tissue) { t.Lung.Weight = nil },
	} {
		other := new(Tissue)
		if err := json.Unmarshal(good, other); err != nil {
			t.Fatal(err)
		}
		change(other)
		if err := other.Save(network); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(network); !errors.Is(err, errTissue) || !strings.Contains(err.Error(), "train it again") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(TissueFile(network), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(network); !errors.Is(err, errTissue) {
		t.Error(err)
	}
	if _, _, err := o.TrainTissue(t.Context(), &nodule.Dataset{}, TissueOptions{Fold: 6}); !errors.Is(err, ErrNoFold) {
		t.Error(err)
	}
}

// TestTissueIn: places of other tissue lie on tissue, away from the nodule and
// from others, and what a cube of theirs lacks is cut from the nodule's.
func TestTissueIn(t *testing.T) {
	vessel := func(z, y, x float64) bool { return math.Hypot(y-8, x) < 1.6 }
	cube, _ := lung(func(z, y, x float64) bool { return ball(4)(z, y, x) || vessel(z, y, x) })
	_, mask := lung(ball(4))
	rng := rand.New(rand.NewPCG(1, 1))
	shifts := tissueIn(cube, mask, nil, kindVessel, 3, rng)
	if len(shifts) == 0 {
		t.Fatal("no place on the vessel")
	}
	for _, d := range shifts {
		if !vessel(d[0]+0.5, d[1]+0.5, d[2]+0.5) {
			t.Errorf("%v is not on the vessel", d)
		}
		own, less := Move(cube, d), cropped(cube, d)
		if !slices.Equal(own.Valid, less.Valid) {
			t.Errorf("%v: the nodule's cube lacks something else", d)
		}
	}
	if near := tissueIn(cube, mask, shifts, kindVessel, 1, rng); len(near) > 0 && math.Abs(near[0][0]-shifts[0][0]) < tissueApart {
		t.Errorf("%v is near another nodule, %v", near, shifts)
	}
	if wall := tissueIn(cube, mask, nil, kindWall, 1, rng); wall != nil {
		t.Errorf("there is no chest wall at %v", wall)
	}
	air := tissueIn(cube, mask, nil, kindLung, 3, rng)
	if len(air) == 0 {
		t.Fatal("no place in lung")
	}
	for _, d := range air {
		if vessel(d[0]+0.5, d[1]+0.5, d[2]+0.5) || math.Hypot(math.Hypot(d[0], d[1]), d[2]) < 4 {
			t.Errorf("%v is not in lung", d)
		}
	}
}

func FuzzTissue(f *testing.F) {
	f.Add([]byte(`{"scheme":"` + tissueScheme + `"}`))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if reg, err := decodeTissue(b, ""); err == nil {
			reg.refuse(painted(ball(3), 1))
		}
	})
}

// TestMassStays: what is larger than anything that the regression has learned from
// is refused by no regression; a smaller part of a larger cube is.
func TestMassStays(t *testing.T) {
	refuseAll, _ := learned(t, 1)
	refuseAll.Cuts = [3]float64{math.Inf(1), math.Inf(1), math.Inf(1)}
	for _, tt := range []struct {
		radius, spacing float64 // mm
		found           bool
	}{{20, 2, true}, {40, 4, true}, {12, 2, false}, {12, 1, false}} {
		f := painted(ball(tt.radius/tt.spacing), tt.spacing)
		refuseAll.refuse(f)
		if f.Found() != tt.found {
			t.Errorf("a ball of %g mm in voxels of %g mm: found %v", tt.radius, tt.spacing, f.Found())
		}
	}
}
