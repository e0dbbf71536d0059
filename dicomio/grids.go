package dicomio

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
)

const (
	offLineMM    = 0.5 // how far origins may leave a line, or half a pixel where that is more
	insetsAtMost = 4   // places of the matrix within the plane that one scan may have
	fewestAside  = 5   // images for each of them, at least
)

// grid is how the pixels of images lie: as most of them say, where they differ
// within what rounding does.
type grid struct {
	row, col, normal Vec
	spacing          [2]float64 // between rows, between columns; mm
}

// gridOf takes the median of every component.
func gridOf(images []*header) grid {
	values := make([]float64, len(images))
	median := func(of func(*header) float64) float64 {
		for i, h := range images {
			values[i] = of(h)
		}
		slices.Sort(values)
		return values[(len(values)-1)/2]
	}
	var g grid
	for i := range g.row {
		g.row[i] = median(func(h *header) float64 { return h.rowDir[i] })
		g.col[i] = median(func(h *header) float64 { return h.colDir[i] })
	}
	for i := range g.spacing {
		g.spacing[i] = median(func(h *header) float64 { return h.spacing[i] })
	}
	g.row, g.col = g.row.unit(), g.col.unit()
	g.normal = g.row.Cross(g.col).unit()
	return g
}

// offLine is how far origins on this grid may leave the line of their volume, mm.
func (g grid) offLine() float64 { return max(offLineMM, g.spacing[0]/2, g.spacing[1]/2) }

// geometries groups images that can lie in one grid, each with the grid that most
// of them have. Images come and go in the order of their UIDs. One that names no
// frame of reference is of the only one that the others name.
func geometries(images []*header) (groups [][]*header) {
	type place struct {
		study      string
		rows, cols int
		row, col   Vec
		spacing    [2]float64
	}
	same := map[place][]*header{}
	var places []place
	for _, h := range images {
		p := place{h.studyUID, h.format.Rows, h.format.Cols, h.rowDir, h.colDir, h.spacing}
		if same[p] == nil {
			places = append(places, p)
		}
		same[p] = append(same[p], h)
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(len(same[b]), len(same[a])) })
	var alike [][]*header
next:
	for _, p := range places {
		for i, g := range alike {
			if g[0].sharesGrid(same[p][0]) {
				alike[i] = append(g, same[p]...)
				continue next
			}
		}
		alike = append(alike, same[p])
	}
	for _, g := range alike {
		slices.SortStableFunc(g, byUID)
		groups = append(groups, apart(g, func(h *header) string { return h.frameUID })...)
	}
	slices.SortStableFunc(groups, func(a, b []*header) int { return byUID(a[0], b[0]) })
	return groups
}

// sharesGrid tells whether two images of one frame of reference can lie in one
// grid: their rows and columns run alike, and over the whole matrix their pixels
// stay within half a pixel of each other.
func (h *header) sharesGrid(o *header) bool {
	return h.studyUID == o.studyUID && h.format.Rows == o.format.Rows && h.format.Cols == o.format.Cols &&
		h.rowDir.near(o.rowDir, sameDirection) && h.colDir.near(o.colDir, sameDirection) &&
		sameSpacing(h.spacing[0], o.spacing[0], h.format.Rows) && sameSpacing(h.spacing[1], o.spacing[1], h.format.Cols)
}

func sameSpacing(a, b float64, pixels int) bool {
	return math.Abs(a-b) <= max(1e-4, 0.5/float64(max(pixels, 1)))*min(a, b)
}

// insetMark tells images apart whose matrix lies at another place of the plane,
// where these places are few: those of a tilted gantry are as many as its slices.
func insetMark(g grid) func([]*header) func(*header) string {
	return func(images []*header) func(*header) string {
		var limits [2][]float64 // the largest of every class, along the rows and columns
		for axis, dir := range [2]Vec{g.row, g.col} {
			at := make([]float64, len(images))
			for i, h := range images {
				at[i] = h.position.Dot(dir)
			}
			limits[axis] = classLimits(at, func(float64) float64 { return g.offLine() })
			for i, class := range limits[axis] { // at is sorted now
				first := at[0]
				if i > 0 {
					first = at[sort.SearchFloat64s(at, math.Nextafter(limits[axis][i-1], math.Inf(1)))]
				}
				if class-first > offLineMM/2 { // it drifts, as origins of a tilted gantry do
					return func(*header) string { return "" }
				}
			}
		}
		label := func(h *header) string {
			return fmt.Sprint(sort.SearchFloat64s(limits[0], h.position.Dot(g.row)), " ", sort.SearchFloat64s(limits[1], h.position.Dot(g.col)))
		}
		insets := map[string]bool{}
		for _, h := range images {
			insets[label(h)] = true
		}
		if n := len(insets); n > insetsAtMost || n*fewestAside > len(images) {
			return func(*header) string { return "" }
		}
		return label
	}
}

// classLimits sorts values and gives the largest of every class: what follows each
// other by no more than a slack is one.
func classLimits(values []float64, slack func(float64) float64) (limits []float64) {
	slices.Sort(values)
	for i, v := range values {
		if i+1 == len(values) || values[i+1]-v > slack(v) {
			limits = append(limits, v)
		}
	}
	return limits
}

// classMark tells images apart by the class of a number that is 0 where it is
// not told.
func classMark(of func(*header) float64, slack func(float64) float64) func([]*header) func(*header) string {
	return func(images []*header) func(*header) string {
		var values []float64
		for _, h := range images {
			if v := of(h); v > 0 {
				values = append(values, v)
			}
		}
		limits := classLimits(values, slack)
		return func(h *header) string {
			if of(h) <= 0 {
				return ""
			}
			return fmt.Sprint(sort.SearchFloat64s(limits, of(h)) + 1)
		}
	}
}

// Slices of clearly different thickness differ by more than rounding, and so do
// tube voltages: no scanner has two that are nearer.
func thicknessSlack(mm float64) float64 { return max(0.05, 0.02*mm) }
func voltageSlack(kv float64) float64   { return max(1, 0.02*kv) }

// beside is how far the origins of another volume of the same grid lie from the
// line of this one, which is the longer one, in mm.
func (v *volume) beside(o *volume) float64 {
	low, high := v.ends()
	step := v.normal
	if high.at-low.at > samePosition {
		step = high.position.Sub(low.position).Scale(1 / (high.at - low.at))
	}
	worst := 0.0
	a, b := o.ends()
	for _, h := range [2]*header{a, b} {
		worst = max(worst, h.position.Sub(low.position.Add(step.Scale(h.at-low.at))).Norm())
	}
	return worst
}

// ends are the first and the last image along the normal.
func (v *volume) ends() (low, high *header) {
	low, high = v.images[0], v.images[0]
	for _, h := range v.images[1:] {
		if h.at < low.at {
			low = h
		}
		if h.at > high.at {
			high = h
		}
	}
	return low, high
}
