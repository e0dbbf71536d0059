package dicomio

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

const (
	sameDirection = 0.01 // per direction cosine
	samePosition  = 0.01 // mm: never more than this apart, or
	nearPosition  = 0.1  // mm: where slices are at least four times as far from each other
)

// Clocks by which the passes of a scanner over the same part of a patient are
// told apart, in the order in which they are asked. The first two say when a
// slice was acquired; the others are asked only where images hold the same
// positions.
const (
	clockAcquisition = iota // AcquisitionNumber
	clockTime               // AcquisitionDateTime, or AcquisitionDate and AcquisitionTime; seconds
	clockTrigger            // TriggerTime, ms
	clockContent            // ContentTime, seconds
	clockInstance           // InstanceNumber
	clocks                  // how many there are
)

// marks are what tells the volumes of one series apart beside their geometry.
type marks struct {
	imageType, kernel, temporal, stack string
	thickness                          float64 // mm; 0: not told
	voltage                            float64 // kV; 0: not told
	clock                              [clocks]float64
}

// volume is the images of a series that one pass of a scanner, reconstructed in
// one way, has given.
type volume struct {
	images    []*header // by SOPInstanceUID and frame
	marks     marks     // what most of those say that say anything; without clocks
	group     int       // volumes of one grid have the same
	normal    Vec
	slices    int       // images at different positions
	low, high float64   // mm along the normal
	typical   float64   // distance of neighbours, mm
	joins     []float64 // thickness of the parts that were joined one behind the other, mm
}

// volumesOf parts the images of one series into volumes: by study, frame of
// reference, orientation, matrix, pixel spacing and the place of the matrix in the
// plane, then by what they are images of (ImageType, ConvolutionKernel, KVP, SliceThickness,
// TemporalPositionIdentifier, StackID), then by passes. An image that is there twice
// counts once; what an image does not say does not part it from the others.
func volumesOf(images []*header) []*volume {
	images = slices.Clone(images)
	slices.SortStableFunc(images, byUID)
	images = slices.CompactFunc(images, func(a, b *header) bool {
		return byUID(a, b) == 0 && a.frameUID == b.frameUID && a.sharesGrid(b) && a.position.near(b.position, samePosition)
	})
	var list []*volume
	for group, g := range geometries(images) {
		grid := gridOf(g)
		for _, h := range g {
			h.at = h.position.Dot(grid.normal)
		}
		parts := [][]*header{g}
		for _, mark := range []func([]*header) func(*header) string{
			insetMark(grid),
			textMark(func(h *header) string { return h.marks.imageType }),
			textMark(func(h *header) string { return h.marks.kernel }),
			classMark(func(h *header) float64 { return h.marks.voltage }, voltageSlack),
			textMark(func(h *header) string { return h.marks.temporal }),
			stackMark,
			classMark(func(h *header) float64 { return h.marks.thickness }, thicknessSlack),
		} {
			var next [][]*header
			for _, p := range parts {
				next = append(next, apart(p, mark(p))...)
			}
			parts = next
		}
		var volumes []*volume
		for _, p := range parts {
			for _, pass := range passes(p, 0) {
				volumes = append(volumes, newVolume(pass, grid.normal))
			}
		}
		for _, v := range joinBeside(fillIn(volumes)) {
			v.group = group
			list = append(list, v)
		}
	}
	return list
}

// apart groups images by a mark, in the order of their first.
func apart(images []*header, mark func(*header) string) (groups [][]*header) {
	of := map[string]int{}
	for _, h := range images {
		m := mark(h)
		i, ok := of[m]
		if !ok {
			i = len(groups)
			of[m] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], h)
	}
	if _, untold := of[""]; untold && len(groups) == 2 {
		return [][]*header{images} // all that say anything say the same
	}
	return groups
}

func textMark(of func(*header) string) func([]*header) func(*header) string {
	return func([]*header) func(*header) string { return of }
}

// stackMark tells the stacks of multi-frame images apart, where a stack is several
// frames.
func stackMark(images []*header) func(*header) string {
	stacks := map[string]bool{}
	for _, h := range images {
		stacks[h.marks.stack] = true
	}
	return func(h *header) string {
		if 2*len(stacks) > len(images) {
			return ""
		}
		return h.marks.stack
	}
}

// byUID orders images by SOPInstanceUID and frame.
func byUID(a, b *header) int {
	return cmp.Or(strings.Compare(a.sopUID, b.sopUID), cmp.Compare(a.frame, b.frame))
}

func newVolume(images []*header, normal Vec) *volume {
	v := &volume{images: images, normal: normal}
	at := positions(images)
	v.low, v.high, v.typical = at[0], at[len(at)-1], typicalGap(at)
	v.slices = len(at) - doubled(at, tolerance(v.typical))
	text := func(of func(*header) string) string {
		return mostOf(images, of, func(s string) bool { return s != "" })
	}
	number := func(of func(*header) float64) float64 {
		return mostOf(images, of, func(n float64) bool { return n > 0 })
	}
	v.marks = marks{
		imageType: text(func(h *header) string { return h.marks.imageType }),
		kernel:    text(func(h *header) string { return h.marks.kernel }),
		temporal:  text(func(h *header) string { return h.marks.temporal }),
		stack:     text(func(h *header) string { return h.marks.stack }),
		thickness: number(func(h *header) float64 { return h.marks.thickness }),
		voltage:   number(func(h *header) float64 { return h.marks.voltage }),
	}
	return v
}

// mostOf is what most images say of those that say anything.
func mostOf[T comparable](images []*header, of func(*header) T, says func(T) bool) (best T) {
	n := map[T]int{}
	for _, h := range images {
		if v := of(h); says(v) {
			n[v]++
		}
	}
	most := 0
	for _, h := range images { // in their order
		if v := of(h); n[v] > most {
			best, most = v, n[v]
		}
	}
	return best
}

// with is a volume and another one.
func (v *volume) with(o *volume) *volume {
	return newVolume((&sweep{images: slices.Concat(v.images, o.images)}).byUID(), v.normal)
}

func (v *volume) extent() float64 { return v.high - v.low }

// earliest is the lowest reading of a clock, infinite where no image has one.
func (v *volume) earliest(clock int) float64 {
	low := math.Inf(1)
	for _, h := range v.images {
		if t := h.marks.clock[clock]; t < low {
			low = t
		}
	}
	return low
}

// positions are those along the normal, ascending.
func positions(images []*header) []float64 {
	at := make([]float64, len(images))
	for i, h := range images {
		at[i] = h.at
	}
	slices.Sort(at)
	return at
}

// typicalGap is a distance between neighbours such that gaps of at most it make
// up half of the way from the first to the last: however many images hold nearly
// the same positions, it is the distance of slices.
func typicalGap(at []float64) float64 {
	gaps := make([]float64, 0, len(at))
	for i := 1; i < len(at); i++ {
		gaps = append(gaps, at[i]-at[i-1])
	}
	slices.Sort(gaps)
	way := 0.0
	for _, g := range gaps {
		if way += g; 2*way >= at[len(at)-1]-at[0] {
			return g
		}
	}
	return 0
}

// tolerance is how far apart two images hold the same position, where slices
// are typically a distance apart.
func tolerance(typical float64) float64 {
	return max(samePosition, min(nearPosition, typical/4))
}

// doubled counts the positions, ascending, that an earlier one holds already.
func doubled(at []float64, tolerance float64) (n int) {
	first := math.Inf(-1)
	for _, a := range at {
		if a-first <= tolerance {
			n++
		} else {
			first = a
		}
	}
	return n
}

// compareStart orders images by a clock, then by position.
func compareStart(clock int) func(a, b *header) int {
	return func(a, b *header) int {
		return cmp.Or(cmp.Compare(a.marks.clock[clock], b.marks.clock[clock]), cmp.Compare(a.at, b.at))
	}
}
