package dicomio

import (
	"fmt"
	"math"
	"sort"
)

const (
	sameDirection = 0.01 // per direction cosine
	samePosition  = 0.01 // mm
	irregularMM   = 0.2
	tiltWarnDeg   = 0.5
	maxTiltDeg    = 45 // a gantry tilts by 30 at most
)

// largestVolume splits the images of one series into volumes that share frame
// of reference, orientation, matrix and pixel spacing, and returns the largest
// and how many images were left out.
func largestVolume(images []*header) (volume []*header, left int) {
	var groups [][]*header
next:
	for _, h := range images {
		for i, g := range groups {
			if g[0].sharesVolume(h) {
				groups[i] = append(g, h)
				continue next
			}
		}
		groups = append(groups, []*header{h})
	}
	for _, g := range groups {
		if len(g) > len(volume) {
			volume = g
		}
	}
	return volume, len(images) - len(volume)
}

func (h *header) sharesVolume(o *header) bool {
	return h.frameUID == o.frameUID && h.format.Rows == o.format.Rows && h.format.Cols == o.format.Cols &&
		h.rowDir.near(o.rowDir, sameDirection) && h.colDir.near(o.colDir, sameDirection) &&
		math.Abs(h.spacing[0]-o.spacing[0]) <= 1e-4*h.spacing[0] && math.Abs(h.spacing[1]-o.spacing[1]) <= 1e-4*h.spacing[1]
}

// placed is an image with its distance along the normal.
type placed struct {
	*header
	at float64
}

// order sorts the images of a volume along normal and keeps one of those that
// share a position: of the acquisition that most images belong to, so that two
// phases are not mixed, then the lowest SOPInstanceUID.
func order(images []*header, normal Vec) (kept []placed, doubles int) {
	votes := map[int]int{}
	all := make([]placed, len(images))
	for i, h := range images {
		votes[h.acquisition]++
		all[i] = placed{h, h.position.Dot(normal)}
	}
	better := func(a, b *header) bool {
		if va, vb := votes[a.acquisition], votes[b.acquisition]; va != vb {
			return va > vb
		}
		if a.acquisition != b.acquisition {
			return a.acquisition < b.acquisition
		}
		return a.sopUID < b.sopUID
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].at < all[j].at })
	for start := 0; start < len(all); {
		best, end := start, start+1
		for ; end < len(all) && all[end].at-all[start].at <= samePosition; end++ {
			if better(all[end].header, all[best].header) {
				best = end
			}
		}
		kept = append(kept, all[best])
		doubles += end - start - 1
		start = end
	}
	return kept, doubles
}

// buildSeries makes a volume of the images of one series, all of which passed
// readHeader and none of which is a localizer.
func buildSeries(images []*header) (*Series, error) {
	sort.SliceStable(images, func(i, j int) bool { return images[i].sopUID < images[j].sopUID })
	volume, left := largestVolume(images)
	first := volume[0]
	s := &Series{
		StudyUID: first.studyUID, SeriesUID: first.seriesUID,
		FrameOfReferenceUID: first.frameUID, Manufacturer: first.manufacturer,
	}
	if left > 0 {
		s.warn(CodeMixedGeometry, "%s of another frame of reference, orientation, matrix or pixel spacing left out", count(left, "image"))
	}
	row, col := first.rowDir.unit(), first.colDir.unit()
	normal := row.Cross(col).unit()
	kept, doubles := order(volume, normal)
	if doubles > 0 {
		s.warn(CodeDuplicatePosition, "%s left out at a position that another image holds", count(doubles, "image"))
	}
	if len(kept) < 2 {
		return nil, &Error{Code: CodeTooFewSlices, Op: "build volume", Hint: "the series has fewer than 2 slices at different positions; send the whole series"}
	}
	s.Geometry = Geometry{
		Slices: len(kept), Rows: first.format.Rows, Cols: first.format.Cols,
		Origin:  kept[0].position,
		ColStep: row.Scale(first.spacing[1]), RowStep: col.Scale(first.spacing[0]),
		Normal:    normal,
		SpacingMM: [3]float64{0, first.spacing[0], first.spacing[1]},
	}
	for _, p := range kept {
		s.Slices = append(s.Slices, Slice{
			SOPInstanceUID: p.sopUID, SOPClassUID: p.sopClass, Path: p.path,
			PositionMM: p.at, Origin: p.position, file: p.header,
		})
	}
	if err := s.measureLine(); err != nil {
		return nil, err
	}
	s.measureSpacing()
	return s, nil
}

// measureLine finds the true line of the slices from their positions.
func (s *Series) measureLine() error {
	g := &s.Geometry
	last := s.Slices[len(s.Slices)-1]
	g.Line = Vec(last.Origin).Sub(g.Origin).unit()
	along := g.Line.Dot(g.Normal)
	g.TiltDeg = math.Atan2(g.Line.Cross(g.Normal).Norm(), along) * 180 / math.Pi
	if g.TiltDeg > maxTiltDeg {
		return &Error{Code: CodeNoPosition, Op: "build volume", Hint: fmt.Sprintf("slice positions and orientation disagree: the line through the slices leaves their normal by %.0f degrees", g.TiltDeg)}
	}
	if g.TiltDeg > tiltWarnDeg {
		s.warn(CodeGantryTilt, "the slices are tilted by %.1f degrees; voxels are taken along the true line", g.TiltDeg)
	}
	g.Offsets = make([]float64, len(s.Slices))
	worst := 0.0
	for i, sl := range s.Slices {
		// The offset keeps the slice in its own plane; what is left lies within it.
		g.Offsets[i] = (sl.PositionMM - s.Slices[0].PositionMM) / along
		off := Vec(sl.Origin).Sub(g.Origin.Add(g.Line.Scale(g.Offsets[i])))
		worst = max(worst, off.Norm())
	}
	if worst > irregularMM {
		s.warn(CodeIrregularSpacing, "slice origins leave a straight line by up to %.2f mm", worst)
	}
	return nil
}

// measureSpacing finds the median spacing, the gaps and the irregularity.
func (s *Series) measureSpacing() {
	g := &s.Geometry
	gaps := make([]float64, len(s.Slices)-1)
	for i := range gaps {
		gaps[i] = s.Slices[i+1].PositionMM - s.Slices[i].PositionMM
	}
	sorted := append([]float64(nil), gaps...)
	sort.Float64s(sorted)
	base := sorted[(len(sorted)-1)/2]
	g.SpacingMM[0] = base
	worst, missing := 0.0, 0
	for i, gap := range gaps {
		k := max(1, math.Round(gap/base))
		dev := math.Abs(gap - k*base)
		multiple := dev <= min(irregularMM, base/4)+0.001*gap
		// An integer multiple is a run of missing slices. A hole of two spacings
		// or more that is no multiple is one too: nothing is known inside it.
		if k > 1 && (multiple || gap >= 2*base) {
			g.Missing = append(g.Missing, Gap{After: i, Count: int(k) - 1})
			missing += int(k) - 1
			if multiple {
				continue
			}
		} else {
			dev = math.Abs(gap - base)
		}
		worst = max(worst, dev)
	}
	if missing > 0 {
		s.warn(CodeMissingSlices, "%s missing in %s", count(missing, "slice"), count(len(g.Missing), "place"))
	}
	if worst > irregularMM {
		s.warn(CodeIrregularSpacing, "the distance between slices leaves its median of %.2f mm by up to %.2f mm", base, worst)
	}
}

func (s *Series) warn(code Code, format string, args ...any) {
	s.Warnings = append(s.Warnings, Warning{Code: code, Detail: fmt.Sprintf(format, args...)})
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
