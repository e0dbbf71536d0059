package outline

import "math"

// Distances are those of every voxel of a cube [32,32,32] to the nearest of a set,
// in mm where a voxel has mm: exact, by parabolas along each axis (Felzenszwalb
// and Huttenlocher 2012). Where the set is empty, the edge of the cube.
func Distances(set []bool, mm float64) []float64 {
	const far = edge * edge
	d := make([]float64, voxels)
	for i, in := range set {
		if !in {
			d[i] = far
		}
	}
	var line, z [edge + 1]float64
	var v [edge]int
	for _, stride := range [3]int{edge * edge, edge, 1} {
		for start := range voxels {
			if start/stride%edge != 0 {
				continue
			}
			for q := range edge {
				line[q] = d[start+q*stride]
			}
			k := 0
			v[0], z[0], z[1] = 0, math.Inf(-1), math.Inf(1)
			for q := 1; q < edge; q++ {
				s := 0.0
				for {
					p := v[k]
					s = (line[q] + float64(q*q) - line[p] - float64(p*p)) / float64(2*(q-p))
					if s > z[k] {
						break
					}
					k--
				}
				k++
				v[k], z[k], z[k+1] = q, s, math.Inf(1)
			}
			k = 0
			for q := range edge {
				for z[k+1] < float64(q) {
					k++
				}
				d[start+q*stride] = float64((q-v[k])*(q-v[k])) + line[v[k]]
			}
		}
	}
	for i := range d {
		d[i] = min(math.Sqrt(d[i]), edge) * mm
	}
	return d
}
