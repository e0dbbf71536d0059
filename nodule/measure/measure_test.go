package measure

import (
	"math"
	"testing"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// sphere is a cube of n voxels of 1 mm with a sphere of a diameter in mm, off
// the centre by a third of a voxel; partial volume by 5×5×5 points a voxel.
func sphere(n int, diameter float64, hu float32, mask bool) (Cube, []float32) {
	c := Cube{Shape: [3]int{n, n, n}, SpacingMM: [3]float64{1, 1, 1}, HU: make([]float32, n*n*n)}
	prob := make([]float32, n*n*n)
	mid := float64(n-1)/2 + 0.33
	for i := range prob {
		z, y, x := float64(i/(n*n))-mid, float64(i/n%n)-mid, float64(i%n)-mid
		in := 0
		if r := (vec{z, y, x}); math.Abs(math.Sqrt(r.dot(r))-diameter/2) > 1 {
			if r.dot(r) < diameter*diameter/4 {
				prob[i] = 1
			}
			c.HU[i] = -850 + prob[i]*(hu+850)
			continue
		}
		for k := range 125 {
			d := vec{z + float64(k/25)/5 - 0.4, y + float64(k/5%5)/5 - 0.4, x + float64(k%5)/5 - 0.4}
			if d.dot(d) <= diameter*diameter/4 {
				in++
			}
		}
		prob[i] = float32(in) / 125
		c.HU[i] = -850 + prob[i]*(hu+850)
		if mask {
			prob[i] = float32(math.Floor(float64(prob[i]) + 0.5))
		}
	}
	return c, prob
}

func TestSpheres(t *testing.T) {
	for d := 3.0; d <= 30; d++ {
		for _, mask := range []bool{true, false} {
			c, prob := sphere(36, d, 30, mask)
			m, err := Measure(c, prob)
			if err != nil {
				t.Fatal(err)
			}
			volume, off := math.Pi*d*d*d/6, 0.02
			if mask {
				off = max(0.02, 0.5/d)
				if d < 5 {
					off = 0.9 / d
				}
			}
			if e := math.Abs(m.VolumeMM3/volume - 1); e > off || math.Abs(m.VolumeMM3-volume) > m.VolumeUncertaintyMM3 {
				t.Errorf("%v mm, mask %v: volume %.1f ± %.1f, want %.1f", d, mask, m.VolumeMM3, m.VolumeUncertaintyMM3, volume)
			}
			for i, a := range []float64{m.DiameterMM, m.LongAxisMM, m.ShortAxisMM, m.LongAxis3DMM, m.ShortAxis3DMM} {
				if d > 3 && math.Abs(a-d) > m.AxisUncertaintyMM || math.Abs(a-d) > 1.2 || d == 10 && math.Abs(a-d) > 0.5 {
					t.Errorf("%v mm, mask %v: axis %d is %.2f", d, mask, i, a)
				}
			}
			if d >= 5 && math.Abs(m.Sphericity-1) > 0.06 {
				t.Errorf("%v mm, mask %v: sphericity %.3f", d, mask, m.Sphericity)
			}
			if m.WallContact != 0 || m.VesselContact != 0 || m.TouchesCubeBorder || m.TouchesDataBorder {
				t.Errorf("%v mm: a sphere in air touches something: %+v", d, m)
			}
		}
	}
}

func TestTypes(t *testing.T) {
	for _, c := range []struct {
		hu   float32
		d    float64
		want Type
	}{{30, 10, Solid}, {-600, 10, GroundGlass}, {300, 10, Calcified}, {-80, 20, Fat}, {30, 2, Uncertain}} {
		cube, prob := sphere(32, c.d, c.hu, true)
		if m, err := Measure(cube, prob); err != nil || m.Type != c.want {
			t.Errorf("%v HU, %v mm: %s, %v, want %s", c.hu, c.d, m.Type, err, c.want)
		}
	}
	cube, prob := sphere(32, 16, -600, true)
	solid, part := sphere(32, 8, 30, true)
	for i, p := range part {
		if p == 1 {
			cube.HU[i] = solid.HU[i]
		}
	}
	m, err := Measure(cube, prob)
	if err != nil || m.Type != PartSolid || math.Abs(m.SolidDiameterMM-8) > 1 {
		t.Errorf("%s, solid part of %.1f mm, %v", m.Type, m.SolidDiameterMM, err)
	}
}

func TestContactAndBorders(t *testing.T) {
	cube, prob := sphere(32, 10, 30, true)
	for i := range cube.HU {
		if i%32 > 20 { // a wall that cuts the sphere
			cube.HU[i] = 40
			prob[i] = 0
		}
	}
	m, err := Measure(cube, prob)
	if err != nil || m.WallContact < 0.05 || m.WallContact > 0.35 || m.TouchesCubeBorder {
		t.Errorf("at a wall: %+v, %v", m, err)
	}
	cube, prob = sphere(32, 10, 30, true)
	for i := range cube.HU {
		if y, x := i/32%32, i%32; x > 20 && y > 14 && y < 18 && i/1024 > 14 && i/1024 < 18 && prob[i] == 0 {
			cube.HU[i] = 40
		}
	}
	if m, err = Measure(cube, prob); err != nil || m.VesselContact <= 0 || m.VesselContact > 0.2 || m.WallContact != 0 {
		t.Errorf("at a vessel: %+v, %v", m, err)
	}
	cube.Valid = make([]bool, len(cube.HU))
	for i := range cube.Valid {
		cube.Valid[i] = i/1024 < 16
	}
	if m, err = Measure(cube, prob); err != nil || !m.TouchesDataBorder {
		t.Errorf("data end inside: %+v, %v", m, err)
	}
	cube, prob = sphere(9, 12, 30, true)
	if m, err = Measure(cube, prob); err != nil || !m.TouchesCubeBorder {
		t.Errorf("cube ends inside: %+v, %v", m, err)
	}
}

func TestAnisotropicRod(t *testing.T) {
	c := Cube{Shape: [3]int{4, 9, 20}, SpacingMM: [3]float64{4, 2, 1}, HU: make([]float32, 720)}
	prob := make([]float32, 720)
	for x := 4; x < 14; x++ {
		prob[(2*9+4)*20+x] = 1
	}
	prob[0] = 1 // a speck is not measured
	m, err := Measure(c, prob)
	if err != nil || m.VolumeMM3 != 80 || math.Abs(m.LongAxisMM-10) > 0.5 || math.Abs(m.ShortAxisMM-2) > 1 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestRefused(t *testing.T) {
	c, prob := sphere(8, 3, 30, true)
	nan := append([]float32{float32(math.NaN())}, prob[1:]...)
	flat := c
	flat.SpacingMM[1] = math.NaN()
	huge := c
	huge.Shape = [3]int{1 << 40, 1 << 40, 1 << 40}
	for name, err := range map[string]error{
		"short":   second(Measure(c, prob[1:])),
		"nan":     second(Measure(c, nan)),
		"spacing": second(Measure(flat, prob)),
		"shape":   second(Measure(huge, prob)),
	} {
		if coded.CodeOf(err) != CodeMeasureInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Measure(c, make([]float32, 512)); coded.CodeOf(err) != CodeMaskEmpty {
		t.Errorf("empty: %v", err)
	}
}

func second(_ Measurements, err error) error { return err }

func BenchmarkMeasure(b *testing.B) {
	c, prob := sphere(32, 8, 30, true)
	for b.Loop() {
		if _, err := Measure(c, prob); err != nil {
			b.Fatal(err)
		}
	}
}
