package phantom

import (
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/nodule"
)

const (
	// halfCube is half of a 32 mm cube and a voxel: drawn nodules keep it
	// from the borders of the scan.
	halfCube = 17
	// apart is the least distance between the surfaces of two nodules, mm.
	apart = 10
)

// place gives every nodule its id, diameter and position. Positions that were
// given are checked, the others are drawn around them.
func place(p *Phantom, vessels []segment) ([]Nodule, error) {
	placed := append([]Nodule(nil), p.spec.Nodules...)
	rng := p.rng(streamPlaces, 0)
	ids := map[string]bool{}
	fixed := make([]bool, len(placed))
	for i := range placed {
		n := &placed[i]
		if n.ID == "" {
			n.ID = fmt.Sprintf("phantom-%d", i+1)
		}
		if ids[n.ID] {
			return nil, fmt.Errorf("nodule %d has the id of an earlier one; ids are unique", i+1)
		}
		ids[n.ID] = true
		if err := (nodule.Candidate{ID: n.ID}).Validate(); err != nil {
			return nil, fmt.Errorf("nodule %d: %w", i+1, err)
		}
		if n.DiameterMM == 0 {
			n.DiameterMM = usualDiameter(n.Kind, rng)
		}
		if fixed[i] = n.PositionLPS != (vec{}); !fixed[i] {
			continue
		}
		if p.anatomy.depth(n.PositionLPS) < 0 {
			return nil, fmt.Errorf("nodule %d lies outside the lungs; give a position inside, or none to have one drawn", i+1)
		}
		if !p.covers(n.PositionLPS, 0) {
			return nil, fmt.Errorf("nodule %d lies outside the scan; ask for more slices or a larger matrix", i+1)
		}
		for j := range i {
			if fixed[j] && overlap(*n, placed[j], 0) {
				return nil, fmt.Errorf("nodules %d and %d overlap; move one", j+1, i+1)
			}
		}
	}
	for i := range placed {
		if fixed[i] {
			continue
		}
		pos, ok := p.draw(placed, fixed, i, vessels)
		if !ok {
			return nil, fmt.Errorf("no room for nodule %d of %d with its 32 mm cube; ask for a larger scan or fewer nodules", i+1, len(placed))
		}
		placed[i].PositionLPS, fixed[i] = pos, true
	}
	if f := p.spec.FollowUp; f != nil {
		for i := range placed {
			placed[i].DiameterMM *= math.Cbrt(f.VolumeFactor)
		}
	}
	return placed, nil
}

// draw finds a place for nodule i. A third of the nodules touches the pleura
// and a third a vessel, as in patients; the others, and those with spicules,
// keep clear of both.
func (p *Phantom) draw(placed []Nodule, fixed []bool, i int, vessels []segment) (vec, bool) {
	rng := p.rng(streamPlaces, uint64(i)+1)
	n := placed[i]
	r := n.DiameterMM / 2
	lo := p.geometry.ToLPS([3]float64{})
	hi := p.geometry.ToLPS([3]float64{float64(p.spec.Slices - 1), float64(p.spec.Rows - 1), float64(p.spec.Cols - 1)})
	tries := 20000
	for try := range tries {
		var pos vec
		for k := range pos {
			from, to := max(min(lo[k], hi[k]), -160), min(max(lo[k], hi[k]), 160)
			pos[k] = from + (to-from)*rng.Float64()
		}
		easy := try > tries/2 // no attachment where the lungs are hardly in the scan
		depth := p.anatomy.depth(pos)
		switch {
		case n.DiameterMM >= large:
			if depth < r*0.5 || !p.covers(pos, r+1) {
				continue
			}
		case depth < r*0.6 || !p.covers(pos, halfCube):
			continue
		case easy:
			if depth < r+1 {
				continue
			}
		case i%3 == 1 && n.Kind != Spiculated: // touches the pleura
			if depth > r*0.9 || !p.lateral(pos) {
				continue
			}
		case i%3 == 2 && n.Kind != Spiculated: // touches a vessel
			if d := nearest(pos, vessels, 0.8); depth < r+3 || d < r*0.8 || d > r*1.02 {
				continue
			}
		default:
			if depth < r+4 || nearest(pos, vessels, 1.2) < r+1 {
				continue
			}
		}
		free := true
		for j := range placed {
			free = free && !(fixed[j] && overlap(Nodule{PositionLPS: pos, DiameterMM: n.DiameterMM}, placed[j], apart))
		}
		if free {
			for k := range pos {
				pos[k] = math.Round(pos[k]*100) / 100
			}
			return pos, true
		}
	}
	return vec{}, false
}

// lateral tells whether the nearest surface is the rib cage.
func (p *Phantom) lateral(pos vec) bool {
	s := p.anatomy.section(pos[2], 1)
	return math.Abs(s.cavity(pos[0], pos[1])-s.lung(pos[0], pos[1])) < 3
}

// nearest is the distance to the surface of the nearest vessel that is at
// least as thick as radius.
func nearest(pos vec, vessels []segment, radius float64) float64 {
	d := math.Inf(1)
	for i := range vessels {
		if s := &vessels[i]; s.ra >= radius {
			d = min(d, s.distance(pos))
		}
	}
	return d
}

func overlap(a, b Nodule, gap float64) bool {
	return a.PositionLPS.Sub(b.PositionLPS).Norm() < (a.DiameterMM+b.DiameterMM)/2+gap
}

// covers tells whether the cube of the given half edge around pos lies within
// the scan and, where there is one, within the circle of reconstruction.
func (p *Phantom) covers(pos vec, half float64) bool {
	for _, q := range nodule.Corners(pos, half) {
		zyx := p.geometry.ToVoxel(q)
		for k, n := range [3]int{p.spec.Slices, p.spec.Rows, p.spec.Cols} {
			if zyx[k] < 0 || zyx[k] > float64(n-1) {
				return false
			}
		}
		if p.spec.PaddingValue != nil && p.outside(zyx[1], zyx[2]) {
			return false
		}
	}
	return true
}
