package derived

import (
	"math"

	"github.com/nodulescope/nodulescope/dicomio"
)

// onSlices puts an outline on the slices of a series, see [NewSegmentation].
func (n Outline) onSlices(s *dicomio.Series) (frames []segmentFrame) {
	corners, ok := n.corners()
	if !ok {
		return nil
	}
	g := s.Geometry
	low, high := math.Inf(1), math.Inf(-1)
	for _, c := range corners {
		along := c.Dot(g.Normal)
		low, high = min(low, along), max(high, along)
	}
	for i, slice := range s.Slices {
		if slice.PositionMM < low || slice.PositionMM > high {
			continue
		}
		origin := dicomio.Vec(slice.Origin)
		x0, x1 := span(corners, origin, g.ColStep, g.Cols)
		y0, y1 := span(corners, origin, g.RowStep, g.Rows)
		var pixels []int
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				var p dicomio.Vec
				for axis := range p {
					p[axis] = origin[axis] + float64(y)*g.RowStep[axis] + float64(x)*g.ColStep[axis]
				}
				if n.at(p) >= 0.5 {
					pixels = append(pixels, y*g.Cols+x)
				}
			}
		}
		if len(pixels) > 0 {
			frames = append(frames, segmentFrame{i, pixels})
		}
	}
	return frames
}

// corners are those of the box in LPS mm that holds all of the mask that is
// not 0 after interpolation; ok is false where the mask is empty.
func (n Outline) corners() (corners [8]dicomio.Vec, ok bool) {
	low, high := n.Size, [3]int{-1, -1, -1}
	for i, in := range n.Mask {
		if !in {
			continue
		}
		at := [3]int{i / (n.Size[1] * n.Size[2]), i / n.Size[2] % n.Size[1], i % n.Size[2]}
		for axis, v := range at {
			low[axis], high[axis] = min(low[axis], v), max(high[axis], v)
		}
	}
	for i := range corners {
		for axis := range 3 { // of LPS: x is the last of the grid
			k := 2 - axis
			v := float64(low[k] - 1)
			if i>>axis&1 == 1 {
				v = float64(high[k] + 1)
			}
			corners[i][axis] = n.OriginLPS[axis] + v*n.SpacingMM[k]
		}
	}
	return corners, high[0] >= 0
}

// span is the range of columns or rows, from and below, between which corners
// lie on a slice.
func span(corners [8]dicomio.Vec, origin, step dicomio.Vec, count int) (from, below int) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, c := range corners {
		v := (c.Dot(step) - origin.Dot(step)) / step.Dot(step)
		low, high = min(low, v), max(high, v)
	}
	return int(min(max(math.Ceil(low), 0), float64(count))), int(min(max(math.Floor(high)+1, 0), float64(count)))
}

// at interpolates the mask trilinearly at a point in LPS mm.
func (n Outline) at(p dicomio.Vec) (sum float64) {
	var base [3]int
	var part [3]float64
	for k := range 3 {
		v := (p[2-k] - n.OriginLPS[2-k]) / n.SpacingMM[k]
		f := math.Floor(v)
		if !(f >= -1 && f < float64(n.Size[k])) {
			return 0
		}
		base[k], part[k] = int(f), v-f
	}
	for corner := range 8 {
		weight, index := 1.0, 0
		for k := range 3 {
			v, w := base[k], 1-part[k]
			if corner>>k&1 == 1 {
				v, w = v+1, part[k]
			}
			if v < 0 || v >= n.Size[k] {
				weight = 0
				break
			}
			weight *= w
			index = index*n.Size[k] + v
		}
		if weight > 0 && n.Mask[index] {
			sum += weight
		}
	}
	return sum
}
