package measure_test

import (
	"math"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/measure"
)

// TestLIDC compares with the set's own diameters, and types with the readers'
// consensus texture (1 ground-glass to 5 solid) of the same nodules.
func TestLIDC(t *testing.T) {
	full, err := nodule.LoadNPZ(checktest.Data(t, "lidc_full_32mm.npz"))
	if err != nil {
		t.Fatal(err)
	}
	voi, err := nodule.LoadNPZ(checktest.Data(t, "lidc_voi_32mm.npz"))
	if err != nil {
		t.Fatal(err)
	}
	types, texture := map[measure.Type]int{}, map[int]map[measure.Type]int{}
	calcification := map[bool]map[measure.Type]int{true: {}, false: {}}
	var off, axis []float64
	border, matched := 0, 0
	for i := range full.Samples {
		s := &full.Samples[i]
		cube, mask := s.Cube(), s.Mask()
		if mask == nil {
			t.Fatal("no masks beside the set")
		}
		prob := make([]float32, len(mask))
		for k, in := range mask {
			if in {
				prob[k] = 1
			}
		}
		m, err := measure.Measure(measure.Cube{HU: cube.HU, Valid: cube.Valid, Shape: [3]int{32, 32, 32}, SpacingMM: [3]float64{1, 1, 1}}, prob)
		if err != nil {
			t.Errorf("row %d: %v", i, err)
			continue
		}
		types[m.Type]++
		if m.TouchesCubeBorder {
			border++
		} else {
			off, axis = append(off, math.Abs(m.DiameterMM-s.DiameterMM)), append(axis, m.LongAxisMM-s.DiameterMM)
		}
		for k := range voi.Samples {
			v := &voi.Samples[k]
			if v.SeriesUID != s.SeriesUID || v.SeriesUID == "" || math.Hypot(math.Hypot(v.PositionLPS[0]-s.PositionLPS[0], v.PositionLPS[1]-s.PositionLPS[1]), v.PositionLPS[2]-s.PositionLPS[2]) > 4 {
				continue
			}
			matched++
			r := v.Ratings["texture"]
			if texture[r] == nil {
				texture[r] = map[measure.Type]int{}
			}
			texture[r][m.Type]++
			if c := v.Ratings["calcification"]; c > 0 {
				calcification[c < 6][m.Type]++
			}
			break
		}
	}
	slices.Sort(off)
	slices.Sort(axis)
	t.Logf("%d nodules, %d at the border; |diameter - set's| median %.2f, 95 %% %.2f mm; long axis - set's diameter median %.2f, 5 to 95 %% %.2f to %.2f mm", len(full.Samples), border, off[len(off)/2], off[len(off)*95/100], axis[len(axis)/2], axis[len(axis)/20], axis[len(axis)*95/100])
	t.Logf("types %v; %d matched; by texture %v; by calcification (readers saw some) %v", types, matched, texture, calcification)
	if off[len(off)*95/100] > 0.6 {
		t.Errorf("95 %% of diameters should be within 0.6 mm of the set's, got %.2f", off[len(off)*95/100])
	}
	solid, all := 0, 0
	for k, n := range texture[5] {
		if k != measure.Uncertain {
			all += n
		}
		if k == measure.Solid || k == measure.Calcified {
			solid += n
		}
	}
	if matched < 100 || float64(solid) < 0.7*float64(all) {
		t.Errorf("of %d nodules that readers call solid %d are measured so; %d matched", all, solid, matched)
	}
}
