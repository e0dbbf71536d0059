package dicomio

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Volume is what was found in a series: the images of one pass of the scanner,
// reconstructed in one way.
type Volume struct {
	Images      int
	Slices      int     // images at different positions
	SpacingMM   float64 // distance of its slices, as is typical
	ThicknessMM float64 // SliceThickness; 0: not told
	Kernel      string  // ConvolutionKernel; may be empty
	Type        string  // ImageType, its values joined by "/"
	// Why says what the one that was taken has before it; empty: it is that one.
	Why string
	// Differs says what it is beside the one that was taken.
	Differs string

	OtherGrid bool // it has another orientation, matrix or pixel spacing, or is of another frame or study
}

// choose takes one volume of a series: of those at least half as long as the
// longest an original before a derived one, thin slices before thick ones (by
// thickness or distance, whichever is larger), a kernel that opts prefers,
// the one of most slices, then the one acquired first.
func choose(list []*volume, opts Options) (taken *volume, found []Volume) {
	why := make(map[*volume]string, len(list))
	left := slices.Clone(list)
	// keep leaves those that ok says, unless there are none.
	keep := func(reason string, ok func(*volume) bool) {
		if !slices.ContainsFunc(left, ok) {
			return
		}
		left = slices.DeleteFunc(left, func(v *volume) bool {
			if !ok(v) {
				why[v] = reason
			}
			return !ok(v)
		})
	}
	least := func(reason string, slack float64, of func(*volume) float64) {
		low := math.Inf(1)
		for _, v := range left {
			low = min(low, of(v))
		}
		keep(reason, func(v *volume) bool { return of(v) <= low*(1+slack) })
	}
	keep("has slices at several positions", func(v *volume) bool { return v.slices > 1 })
	longest := 0.0
	for _, v := range left {
		longest = max(longest, v.extent())
	}
	keep("covers more of the patient", func(v *volume) bool { return 2*v.extent() >= longest })
	keep("is original", func(v *volume) bool { return !v.derived() })
	least("has thinner slices", 0.05, (*volume).thickness)
	for _, kernel := range opts.Kernels {
		keep("has the preferred kernel", func(v *volume) bool {
			return strings.EqualFold(v.marks.kernel, strings.TrimSpace(kernel))
		})
	}
	least("has more slices", 0, func(v *volume) float64 { return -float64(v.slices) })
	for _, clock := range [...]int{clockTime, clockAcquisition, clockTrigger, clockContent, clockInstance} {
		least("was acquired first", 0, func(v *volume) float64 { return v.earliest(clock) })
	}
	taken = left[0] // of the lowest UID
	for _, v := range left[1:] {
		why[v] = "is of the lower UID"
	}
	for _, v := range list {
		m := v.marks
		found = append(found, Volume{
			Images: len(v.images), Slices: v.slices, SpacingMM: v.typical, ThicknessMM: m.thickness, Kernel: m.kernel, Type: m.imageType, Why: why[v],
			Differs: taken.differs(v), OtherGrid: taken.group != v.group,
		})
	}
	return taken, found
}

// frameUID is the frame of reference of those of its images that name one.
func (v *volume) frameUID() string {
	return mostOf(v.images, func(h *header) string { return h.frameUID }, func(s string) bool { return s != "" })
}

func (v *volume) derived() bool { return strings.HasPrefix(v.marks.imageType, "DERIVED") }

// thickness is the coarser of thickness and distance of the slices, mm.
func (v *volume) thickness() float64 { return max(slices.Max(v.joins), v.typical) }

// differs says what o is, where v is not. It holds no text of a file that a
// person may have written.
func (v *volume) differs(o *volume) string {
	a, b := v.images[0], o.images[0]
	var words []string
	add := func(differs bool, format string, args ...any) {
		if differs {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(a.studyUID != b.studyUID, "another study")
	other := v.group != o.group
	add(other && v.frameUID() != o.frameUID(), "another frame of reference")
	add(other && !(a.rowDir.near(b.rowDir, sameDirection) && a.colDir.near(b.colDir, sameDirection)), "another orientation")
	add(a.format.Rows != b.format.Rows || a.format.Cols != b.format.Cols, "%d x %d pixels", b.format.Rows, b.format.Cols)
	add(other && !(sameSpacing(a.spacing[0], b.spacing[0], a.format.Rows) && sameSpacing(a.spacing[1], b.spacing[1], a.format.Cols)), "another pixel spacing")
	if !other {
		off := v.beside(o)
		add(off > gridOf(v.images[:1]).offLine(), "%.1f mm beside its line", off)
	}
	m, n := v.marks, o.marks
	add(m.imageType != n.imageType, "image type %s", orNone(n.imageType))
	add(m.kernel != n.kernel, "kernel %s", orNone(n.kernel))
	add(math.Abs(m.voltage-n.voltage) > voltageSlack(m.voltage), "another tube voltage")
	add(m.temporal != n.temporal, "another temporal position")
	add(m.stack != n.stack, "stack %s", orNone(n.stack))
	add(math.Abs(m.thickness-n.thickness) > thicknessSlack(m.thickness), "slices of %s", millimetres(n.thickness))
	na, nb := v.earliest(clockAcquisition), o.earliest(clockAcquisition)
	add(na != nb && !math.IsInf(nb, 0), "acquisition %.0f", nb)
	switch d := o.earliest(clockTime) - v.earliest(clockTime); {
	case d > 0 && !math.IsInf(d, 0):
		add(true, "acquired %s later", seconds(d))
	case d < 0 && !math.IsInf(d, 0):
		add(true, "acquired %s earlier", seconds(-d))
	}
	if len(words) == 0 && v != o {
		return "another pass"
	}
	return strings.Join(words, ", ")
}

func seconds(d float64) string {
	if d >= 1000 {
		return fmt.Sprintf("%.0f min", d/60)
	}
	return fmt.Sprintf("%.3g s", d)
}

func millimetres(thickness float64) string {
	if thickness == 0 {
		return "a thickness that is not told"
	}
	return fmt.Sprintf("%.4g mm", thickness)
}

func orNone(text string) string {
	if text == "" {
		return "not told"
	}
	return text
}

// warnLeftOut tells what of a series was not taken.
func (s *Series) warnLeftOut() {
	const named = 3 // volumes in one warning
	grid, volumes := 0, 0
	var words, causes []string
	for _, v := range s.Volumes {
		switch {
		case v.Why == "":
		case v.OtherGrid:
			grid += v.Images
			if !slices.Contains(causes, v.Differs) {
				causes = append(causes, v.Differs)
			}
		default:
			if volumes++; volumes <= named {
				words = append(words, fmt.Sprintf("%s (%s), as the one taken %s", count(v.Images, "image"), v.Differs, v.Why))
			}
		}
	}
	if grid > 0 {
		if len(causes) > named {
			causes = append(causes[:named], "and others")
		}
		s.warn(CodeMixedGeometry, "%s left out: %s", count(grid, "image"), strings.Join(causes, "; "))
	}
	if volumes > named {
		words = append(words, fmt.Sprintf("and %s more", count(volumes-named, "volume")))
	}
	if volumes > 0 {
		s.warn(CodeSeveralVolumes, "the series holds %d volumes that must not be mixed; left out: %s", volumes+1, strings.Join(words, "; "))
	}
}
