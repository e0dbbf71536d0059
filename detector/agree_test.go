package detector

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"gonum.org/v1/gonum/stat"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/nodule"
)

// TestDataSetAndScanAgree scores the four nodules that stand both in the
// labelled data set and in whole CT series. The cubes of the data set are
// centred on the nodule's box, up to 3 mm from its position, so they are
// compared where they correlate best as well as at the position itself.
func TestDataSetAndScanAgree(t *testing.T) {
	data := checktest.Data(t)
	d, err := Pretrained()
	if err != nil {
		t.Fatal(err)
	}
	ds, err := nodule.LoadNPZ(filepath.Join(data, "lidc_voi_32mm.npz"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	series := map[string]*nodule.Cutter{}
	for _, p := range nodule.HeldOutPatients() {
		s, err := dicomio.OpenSeries(ctx, filepath.Join(data, "ct", p), "", dicomio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if series[p], err = nodule.NewCutter(s.Geometry, s, nodule.CutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	found := 0
	for i := range ds.Samples {
		s := &ds.Samples[i]
		cutter := series[s.Patient]
		if cutter == nil {
			continue
		}
		found++
		set := s.Cube()
		at, best := bestShift(t, cutter, s, set)
		raw := func(c *nodule.Cube) float64 {
			got, err := d.Score(ctx, []nodule.Patch{nodule.Central(c)})
			if err != nil {
				t.Fatal(err)
			}
			return got[0].Raw
		}
		want := raw(set)
		there := cut(t, cutter, at)
		shifted, direct := raw(there), raw(cut(t, cutter, s.PositionLPS))
		for i, ok := range set.Valid { // only what the data set has
			there.Valid[i] = there.Valid[i] && ok
		}
		same := raw(there)
		t.Logf("%s nodule %s: data set %.5f; scan at the same place (r = %.4f) %.5f (%+.1f %%), there with the %d voxels of the data set %.5f (%+.1f %%); scan at the listed position %.5f (%+.1f %%)",
			s.Patient, s.Nodule, want, best, shifted, 100*(shifted/want-1), nodule.Central(set).SupportCount(), same, 100*(same/want-1), direct, 100*(direct/want-1))
		if best < 0.99 {
			t.Errorf("%s nodule %s: best correlation %.4f", s.Patient, s.Nodule, best)
		}
		if math.Abs(shifted/want-1) > agreement {
			t.Errorf("%s nodule %s: scores %.5f and %.5f of the same place", s.Patient, s.Nodule, want, shifted)
		}
	}
	if found != 4 {
		t.Errorf("%d nodules of the held-out patients, want 4", found)
	}
}

// agreement bounds the relative difference of the two scores of one place: the
// data set was interpolated otherwise than a scan is. Among normals the score
// varies by a factor of nine.
const agreement = 0.25

func cut(t *testing.T, c *nodule.Cutter, at dicomio.Vec) *nodule.Cube {
	t.Helper()
	cube, err := c.Cut(context.Background(), nodule.Candidate{ID: "n", PositionLPS: at})
	if err != nil {
		t.Fatal(err)
	}
	return cube
}

// bestShift finds the place within 3 mm of the listed position, in steps of
// a quarter of a millimetre around the best whole one, where the scan looks most like
// the cube.
func bestShift(t *testing.T, c *nodule.Cutter, s *nodule.Sample, set *nodule.Cube) (dicomio.Vec, float64) {
	t.Helper()
	best, at := math.Inf(-1), s.PositionLPS
	try := func(p dicomio.Vec) {
		cube := cut(t, c, p)
		var x, y []float64
		for i, ok := range set.Valid {
			if ok && cube.Valid[i] {
				x, y = append(x, float64(set.HU[i])), append(y, float64(cube.HU[i]))
			}
		}
		if r := stat.Correlation(x, y, nil); r > best {
			best, at = r, p
		}
	}
	around := func(centre dicomio.Vec, reach int, step float64) {
		for z := -reach; z <= reach; z++ {
			for y := -reach; y <= reach; y++ {
				for x := -reach; x <= reach; x++ {
					try(dicomio.Vec{centre[0] + step*float64(x), centre[1] + step*float64(y), centre[2] + step*float64(z)})
				}
			}
		}
	}
	around(s.PositionLPS, 3, 1)
	around(at, 1, 0.5)
	around(at, 1, 0.25)
	return at, best
}
