package dicomio

import (
	"cmp"
	"fmt"
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
	imageType, kernel, temporal, voltage, stack string
	thickness                                   float64 // mm; 0: not told
	clock                                       [clocks]float64
}

// volume is the images of a series that one pass of a scanner, reconstructed in
// one way, has given.
type volume struct {
	images    []*header // by SOPInstanceUID and frame
	slices    int       // images at different positions
	low, high float64   // mm along the normal
	typical   float64   // distance of neighbours, mm
	joins     []float64 // thickness of the parts that were joined one behind the other, mm
}

// volumesOf parts the images of one series into volumes: by study, frame of
// reference, orientation, matrix and pixel spacing, then by what they are images
// of (ImageType, ConvolutionKernel, KVP, SliceThickness,
// TemporalPositionIdentifier, StackID), then by passes. An image that is there twice
// counts once; what an image does not say does not part it from the others.
func volumesOf(images []*header) []*volume {
	images = slices.Clone(images)
	slices.SortStableFunc(images, byUID)
	images = slices.CompactFunc(images, func(a, b *header) bool {
		return byUID(a, b) == 0 && a.sharesGrid(b) && a.position.near(b.position, samePosition)
	})
	var list []*volume
	for _, g := range geometries(images) {
		normal := g[0].rowDir.unit().Cross(g[0].colDir.unit()).unit()
		for _, h := range g {
			h.at = h.position.Dot(normal)
		}
		parts := [][]*header{g}
		for _, mark := range []func([]*header) func(*header) string{
			textMark(func(h *header) string { return h.marks.imageType }),
			textMark(func(h *header) string { return h.marks.kernel }),
			textMark(func(h *header) string { return h.marks.voltage }),
			textMark(func(h *header) string { return h.marks.temporal }),
			stackMark,
			thicknessMark,
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
				volumes = append(volumes, newVolume(pass))
			}
		}
		list = append(list, joinBeside(volumes)...)
	}
	return list
}

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
		v.joins = []float64{v.images[0].marks.thickness}
		if v.slices < 2 {
			single = append(single, v)
			continue
		}
		for i, o := range joined {
			a, b := o.images[0].marks, v.images[0].marks
			if (v.low-o.high > samePosition || o.low-v.high > samePosition) &&
				a.kernel == b.kernel && a.voltage == b.voltage && a.temporal == b.temporal && v.derived() == o.derived() {
				both := newVolume((&sweep{images: slices.Concat(o.images, v.images)}).byUID())
				both.joins = slices.Concat(o.joins, v.joins)
				joined[i] = both
				continue next
			}
		}
		joined = append(joined, v)
	}
	return append(joined, single...)
}

// geometries groups images that can lie in one grid.
func geometries(images []*header) (groups [][]*header) {
next:
	for _, h := range images {
		for i, g := range groups {
			if g[0].sharesGrid(h) {
				groups[i] = append(g, h)
				continue next
			}
		}
		groups = append(groups, []*header{h})
	}
	return groups
}

func (h *header) sharesGrid(o *header) bool {
	return h.frameUID == o.frameUID && h.studyUID == o.studyUID && h.format.Rows == o.format.Rows && h.format.Cols == o.format.Cols &&
		h.rowDir.near(o.rowDir, sameDirection) && h.colDir.near(o.colDir, sameDirection) &&
		math.Abs(h.spacing[0]-o.spacing[0]) <= 1e-4*h.spacing[0] && math.Abs(h.spacing[1]-o.spacing[1]) <= 1e-4*h.spacing[1]
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

// thicknessMark tells slices of clearly different thickness apart: more than
// 0.05 mm and 2 %, which is more than rounding.
func thicknessMark(images []*header) func(*header) string {
	var values []float64
	for _, h := range images {
		if h.marks.thickness > 0 {
			values = append(values, h.marks.thickness)
		}
	}
	slices.Sort(values)
	var limits []float64 // the largest of every class
	for i, v := range values {
		if i+1 == len(values) || values[i+1]-v > max(0.05, 0.02*v) {
			limits = append(limits, v)
		}
	}
	return func(h *header) string {
		if h.marks.thickness <= 0 {
			return ""
		}
		i, _ := slices.BinarySearch(limits, h.marks.thickness)
		return fmt.Sprint(i + 1)
	}
}

func newVolume(images []*header) *volume {
	v := &volume{images: images}
	at := positions(images)
	v.low, v.high, v.typical = at[0], at[len(at)-1], typicalGap(at)
	v.slices = len(at) - doubled(at, tolerance(v.typical))
	return v
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
