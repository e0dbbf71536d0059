package phantom

import (
	"fmt"

	"github.com/nodulescope/nodulescope/dicomio"
)

// Site is what lies at a point of a phantom.
type Site string

// Sites of points that are no nodule.
const (
	OnVessel     Site = "vessel"     // on the axis of a vessel of at least 2.5 mm radius, within a lung
	OnChestWall  Site = "chest-wall" // 4 to 7 mm outside a lung, towards the ribs: muscle, rib or fat
	InParenchyma Site = "parenchyma" // aerated lung, 3 mm or more from vessels, airways and the pleura
)

// Points draws n points of a site, LPS mm, for a seed of its own: the same
// phantom, site, count and seed give the same points. All lie within the scan,
// at least 3 mm from its borders, and 3 mm or more from what nodules may reach.
// It refuses an unknown site, and a scan without room for the points.
func (p *Phantom) Points(site Site, n int, seed uint64) ([]dicomio.Vec, error) {
	var fits func(vec) bool
	switch site {
	case OnVessel:
		fits = func(q vec) bool { return p.anatomy.depth(q) > 3 && p.airwayGap(q) > 2 }
	case OnChestWall:
		fits = func(q vec) bool { d := p.anatomy.depth(q); return d < -4 && d > -7 && p.lateral(q) }
	case InParenchyma:
		fits = func(q vec) bool {
			return p.anatomy.depth(q) > 3 && p.airwayGap(q) > 3 && nearest(q, p.painted.vessels, 0) > 3
		}
	default:
		return nil, fmt.Errorf("phantom: site %.20q is not known; use %s, %s or %s", string(site), OnVessel, OnChestWall, InParenchyma)
	}
	var thick []segment
	for _, s := range p.painted.vessels {
		if min(s.ra, s.rb) >= 2.5 {
			thick = append(thick, s)
		}
	}
	g := &p.geometry
	rng := seeded(p.spec.Seed, streamPoints, seed)
	points := make([]dicomio.Vec, 0, max(0, n))
	for range 20000 + 2000*max(0, n) {
		if len(points) >= n {
			break
		}
		q := g.ToLPS([3]float64{
			rng.Float64() * float64(g.Slices-1), rng.Float64() * float64(g.Rows-1), rng.Float64() * float64(g.Cols-1),
		})
		if site == OnVessel && len(thick) > 0 {
			s := thick[rng.IntN(len(thick))]
			q = s.a.Add(s.b.Sub(s.a).Scale(rng.Float64()))
		} else if site == OnVessel {
			break
		}
		if p.covers(q, 3) && p.clear(q, 3) && fits(q) {
			points = append(points, q)
		}
	}
	if len(points) < n {
		return nil, fmt.Errorf("phantom: room for only %d of %d points on %s; ask for fewer, or for a larger scan", len(points), n, site)
	}
	return points, nil
}

// clear tells whether q is further than gap from what nodules may reach.
func (p *Phantom) clear(q vec, gap float64) bool {
	for i := range p.painted.bodies {
		if b := &p.painted.bodies[i]; q.Sub(b.at).Norm() < b.reach+gap {
			return false
		}
	}
	return true
}

// airwayGap is the distance from the outer wall of the nearest airway, mm.
func (p *Phantom) airwayGap(q vec) float64 {
	d := 1e9
	for i := range p.painted.airways {
		a := &p.painted.airways[i]
		d = min(d, a.distance(q)-a.wall)
	}
	return d
}
