package phantom

import "math"

// layer paints hu over the value at the given share.
func layer(value *float64, share, hu float64) {
	if share > 0 {
		*value += share * (hu - *value)
	}
}

// at is the HU of a point without vessels, airways and nodules. edge is the
// width of a border in the plane of the slice, mm.
func (s *section) at(x, y, edge float64) float64 {
	skin := s.trunk(x, y)
	v := float64(airHU)
	if skin > edge {
		s.table(&v, x, y, edge)
		return v
	}
	cavity := s.cavity(x, y)
	lung := math.Inf(1)
	if cavity < 2 {
		lung = s.lung(x, y)
	}
	if lung < -edge {
		return s.parenchyma(x, y)
	}

	layer(&v, soft(skin, edge), skinHU)
	layer(&v, soft(skin+2, edge), fatHU+6*s.coarse.at(x/6, y/6, s.z/6))
	if cavity > -3 {
		s.wall(&v, x, y, cavity, skin, edge)
	}
	if cavity < edge {
		inside := fatHU + 0.0
		s.between(&inside, x, y, edge)
		if s.z < max(s.domeR, s.domeL)+10 {
			s.abdomen(&inside, x, y, edge)
		}
		layer(&v, soft(cavity, edge), inside)
	}
	s.bones(&v, x, y, edge)
	if lung < edge {
		layer(&v, soft(lung, edge), s.parenchyma(x, y))
	}
	return v
}

// parenchyma is denser towards the back, where blood pools, with fine texture
// and the two thin fissures that part the lobes.
func (s *section) parenchyma(x, y float64) float64 {
	v := lungHU + s.gravity*y + 20*s.fine.at(x/1.9, y/1.9, s.z/2.3) + 9*s.coarse.at(x/17, y/17, s.z/17)
	slope := 0.75
	if x < 0 {
		slope = 0.85
	}
	oblique := (y - 6 - slope*(s.z-10) - 6*math.Sin(x/28)) / math.Sqrt(1+slope*slope)
	v += 130 * soft(math.Abs(oblique)-0.5, 1.4)
	if x < 0 && oblique < 0 {
		minor := (s.z - 4 - 0.12*y - 5*math.Cos((x+70)/30)) / 1.05
		v += 90 * soft(math.Abs(minor)-0.5, 1.4)
	}
	return v
}

// wall is the chest wall outside the cavity: intercostal and outer muscles
// with streaks of fat, and ribs.
func (s *section) wall(v *float64, x, y, cavity, skin, edge float64) {
	back := max(0, min(1, (y+20)/80)) // thicker behind
	thick := s.muscle + 10*back
	muscle := soft(max(cavity-thick, skin+7-4*back), edge+1)
	streak := s.coarse.at(x/9, y/5, s.z/16)
	if cavity > 8 {
		muscle *= 1 - 0.85*soft(0.75-streak, 0.5)
	}
	layer(v, muscle, muscleHU+5*streak)
	if s.cx < 30 || cavity > 14 {
		return
	}
	// Position along the rib: 0 at the sternum, 1 at the spine. A rib falls
	// from the spine to the front, and its front end is cartilage.
	along := math.Atan2(y+2, math.Abs(x))/math.Pi + 0.5
	fall := s.z - s.ribPhase - 68*along
	dz := fall - 26*math.Round(fall/26)
	radial := cavity - 5
	rib := ellipse(radial, dz, 4.2, 6.5)
	if rib > edge {
		return
	}
	bone := max(0, min(1, (along-0.16)/0.04))
	cortex := mix(110, cortexHU-100*math.Abs(radial)/5, bone)
	layer(v, soft(rib, edge), cortex)
	layer(v, soft(rib+1.3, edge+0.3), mix(85, marrowHU+60*s.fine.at(x/2.5, y/2.5, s.z/2.5), bone))
}

// table is a thin curved shell over foam.
func (s *section) table(v *float64, x, y, edge float64) {
	top := s.trunkY + 8 - 0.0007*x*x
	if d := y - top; d > -2 && d < 30 && math.Abs(x) < 205 {
		layer(v, soft(math.Abs(d-14)-14, edge), -930)
		layer(v, soft(math.Abs(d-1)-1, edge), -420)
		layer(v, soft(math.Abs(d-26-0.0004*x*x)-0.8, edge), -480)
	}
}
