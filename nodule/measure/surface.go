package measure

import "math"

// direction is one of 13 in which lines cross the surface: a step of voxels, its
// length in mm, and its share of the sphere of directions.
type direction struct {
	step   [3]int
	length float64
	weight float64
}

// directions weighs the steps by how many of evenly spread directions are
// nearest to each, which also holds where voxels are not cubes.
func directions(spacing [3]float64) []direction {
	var out []direction
	for _, s := range twentysix[13:] {
		l := math.Sqrt(sq(float64(s[0])*spacing[0]) + sq(float64(s[1])*spacing[1]) + sq(float64(s[2])*spacing[2]))
		out = append(out, direction{step: s, length: l})
	}
	const n = 2000
	for _, p := range spread(n) {
		best, at := -1.0, 0
		for k, d := range out {
			dot := 0.0
			for a := range 3 {
				dot += p[a] * float64(d.step[a]) * spacing[a]
			}
			if v := math.Abs(dot) / d.length; v > best {
				best, at = v, k
			}
		}
		out[at].weight += 1.0 / n
	}
	return out
}

func sq(v float64) float64 { return v * v }

// spread are n unit vectors, evenly spread over half a sphere (Fibonacci).
func spread(n int) [][3]float64 {
	out := make([][3]float64, n)
	for i := range out {
		z := (float64(i) + 0.5) / float64(n)
		r, phi := math.Sqrt(1-z*z), float64(i)*math.Pi*(3-math.Sqrt(5))
		out[i] = [3]float64{z, r * math.Sin(phi), r * math.Cos(phi)}
	}
	return out
}

// surface counts crossings of the surface: by Crofton, lines of all directions
// cross an area S 2·v·C/l times, where C is the count of crossings in steps of
// length l, and v the volume of a voxel. Contact is the share of crossings that
// lead into tissue two voxels deep.
func (g *grid) surface(m *Measurements, dirs []direction) {
	wall, vessel := g.tissue()
	var walls, vessels float64
	for _, d := range dirs {
		w := 2 * g.voxel * d.weight / d.length
		for _, i := range g.in {
			for _, sign := range [2]int{1, -1} {
				s := [3]int{sign * d.step[0], sign * d.step[1], sign * d.step[2]}
				j, ok := g.step(i, s)
				if ok && g.mask[j] {
					continue
				}
				m.SurfaceMM2 += w
				if !ok {
					m.TouchesCubeBorder = true
					continue
				}
				if !g.valid(j) {
					m.TouchesDataBorder = true
				}
				k, ok := g.step(j, s)
				switch {
				case !ok || g.mask[k]:
				case wall[j] && wall[k]:
					walls += w
				case (wall[j] || vessel[j]) && (wall[k] || vessel[k]):
					vessels += w
				}
			}
		}
	}
	m.WallContact, m.VesselContact = walls/m.SurfaceMM2, vessels/m.SurfaceMM2
}

// tissue tells the chest wall and other soft tissue outside the mask. Wall is
// what survives an opening by two voxels in a part of at least 500 mm³ that
// reaches the border of the cube, so that vessels that end in it stay vessels.
func (g *grid) tissue() (wall, vessel []bool) {
	vessel = make([]bool, len(g.HU))
	for i, hu := range g.HU {
		vessel[i] = !g.mask[i] && g.valid(i) && hu > solidHU
	}
	thick := g.eroded(g.eroded(vessel, true), true)
	wall = make([]bool, len(g.HU))
	for _, part := range g.components(thick, 6) {
		border := false
		for _, i := range part {
			for _, d := range six {
				if _, ok := g.step(i, d); !ok {
					border = true
				}
			}
		}
		if !border || float64(len(part))*g.voxel < 500 {
			continue
		}
		for _, i := range part {
			wall[i] = true
		}
	}
	for range 2 { // back to its size
		grown := make([]bool, len(wall))
		for i := range wall {
			grown[i] = wall[i]
			if wall[i] || !vessel[i] {
				continue
			}
			for _, d := range twentysix {
				if j, ok := g.step(i, d); ok && wall[j] {
					grown[i] = true
					break
				}
			}
		}
		wall = grown
	}
	for i := range wall {
		vessel[i] = vessel[i] && !wall[i]
	}
	return wall, vessel
}
