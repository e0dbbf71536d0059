package features

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/measure"
)

// lung is a cube of lung with a nodule of some HU where in says, in voxels from
// the middle.
func lung(hu float32, in func(z, y, x float64) bool) (*nodule.Cube, *outline.Outline) {
	c := &nodule.Cube{HU: make([]float32, voxels), Valid: make([]bool, voxels)}
	o := &outline.Outline{Mask: make([]bool, voxels)}
	for i := range c.HU {
		p := at(i)
		c.HU[i], c.Valid[i] = -850, true
		if in(float64(p[0])-15.5, float64(p[1])-15.5, float64(p[2])-15.5) {
			c.HU[i], o.Mask[i] = hu, true
			o.Voxels++
		}
	}
	return c, o
}

func ball(r float64) func(z, y, x float64) bool {
	return func(z, y, x float64) bool { return z*z+y*y+x*x <= r*r }
}

func extract(t *testing.T, c *nodule.Cube, o *outline.Outline, spacing float64) Vector {
	t.Helper()
	v, err := Extract(c, o, spacing)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %g, want %g", what, got, want)
	}
}

func TestBall(t *testing.T) {
	c, o := lung(40, ball(6))
	v := extract(t, c, o, 1)
	near(t, "volume", math.Exp(v[logVolume]), 4.0/3*math.Pi*216, 40)
	near(t, "long axis", math.Exp(v[logLongAxis]), 12, 1)
	near(t, "core", math.Exp(v[logCore]), 6, 1)
	near(t, "elongation", v[elongation], 1, 1e-9)
	near(t, "roughness", v[roughness], 0, 0.06)
	near(t, "mean", v[meanHU], 40, 1e-9)
	near(t, "solid", v[solidShare], 1, 1e-9)
	near(t, "calcium", v[calciumShare], 0, 0)
	near(t, "lung", v[lungHU], -850, 1e-9)
	near(t, "strands", v[spikes], 0, 0)
	near(t, "gradient", v[edgeGradient], 445, 150)
}

// TestDifferences: what a feature is about changes it.
func TestDifferences(t *testing.T) {
	c, o := lung(40, ball(5))
	v := extract(t, c, o, 1)
	for name, tt := range map[string]struct {
		hu      float32
		in      func(z, y, x float64) bool
		feature int
		more    bool
	}{
		"calcified":    {250, ball(5), calciumShare, true},
		"ground glass": {-600, ball(5), solidShare, false},
		"faint edge":   {-600, ball(5), edgeGradient, false},
		"long":         {40, func(z, y, x float64) bool { return z*z/81+y*y/16+x*x/16 <= 1 }, elongation, false},
		"flat":         {40, func(z, y, x float64) bool { return z*z/9+y*y/49+x*x/49 <= 1 }, flatness, false},
		"larger":       {40, ball(8), logVolume, true},
		"star": {40, func(z, y, x float64) bool {
			return ball(4)(z, y, x) || math.Abs(z) < 1 && math.Abs(y) < 1 && math.Abs(x) < 9 || math.Abs(x) < 1 && math.Abs(y) < 1 && math.Abs(z) < 9
		}, roughness, true},
	} {
		c, o := lung(tt.hu, tt.in)
		if got := extract(t, c, o, 1)[tt.feature]; got > v[tt.feature] != tt.more || got == v[tt.feature] {
			t.Errorf("%s: %s is %g, of the ball %g", name, all[tt.feature].Name, got, v[tt.feature])
		}
	}
	// Strands that the outline leaves out.
	c, o = lung(40, ball(5))
	for _, d := range []int{-1, 1} {
		for r := 5; r < 12; r++ {
			c.HU[(16*edge+16)*edge+16+d*r], c.HU[((16+d*r)*edge+16)*edge+16] = 0, 0
		}
	}
	near(t, "strands", extract(t, c, o, 1)[spikes], math.Log1p(4), 1e-9)
}

// TestCoarse: in coarser voxels the same nodule has about the same features.
func TestCoarse(t *testing.T) {
	c, o := lung(40, ball(10))
	fine := extract(t, c, o, 1)
	c, o = lung(40, ball(5))
	coarse := extract(t, c, o, 2)
	for k, tolerance := range map[int]float64{logVolume: 0.15, logLongAxis: 0.15, logLongAxis3D: 0.15, logCore: 0.25, meanHU: 1e-9, sphericity: 0.1, lungHU: 1e-9} {
		near(t, all[k].Name, coarse[k], fine[k], tolerance)
	}
}

// TestAlwaysANumber: small, odd and cut nodules, with noise and without data.
func TestAlwaysANumber(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 42 {
		var middle [3]float64
		for a := range middle {
			middle[a] = 30*rng.Float64() - 15
		}
		r := 0.9 + 8*rng.Float64()*rng.Float64()
		c, o := lung(float32(600*rng.NormFloat64()), func(z, y, x float64) bool {
			return ball(r)(z-middle[0], y-middle[1], x-middle[2])
		})
		if o.Voxels == 0 {
			continue
		}
		for i := range c.HU {
			c.HU[i] += float32(50 * rng.NormFloat64())
			c.Valid[i] = n%3 > 0 || rng.Float64() < 0.5
			if n%7 == 0 {
				c.Valid[i] = false
			}
			if n%5 == 0 {
				c.HU[i] = 17 // constant
			}
			if !c.Valid[i] {
				c.HU[i] = float32(math.NaN())
			}
		}
		v := extract(t, c, o, float64(1+n%2))
		for k, x := range v {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				t.Fatalf("nodule %d: %s is %g", n, all[k].Name, x)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	c, o := lung(40, ball(5))
	if _, err := Extract(c, &outline.Outline{Mask: make([]bool, voxels)}, 1); nodule.CodeOf(err) != measure.CodeMaskEmpty {
		t.Errorf("empty: %v", err)
	}
	if _, err := Extract(c, o, math.NaN()); nodule.CodeOf(err) != measure.CodeMeasureInvalid {
		t.Errorf("spacing: %v", err)
	}
	if _, err := Extract(c, &outline.Outline{Mask: make([]bool, 8)}, 1); nodule.CodeOf(err) != measure.CodeMeasureInvalid {
		t.Errorf("size: %v", err)
	}
	c.HU[0] = float32(math.NaN())
	if _, err := Extract(c, o, 1); nodule.CodeOf(err) != measure.CodeMeasureInvalid {
		t.Errorf("NaN: %v", err)
	}
}

// TestWindow: what no training has seen, metal, counts as dense.
func TestWindow(t *testing.T) {
	c, o := lung(300, ball(5))
	metal, _ := lung(3000, ball(5))
	if extract(t, c, o, 1) != extract(t, metal, o, 1) {
		t.Error("3000 HU differ from 300")
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range All() {
		if f.Name == "" || f.About == "" || f.Group == "" || seen[f.Name] {
			t.Errorf("%+v", f)
		}
		seen[f.Name] = true
	}
}

// TestProbabilities: a map with the mask's border at one half has about the
// same features, and what belongs to another nodule does not count.
func TestProbabilities(t *testing.T) {
	c, o := lung(40, ball(6))
	v := extract(t, c, o, 1)
	soft := &outline.Outline{Mask: o.Mask, Probability: make([]float32, voxels)}
	for i := range soft.Probability {
		p := at(i)
		r := math.Sqrt(sq(float64(p[0])-15.5) + sq(float64(p[1])-15.5) + sq(float64(p[2])-15.5))
		soft.Probability[i] = float32(1 / (1 + math.Exp(2*(r-6.2))))
		if o.Mask[i] {
			soft.Probability[i] = max(soft.Probability[i], 0.51)
		} else {
			soft.Probability[i] = min(soft.Probability[i], 0.49)
		}
	}
	got := extract(t, c, soft, 1)
	near(t, "volume", got[logVolume], v[logVolume], 0.15)
	near(t, "gradient", got[edgeGradient], v[edgeGradient], 1e-9)
	for i := range 3000 {
		soft.Probability[i] = 1 // another, larger
	}
	if extract(t, c, soft, 1) != got {
		t.Error("another nodule of the map changes the features")
	}
}
