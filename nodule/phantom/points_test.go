package phantom

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPointsLieOnTheirSite(t *testing.T) {
	p := generate(t, Spec{
		Seed: 5, Slices: 48, Rows: 224, Cols: 224, SpacingMM: [3]float64{2, 1.6, 1.6}, NoiseHU: -1,
		Nodules: []Nodule{{Kind: Solid}},
	})
	volume := render(p, upTo(p.spec.Slices))
	for _, c := range []struct {
		site     Site
		from, to float64
	}{{OnVessel, -300, 100}, {OnChestWall, -250, 1200}, {InParenchyma, -1000, -600}} {
		points, err := p.Points(c.site, 40, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range points {
			v := p.geometry.ToVoxel(q)
			z, y, x := int(math.Round(v[0])), int(math.Round(v[1])), int(math.Round(v[2]))
			if hu := float64(volume[z][y*p.spec.Cols+x]); hu < c.from || hu > c.to {
				t.Errorf("%s at %.1f has %g HU; want %g to %g", c.site, q, hu, c.from, c.to)
			}
		}
		again, err := p.Points(c.site, 40, 3)
		if diff := cmp.Diff(points, again); err != nil || diff != "" {
			t.Errorf("%s: the same seed gives other points (%v):\n%s", c.site, err, diff)
		}
		if other, err := p.Points(c.site, 40, 4); err != nil || cmp.Equal(points, other) {
			t.Errorf("%s: another seed gives the same points, or none (%v)", c.site, err)
		}
	}
}

func TestPointsThatCannotBe(t *testing.T) {
	p := generate(t, Spec{Seed: 1, Slices: 4, Rows: 16, Cols: 16, SpacingMM: [3]float64{1, 1, 1}, Count: -1})
	for _, site := range []Site{OnVessel, OnChestWall, "bone"} {
		if points, err := p.Points(site, 5, 1); err == nil {
			t.Errorf("%s: %v in a scan without it", site, points)
		}
	}
}
