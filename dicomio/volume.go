package dicomio

import (
	"cmp"
	"fmt"
	"slices"
)

// fewestMixed is how many slices there are before they are said to alternate.
const fewestMixed = 8

// order sorts the images of a volume along its normal and keeps one of those
// that share a position: that of the acquisition that most images belong to,
// then the one that the clocks show first, then the lowest SOPInstanceUID. The others are
// doubles, with the index of what was kept.
func (v *volume) order() (kept []*header, doubles map[ImageRef]int) {
	votes := map[float64]int{}
	for _, h := range v.images {
		votes[h.marks.clock[clockAcquisition]]++
	}
	better := func(a, b *header) bool {
		na, nb := a.marks.clock[clockAcquisition], b.marks.clock[clockAcquisition]
		first := cmp.Or(cmp.Compare(votes[nb], votes[na]), cmp.Compare(na, nb))
		for clock := clockTime; clock < clocks && first == 0; clock++ {
			first = cmp.Compare(a.marks.clock[clock], b.marks.clock[clock])
		}
		return cmp.Or(first, byUID(a, b)) < 0
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
// that another one holds, or close pairs stand between wide gaps, or slices overlap
// and their distance alternates or they have their numbers in pairs. Nothing in
// their headers told them apart.
func (v *volume) mixed(kept []*header, doubles int) bool {
	if many(doubles, len(v.images)) || v.overlaps() && (many(alternations(kept), len(kept)) || many(sharedNumbers(kept), len(kept))) {
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

// overlaps tells whether slices are thicker than they are apart.
func (v *volume) overlaps() bool {
	return v.slices >= fewestMixed && v.marks.thickness >= overlapping*v.extent()/float64(v.slices-1)
}

// alternations counts the distances that are clearly smaller than the one before and
// the one behind.
func alternations(kept []*header) (n int) {
	gap := func(i int) float64 { return kept[i+1].at - kept[i].at }
	for i := 1; i+2 < len(kept); i++ {
		if small, wide := gap(i), min(gap(i-1), gap(i+1)); small < min(0.75*wide, wide-irregularMM) {
			n++
		}
	}
	return n
}

// sharedNumbers counts the pairs of neighbours, of files of their own, that have
// one InstanceNumber and lie between others.
func sharedNumbers(kept []*header) (n int) {
	for i := 1; i < len(kept); i++ {
		a, b := kept[i-1], kept[i]
		if a.frame == 0 && b.frame == 0 && a.marks.number() > 0 && a.marks.number() == b.marks.number() &&
			(i+1 == len(kept) || kept[i+1].marks.number() != b.marks.number()) {
			n++
		}
	}
	return n
}

// buildSeries makes a volume of the images of one series, all of which passed
// readHeader and none of which is a localizer.
func buildSeries(images []*header, opts Options) (*Series, error) {
	volume, found := choose(volumesOf(images), opts)
	first := volume.images[0]
	s := &Series{
		StudyUID: first.studyUID, SeriesUID: first.seriesUID,
		FrameOfReferenceUID: volume.frameUID(), Manufacturer: first.manufacturer,
		Volumes: found, unpacked: &unpackedFile{},
	}
	s.warnLeftOut()
	grid := gridOf(volume.images)
	for _, h := range volume.images {
		h.at = h.position.Dot(grid.normal)
	}
	kept, doubles := volume.order()
	if len(volume.joins) > 1 {
		s.warn(CodeSeveralVolumes, "the scan goes on in another way, at %s; read scores there with care", count(len(volume.joins)-1, "place"))
	}
	if len(kept) > 1 && volume.mixed(kept, len(volume.images)-len(kept)) {
		return nil, &Error{Code: CodeMixedVolumes, Op: "build volume", Hint: "images of several scans alternate, and no acquisition, time, number, image type, kernel or thickness in their headers tells them apart; send each scan as a series of its own"}
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
		ColStep: grid.row.Scale(grid.spacing[1]), RowStep: grid.col.Scale(grid.spacing[0]),
		Normal:    grid.normal,
		SpacingMM: [3]float64{0, grid.spacing[0], grid.spacing[1]},
	}
	for _, p := range kept {
		s.Slices = append(s.Slices, Slice{
			SOPInstanceUID: p.sopUID, SOPClassUID: p.sopClass, Path: p.path, Frame: p.frame,
			PositionMM: p.at, Origin: p.position, InstanceNumber: p.number, file: p,
		})
	}
	s.warnParts(images)
	s.warnLossy(kept)
	if err := s.measureLine(grid.offLine()); err != nil {
		return nil, err
	}
	if err := s.measureSpacing(); err != nil {
		return nil, err
	}
	return s, nil
}

// volumeImages counts the images of all volumes.
func volumeImages(list []Volume) (n int) {
	for _, v := range list {
		n += v.Images
	}
	return n
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
