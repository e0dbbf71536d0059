package outline

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/nodule/phantom"
)

var (
	pointsEach = flag.Int("points", 10, "points of each site in each scan of TestPlacesWithoutNodules")
	massCount  = flag.Int("masses", 4, "masses of TestMasses")
)

// What is held by the tests, see docs/outlines.md for the figures.
var leastRefused = map[string]float64{"parenchyma": 0.9, "chest-wall": 0.9, "vessel": 0.6}

const massError = 0.25

// scan is a CT and places in it.
type scan struct {
	name     string
	geometry dicomio.Geometry
	decoder  dicomio.Decoder
	sites    map[string][]dicomio.Vec
}

func (s *scan) cutter(points []dicomio.Vec) Cutter { return pointsIn(s.geometry, s.decoder, points) }

// load holds the slices of a scan, so that they are rendered or decoded once.
func load(t *testing.T, d dicomio.Decoder, slices int) held {
	b, err := d.HU(t.Context(), 0, slices)
	if err != nil {
		t.Fatal(err)
	}
	return held{b}
}

func phantomScan(t *testing.T, seed uint64, n int) scan {
	p, err := phantom.Generate(phantom.Spec{Seed: seed, Slices: 90, Rows: 360, SpacingMM: [3]float64{2, 1, 1}})
	if err != nil {
		t.Fatal(err)
	}
	s := scan{name: fmt.Sprintf("phantom %d", seed), geometry: p.Geometry(), decoder: load(t, p, 90), sites: map[string][]dicomio.Vec{}}
	for _, site := range []phantom.Site{phantom.OnVessel, phantom.OnChestWall, phantom.InParenchyma} {
		if s.sites[string(site)], err = p.Points(site, n, 1); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// realScan draws points of a real scan by what lies around them, 20 mm from all
// nodules that its readers or LUNA16 have marked: on a vessel, where soft tissue
// is surrounded by lung; on the chest wall, 2 to 6 mm behind the border of a lung;
// in aerated lung.
func realScan(t *testing.T, name string, nodules []dicomio.Vec, n int) scan {
	series := openCT(t, name)
	g := series.Geometry
	l := load(t, series, g.Slices)
	s := scan{name: name, geometry: g, decoder: l, sites: map[string][]dicomio.Vec{}}
	rng := rand.New(rand.NewPCG(7, 7))
	at := func(p dicomio.Vec) float32 {
		v := g.ToVoxel(p)
		z, y, x := int(v[0]+0.5), int(v[1]+0.5), int(v[2]+0.5)
		if v[0] < 0 || v[1] < 0 || v[2] < 0 || z >= g.Slices || y >= g.Rows || x >= g.Cols {
			return -3000
		}
		return l.Block.HU[(z*g.Rows+y)*g.Cols+x]
	}
	// shares of directions in which a point at a distance is soft, lung, and outside
	around := func(p dicomio.Vec, mm float64) (soft, lung float64) {
		const dirs = 60
		r := rand.New(rand.NewPCG(1, 2))
		for range dirs {
			d := direction(r)
			switch hu := at(p.Add(dicomio.Vec{d[0] * mm, d[1] * mm, d[2] * mm})); {
			case hu > -200:
				soft += 1. / dirs
			case hu > -1000 && hu < -700:
				lung += 1. / dirs
			}
		}
		return soft, lung
	}
	for range 4_000_000 {
		p := g.ToLPS([3]float64{rng.Float64() * float64(g.Slices-1), rng.Float64() * float64(g.Rows-1), rng.Float64() * float64(g.Cols-1)})
		near := false
		for _, q := range nodules {
			near = near || p.Sub(q).Norm() < 20
		}
		if near {
			continue
		}
		soft, lung := 0., 0.
		site := ""
		switch hu := at(p); {
		case hu > -100 && hu < 200:
			if soft, lung = around(p, 8); lung > 0.75 {
				site = "vessel"
			} else if close, _ := around(p, 2); close > 0.95 && lung > 0.15 && soft > 0.5 {
				site = "chest-wall"
			}
		case hu > -1000 && hu < -800:
			if _, lung = around(p, 5); lung > 0.95 {
				site = "parenchyma"
			}
		}
		if site != "" && len(s.sites[site]) < n {
			s.sites[site] = append(s.sites[site], p)
		}
		if len(s.sites["vessel"]) == n && len(s.sites["chest-wall"]) == n && len(s.sites["parenchyma"]) == n {
			break
		}
	}
	return s
}
