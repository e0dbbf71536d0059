package mnist

import "math"

// Straight is the set with every digit sheared upright and its centre of mass
// in the middle: rows are shifted so that ink and row are no longer correlated
// (the slant correction of LeCun, Bottou, Bengio and Haffner 1998, section
// III-A, with a shear for their principal axis). It looks at pixels alone.
func (s *Set) Straight() *Set {
	out := &Set{Pixels: make([]float32, len(s.Pixels)), Digits: s.Digits, Rows: s.Rows}
	for i := range s.Len() {
		straighten(out.Pixels[i*Pixels:(i+1)*Pixels], s.Image(i))
	}
	return out
}

func straighten(dst, src []float32) {
	var ink, my, mx float64
	for i, v := range src {
		ink += float64(v)
		my += float64(v) * float64(i/Size)
		mx += float64(v) * float64(i%Size)
	}
	if ink == 0 {
		copy(dst, src)
		return
	}
	my, mx = my/ink, mx/ink
	var vy, cov float64
	for i, v := range src {
		dy := float64(i/Size) - my
		vy += float64(v) * dy * dy
		cov += float64(v) * dy * (float64(i%Size) - mx)
	}
	slant := 0.0
	if vy > 0 {
		slant = cov / vy
	}
	const middle = (Size - 1) / 2.0
	for i := range dst {
		y, x := float64(i/Size)-middle, float64(i%Size)-middle
		dst[i] = between(src, y+my, x+slant*y+mx)
	}
}

// between interpolates bilinearly; there is no ink beyond the edge.
func between(src []float32, y, x float64) float32 {
	y0, x0 := math.Floor(y), math.Floor(x)
	fy, fx := float32(y-y0), float32(x-x0)
	at := func(y, x float64) float32 {
		if y < 0 || y >= Size || x < 0 || x >= Size {
			return 0
		}
		return src[int(y)*Size+int(x)]
	}
	top := at(y0, x0)*(1-fx) + at(y0, x0+1)*fx
	bottom := at(y0+1, x0)*(1-fx) + at(y0+1, x0+1)*fx
	return top*(1-fy) + bottom*fy
}
