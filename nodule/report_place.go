package nodule

// middle is the place that a graphic means, in as many coordinates as it has
// dimensions (PS3.3 C.18.6.1.2 and C.18.9.1.2).
func middle(graphic string, v []float64, dims int) (at [3]float64, ok bool) {
	n := len(v) / dims
	if n == 0 || len(v)%dims != 0 {
		return at, false
	}
	switch graphic {
	case "POINT", "CIRCLE": // a circle: its centre, then a point on it
		n = 1
	case "ELLIPSE", "ELLIPSOID": // the ends of the axes, in pairs
	case "POLYLINE", "POLYGON", "MULTIPOINT":
		closed := n > 3
		for k := range dims {
			closed = closed && v[k] == v[(n-1)*dims+k]
		}
		if closed && graphic != "MULTIPOINT" {
			if dims == 2 {
				return centroid(v)
			}
			n-- // the last is the first again
		}
	default:
		return at, false
	}
	for i := range n {
		for k := range dims {
			at[k] += v[i*dims+k] / float64(n)
		}
	}
	return at, true
}

// centroid is that of the area within a closed outline, and the mean of its
// points where it has none.
func centroid(v []float64) (at [3]float64, ok bool) {
	x0, y0 := v[0], v[1] // near the outline, for the digits
	area := 0.0
	for i := 0; i+3 < len(v); i += 2 {
		ax, ay, bx, by := v[i]-x0, v[i+1]-y0, v[i+2]-x0, v[i+3]-y0
		cross := ax*by - bx*ay
		area += cross
		at[0] += (ax + bx) * cross
		at[1] += (ay + by) * cross
	}
	if area > -1e-9 && area < 1e-9 {
		return middle("MULTIPOINT", v[2:], 2)
	}
	at = [3]float64{x0 + at[0]/(3*area), y0 + at[1]/(3*area), 0}
	if low, high := span(v); at[0] < low[0] || at[1] < low[1] || at[0] > high[0] || at[1] > high[1] {
		return middle("MULTIPOINT", v[2:], 2) // an outline that crosses itself
	}
	return at, true
}

// span is the smallest and the largest column and row.
func span(v []float64) (low, high [2]float64) {
	low, high = [2]float64{v[0], v[1]}, [2]float64{v[0], v[1]}
	for i := range v {
		low[i%2], high[i%2] = min(low[i%2], v[i]), max(high[i%2], v[i])
	}
	return low, high
}
