package dicomio

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// maxFilled is how many volumes are looked at for gaps that another may fill.
const maxFilled = 100

// joinBeside joins volumes that lie one behind the other and differ at most in
// thickness and the later values of ImageType, as where a scan goes on with
// thicker slices.
func joinBeside(list []*volume) (joined []*volume) {
	slices.SortStableFunc(list, func(a, b *volume) int {
		return cmp.Or(cmp.Compare(a.earliest(clockTime), b.earliest(clockTime)), cmp.Compare(a.earliest(clockAcquisition), b.earliest(clockAcquisition)),
			cmp.Compare(a.low, b.low))
	})
	var single []*volume
next:
	for _, v := range list {
		v.joins = []float64{v.marks.thickness}
		if v.slices < 2 {
			single = append(single, v)
			continue
		}
		for i, o := range joined {
			if (v.low-o.high > samePosition || o.low-v.high > samePosition) && o.likely(v) {
				both := o.with(v)
				both.joins = slices.Concat(o.joins, v.joins)
				joined[i] = both
				continue next
			}
		}
		joined = append(joined, v)
	}
	return append(joined, single...)
}

// likely tells whether two volumes differ at most in thickness and the later values
// of ImageType, and lie on one line.
func (v *volume) likely(o *volume) bool {
	a, b := v.marks, o.marks
	long, short := v, o
	if long.extent() < short.extent() {
		long, short = short, long
	}
	return a.kernel == b.kernel && math.Abs(a.voltage-b.voltage) <= voltageSlack(a.voltage) && a.temporal == b.temporal &&
		v.derived() == o.derived() && long.beside(short) <= gridOf(long.images[:1]).offLine()
}

// fillIn puts the images of a volume that differs only in the later values of
// ImageType, such as one of key images, into the gaps of another one where nothing
// else lies there.
func fillIn(list []*volume) (filled []*volume) {
	slices.SortStableFunc(list, func(a, b *volume) int { return cmp.Compare(b.slices, a.slices) })
next:
	for _, v := range list {
		for i, o := range filled[:min(len(filled), maxFilled)] {
			if v.marks.imageType != o.marks.imageType && v.marks.stack == o.marks.stack &&
				math.Abs(v.marks.thickness-o.marks.thickness) <= thicknessSlack(o.marks.thickness) && o.likely(v) && o.lacks(v) {
				filled[i] = o.with(v)
				continue next
			}
		}
		filled = append(filled, v)
	}
	return filled
}

// lacks tells whether a volume has no image where another one has its, and none as
// near as would be too close for its slices.
func (v *volume) lacks(o *volume) bool {
	need := 0.75 * v.typical
	if t, typical := v.marks.thickness, typicalGap(positions(slices.Concat(v.images, o.images))); t > 0 && math.Abs(typical-t) <= t/10 {
		need = min(need, 0.9*t)
	}
	if o.low < v.low-1.5*v.typical || o.high > v.high+1.5*v.typical {
		return false
	}
	at := positions(v.images)
	for _, p := range positions(o.images) {
		i := sort.SearchFloat64s(at, p)
		if i < len(at) && at[i]-p < need || i > 0 && p-at[i-1] < need {
			return false
		}
	}
	return need > 0 && o.slices == len(o.images) && (o.slices < 2 || o.typical >= need)
}
