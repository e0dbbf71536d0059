package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// skewed are scores as detectors give them.
func skewed() []float64 {
	rng := rand.New(rand.NewPCG(7, 11))
	var values []float64
	for range 52 {
		values = append(values, 0.009*math.Exp(0.5*rng.NormFloat64()))
	}
	return values
}

func TestKernelDensity(t *testing.T) {
	values := skewed()
	width := silverman(values)
	var area float64
	const h = 1e-4
	for at := -0.05; at < 0.15; at += h {
		area += h * kernelDensity(values, width, at)
	}
	if math.Abs(area-1) > 1e-3 {
		t.Errorf("area below the density is %v", area)
	}
	// 0.9 min(s, IQR/1.34) n^(-1/5) of 1..100: s = 29.011, IQR/1.34 above it.
	var uniform []float64
	for i := range 100 {
		uniform = append(uniform, float64(i+1))
	}
	if got := silverman(uniform); math.Abs(got-0.9*29.0115*math.Pow(100, -0.2)) > 0.01 {
		t.Errorf("width %v", got)
	}
	for _, v := range [][]float64{nil, {3}, {2, 2, 2}} {
		if got := silverman(v); got != 0 {
			t.Errorf("width of %v is %v", v, got)
		}
	}
}

// TestDensities: places rise and hold all values, densities have an area of 1,
// also of one value and of equal ones; an empty group is flat.
func TestDensities(t *testing.T) {
	for name, c := range map[string]struct {
		groups [][]float64
		log    bool
	}{
		"skewed":          {[][]float64{skewed(), {0.02, 0.05}}, false},
		"logarithmic":     {[][]float64{skewed(), {0.02, 0.05}}, true},
		"one value":       {[][]float64{{3}}, false},
		"equal values":    {[][]float64{{0.1, 0.1, 0.1}, {0.1}}, true},
		"a class without": {[][]float64{{1, 2, 3}, nil}, false},
		"all nought":      {[][]float64{{0, 0}}, false},
	} {
		x, y := Densities(c.groups, []float64{0.03}, c.log)
		if !slices.IsSorted(x) || len(x) != densitySteps || len(y) != len(c.groups) {
			t.Errorf("%s: %d places, %d densities", name, len(x), len(y))
		}
		for g, values := range c.groups {
			var area float64
			for i := 1; i < len(x); i++ {
				width := x[i] - x[i-1]
				if c.log {
					width = math.Log10(x[i] / x[i-1])
				}
				area += width * (y[g][i] + y[g][i-1]) / 2
			}
			want := 1.0
			if len(values) == 0 {
				want = 0
			}
			if math.Abs(area-want) > 0.01 {
				t.Errorf("%s: the area of group %d is %v", name, g, area)
			}
		}
	}
}

func TestQuartileBands(t *testing.T) {
	low, median, high := QuartileBands([][]float64{{4, 1}, {8, 2}, {6, 3}})
	if !slices.Equal(low, []float64{4, 1}) || !slices.Equal(median, []float64{6, 2}) || !slices.Equal(high, []float64{8, 3}) {
		t.Errorf("%v %v %v", low, median, high)
	}
	if low, _, _ := QuartileBands(nil); low != nil {
		t.Errorf("%v of no curves", low)
	}
}
