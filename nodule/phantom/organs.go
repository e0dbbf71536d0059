package phantom

import "math"

// aorta is the signed distance from the thoracic aorta: ascending, arch and
// descending part.
func (s *section) aorta(x, y float64) float64 {
	const archZ = 52
	descending := ellipse(x-22, y-36, 12.5, 12.5)
	if s.z <= archZ {
		if s.z < -20 {
			return descending
		}
		return min(descending, ellipse(x+14, y+20, 15.5, 15.5))
	}
	arch := segment{vec{-14, -20, archZ}, vec{4, 6, archZ + 9}, 15, 13}
	end := segment{vec{4, 6, archZ + 9}, vec{22, 36, archZ}, 13, 12.5}
	p := vec{x, y, s.z}
	return min(arch.distance(p), end.distance(p))
}

// between paints the mediastinum: heart, great vessels, oesophagus.
func (s *section) between(v *float64, x, y, edge float64) {
	soften := edge + 0.8
	*v += 8 * s.coarse.at(x/7, y/7, s.z/7)
	layer(v, soft(ellipse(x, y-62, 23, 24)+1, soften), muscleHU) // beside the spine
	layer(v, soft(ellipse(x-8, y-26, 8, 6), soften), muscleHU-20)
	layer(v, soft(s.aorta(x, y), soften), bloodHU)
	p := vec{x, y, s.z}
	vessels := [...]segment{
		{vec{-30, -12, 20}, vec{-28, -4, 70}, 9, 9},     // superior vena cava
		{vec{-28, -4, 70}, vec{-44, -16, 125}, 9, 7},    // right brachiocephalic
		{vec{-28, -12, 66}, vec{30, -24, 92}, 7.5, 6.5}, // left brachiocephalic
		{vec{30, -24, 92}, vec{56, -10, 135}, 6.5, 6},
		{vec{-6, -12, 60}, vec{-22, 0, 130}, 6.5, 5}, // brachiocephalic artery
		{vec{6, 0, 62}, vec{20, 4, 150}, 4.5, 4},     // left common carotid
		{vec{16, 16, 60}, vec{30, 14, 130}, 5, 4.5},  // left subclavian
		{vec{14, -36, -10}, vec{12, -10, 24}, 15, 13},
		{vec{12, -10, 22}, vec{-38, 6, 8}, 12, 8}, // pulmonary arteries
		{vec{12, -10, 24}, vec{38, 10, 22}, 12, 8},
		{vec{-32, 8, -22}, vec{34, 8, -20}, 15, 14}, // left atrium
		{vec{-34, 4, -60}, vec{-34, 6, -140}, 12, 12},
	}
	for i := range vessels {
		seg := &vessels[i]
		if s.z < min(seg.a[2], seg.b[2])-16 || s.z > max(seg.a[2], seg.b[2])+16 {
			continue
		}
		layer(v, soft(seg.distance(p), soften), bloodHU)
	}
	if s.heartHere {
		d := s.heartDistance(x, y)
		layer(v, soft(d, soften), bloodHU+3)
		groove := soft(math.Abs(d+13)-1, 5) * soft(0.4-s.coarse.at(x/30, y/30, s.z/30), 0.5)
		layer(v, 0.4*groove, fatHU) // fat between the chambers
	}
}

// abdomen paints what lies below the diaphragm.
func (s *section) abdomen(v *float64, x, y, edge float64) {
	soften := max(edge, s.zEdge)
	below := soft(s.diaphragm(x, y), soften)
	if below == 0 || s.core(x, y) < 0 && y > 20 {
		return
	}
	in := fatHU + 0.0
	layer(&in, soft(max(s.diaphragm(x, y)+1.5, x-24+0.25*y, s.cavity(x, y)+2), soften), liverHU+4*s.coarse.at(x/5, y/5, s.z/5))
	layer(&in, soft(smax(ellipsoid(vec{x - 58, y + 12, s.z + 122}, vec{44, 46, 46}), s.diaphragm(x, y)+3, 4), soften), gastricHU)
	if y < -24 { // air collects in front
		layer(&in, soft(ellipsoid(vec{x - 58, y + 12, s.z + 122}, vec{38, 40, 40}), soften), airHU)
	}
	layer(&in, soft(smax(ellipsoid(vec{x - 88, y - 34, s.z + 130}, vec{26, 30, 48}), s.diaphragm(x, y)+3, 4), soften), liverHU-10)
	layer(v, below, in)
}

// bones paints spine, sternum, shoulder blades and collar bones.
func (s *section) bones(v *float64, x, y, edge float64) {
	ax := math.Abs(x)
	if ax < 48 && y > 35 {
		s.spine(v, x, y, edge)
	}
	if ax < 40 && y < 0 && s.z > -75 && s.z < 105 {
		front := -2 - s.cy - 6
		width := 17 + 8*max(0, min(1, (s.z-60)/30))
		d := squarish(x, y-front, width, 5.5)
		layer(v, soft(d, edge), 500)
		layer(v, soft(d+1.5, edge+0.5), 130)
	}
	if s.z > 20 && ax > 60 && y > 10 {
		blade := segment{vec{72, 87, 0}, vec{122, 64, 0}, 2.2, 3.2}
		spine := segment{vec{112, 69, 0}, vec{124, 82, 0}, 2.5, 3}
		d := blade.distance(vec{ax, y, 0})
		if s.z > 70 {
			d = min(d, spine.distance(vec{ax, y, 0}))
		}
		d = max(d, 24-s.z)
		layer(v, soft(d, edge), 550)
		layer(v, soft(d+1.4, edge), 220)
	}
	if s.z > 88 && y < 0 {
		clavicle := segment{vec{20, -76, 96}, vec{140, -48, 128}, 7, 6}
		d := clavicle.distance(vec{ax, y, s.z})
		layer(v, soft(d, edge), 600)
		layer(v, soft(d+1.8, edge), 220)
	}
}

// spine paints a vertebra or disc, canal, arch and processes.
func (s *section) spine(v *float64, x, y, edge float64) {
	const level = 25 // mm from one vertebra to the next
	h := s.z/level - math.Floor(s.z/level)
	disc := soft(math.Abs(h-0.5)*level-2.6, 1.6)
	vertebra := ellipse(x, y-61, 17-1.5*math.Abs(h-0.5), 14.5)
	cortex := mix(560, 95, disc)
	layer(v, soft(vertebra, edge), cortex)
	layer(v, soft(vertebra+1.6, edge+0.6), mix(marrowHU+45*s.fine.at(x/2.2, y/2.2, s.z/2.2), 80, disc))

	canal := ellipse(x, y-83, 10, 8)
	arch := max(ellipse(x, y-83, 15, 13), -canal)
	layer(v, soft(arch, edge)*(1-0.6*disc), 420)
	layer(v, soft(canal, edge), -40)
	layer(v, soft(ellipse(x, y-83, 5.5, 4.5), edge+0.5), 35)
	if h < 0.35 || h > 0.75 {
		ax := math.Abs(x)
		process := segment{vec{13, 80, 0}, vec{36, 88, 0}, 4.5, 3.5}
		d := process.distance(vec{ax, y, 0})
		layer(v, soft(d, edge), 480)
		layer(v, soft(d+1.5, edge), 200)
	}
	d := max(math.Abs(x)-3, math.Abs(y-98)-7)
	layer(v, soft(d, edge+0.5), 420)
}
