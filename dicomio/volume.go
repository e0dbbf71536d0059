package dicomio

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
)

const (
	irregularMM = 0.2
	tiltWarnDeg = 0.5
	maxTiltDeg  = 45 // a gantry tilts by 30 at most
)

// order sorts the images of a volume along its normal and keeps one of those
// that share a position: that of the acquisition that most images belong to,
// then the one acquired first, then the lowest SOPInstanceUID. The others are
// doubles, with the index of what was kept.
func (v *volume) order() (kept []*header, doubles map[ImageRef]int) {
	votes := map[float64]int{}
	for _, h := range v.images {
		votes[h.marks.clock[clockAcquisition]]++
	}
	better := func(a, b *header) bool {
		na, nb := a.marks.clock[clockAcquisition], b.marks.clock[clockAcquisition]
		return cmp.Or(cmp.Compare(votes[nb], votes[na]), cmp.Compare(na, nb),
			cmp.Compare(a.marks.clock[clockTime], b.marks.clock[clockTime]), byUID(a, b)) < 0
	}
	doubles = map[ImageRef]int{}
	near := tolerance(v.typical)
	all := slices.Clone(v.images)
	slices.SortStableFunc(all, func(a, b *header) int { return cmp.Compare(a.at, b.at) })
	for start := 0; start < len(all); {
		best, end := start, start+1
		for ; end < len(all) && all[end].at-all[start].at <= near; end++ {
			if better(all[end], all[best]) {
				best = end
			}
		}
		for i := start; i < end; i++ {
			if i != best && all[i].ref() != all[best].ref() {
				doubles[all[i].ref()] = len(kept)
			}
		}
		kept = append(kept, all[best])
		start = end
	}
	return kept, doubles
}

// mixed tells whether what lies in order alternates: many images hold a position
// that another one holds, or close pairs stand between wide gaps. Nothing in their
// headers told them apart.
func (v *volume) mixed(kept []*header, doubles int) bool {
	if many(doubles, len(v.images)) {
		return true
	}
	gap := func(i int) float64 {
		if i < 0 || i+1 >= len(kept) {
			return v.typical
		}
		return kept[i+1].at - kept[i].at
	}
	pairs := 0
	for i := range len(kept) - 1 {
		if 4*gap(i) < v.typical && 2*gap(i-1) > v.typical && 2*gap(i+1) > v.typical {
			pairs++
		}
	}
	return many(pairs, len(kept))
}

// buildSeries makes a volume of the images of one series, all of which passed
// readHeader and none of which is a localizer.
func buildSeries(images []*header, opts Options) (*Series, error) {
	volume, found := choose(volumesOf(images), opts)
	first := volume.images[0]
	s := &Series{
		StudyUID: first.studyUID, SeriesUID: first.seriesUID,
		FrameOfReferenceUID: first.frameUID, Manufacturer: first.manufacturer,
		Volumes: found, unpacked: &unpackedFile{},
	}
	s.warnLeftOut()
	kept, doubles := volume.order()
	row, col := first.rowDir.unit(), first.colDir.unit()
	normal := row.Cross(col).unit()
	if len(volume.joins) > 1 {
		s.warn(CodeSeveralVolumes, "the scan goes on in another way, at %s; read scores there with care", count(len(volume.joins)-1, "place"))
	}
	if len(kept) > 1 && volume.mixed(kept, len(volume.images)-len(kept)) {
		return nil, &Error{Code: CodeMixedVolumes, Op: "build volume", Hint: "images of several scans alternate and nothing in their headers tells them apart; send each scan as a series of its own"}
	}
	s.Doubles = doubles
	if n := len(volume.images) - len(kept) + len(images) - volumeImages(found); n > 0 {
		s.warn(CodeDuplicatePosition, "%s left out at a position that another image holds", count(n, "image"))
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
			SOPInstanceUID: p.sopUID, SOPClassUID: p.sopClass, Path: p.path, Frame: p.frame,
			PositionMM: p.at, Origin: p.position, InstanceNumber: p.number, file: p,
		})
	}
	s.warnParts(images)
	s.warnLossy(kept)
	if err := s.measureLine(); err != nil {
		return nil, err
	}
	s.measureSpacing()
	return s, nil
}

// volumeImages counts the images of all volumes.
func volumeImages(list []Volume) (n int) {
	for _, v := range list {
		n += v.Images
	}
	return n
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
