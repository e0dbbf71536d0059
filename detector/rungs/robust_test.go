package rungs

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/detector/features"
	"github.com/nodulescope/nodulescope/nodule"
)

func slopedCube() *nodule.Cube {
	c := &nodule.Cube{HU: make([]float32, nodule.CubeVoxels), Valid: make([]bool, nodule.CubeVoxels)}
	const n = nodule.CubeSize
	for i := range c.HU {
		z, y, x := i/(n*n), i/n%n, i%n
		c.HU[i], c.Valid[i] = float32(10*z+3*y-2*x)-800, x > 0
		if !c.Valid[i] {
			c.HU[i] = nodule.InvalidHU
		}
	}
	return c
}

// TestDisturbances: each leaves voxels without data alone, changes others, and
// gives the same again from the same seed. A slope stays one under thicker slices,
// away from the ends; what is mirrored twice is as it was.
func TestDisturbances(t *testing.T) {
	c := slopedCube()
	for _, d := range Disturbances() {
		out, again := d.apply(c, rand.New(rand.NewPCG(1, 1))), d.apply(c, rand.New(rand.NewPCG(1, 1)))
		changed := false
		for i, v := range out.HU {
			if v != again.HU[i] || math.IsNaN(float64(v)) {
				t.Fatalf("%s %s: voxel %d is %v, then %v", d.Kind, d.Amount, i, v, again.HU[i])
			}
			if !out.Valid[i] && v != nodule.InvalidHU {
				t.Fatalf("%s %s: voxel %d has no data and %v HU", d.Kind, d.Amount, i, v)
			}
			changed = changed || v != c.HU[i]
		}
		if !changed {
			t.Errorf("%s %s: nothing changed", d.Kind, d.Amount)
		}
		if d.Kind == "mirrored" {
			for i, v := range d.apply(out, nil).HU {
				if v != c.HU[i] {
					t.Fatalf("%s twice: voxel %d is %v, was %v", d.Amount, i, v, c.HU[i])
				}
			}
		}
	}
	const plane, middle = nodule.CubeSize * nodule.CubeSize, 16*nodule.CubeSize*nodule.CubeSize + 16*nodule.CubeSize + 16
	for _, mm := range []int{2, 3, 5} {
		if got, want := thicker(c, mm).HU[middle], c.HU[middle]; math.Abs(float64(got-want)) > 0.01 {
			t.Errorf("slices of %d mm: %v HU in the middle of a slope of %v", mm, got, want)
		}
	}
	step := slopedCube()
	for i := range step.HU {
		step.HU[i] = 0
		if i/plane >= 16 {
			step.HU[i] = 100
		}
	}
	if v := thicker(step, 5).HU[middle]; v < 20 || v > 80 {
		t.Errorf("slices of 5 mm: an edge is still sharp, %v HU", v)
	}
}

// TestRobustness: a nodule that is described as before keeps its score and flag;
// one that is measured as larger scores higher.
func TestRobustness(t *testing.T) {
	cases := planned(240, 1)
	all, err := robustness(t.Context(), cases, RobustOptions{Folds: []int{1, 3}, Seed: 1}, func(i int, d Disturbance) (features.Vector, bool, error) {
		v := cases[i].Features
		if d.Kind == "noise" {
			for k, f := range features.All() {
				if f.Group == features.Size {
					v[k]++
				}
			}
		}
		return v, d.Kind != "turned", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := len(Disturbances()) * len(Names()); len(all) != want {
		t.Fatalf("%d rows, want %d", len(all), want)
	}
	for _, r := range all {
		same := r.Spread == 0 && r.Bias == 0 && r.Flips == 0 && r.Area == r.Without
		if r.N == 0 || r.N == len(cases) || same != (r.Kind != "noise") || (r.Lost == r.N) != (r.Kind == "turned") || r.Kind == "noise" && r.Bias < 0.1 {
			t.Errorf("%+v", r)
		}
	}
	if text := RobustMarkdown(all); strings.Count(text, "\n| ") != len(Disturbances()) || strings.Contains(text, "NaN") {
		t.Error(text)
	}
	if _, err := Robustness(t.Context(), &nodule.Dataset{}, cases, ByThreshold, RobustOptions{}); err == nil {
		t.Error("cases of other nodules were taken")
	}
}
