package dicomio

import (
	"fmt"
	"math"
	"slices"
)

const (
	irregularMM = 0.2
	tiltWarnDeg = 0.5
	maxTiltDeg  = 45  // a gantry tilts by 30 at most
	maxSliceMM  = 100 // median distance of slices; thin slices with gaps between have 20
)

// measureLine finds the true line of the slices from their positions. Origins that
// leave it by more than offLine, in mm, are refused: a tilt is linear.
func (s *Series) measureLine(offLine float64) error {
	g := &s.Geometry
	last := s.Slices[len(s.Slices)-1]
	way := Vec(last.Origin).Sub(g.Origin)
	g.Line = way.unit()
	along := g.Line.Dot(g.Normal)
	g.Offsets = make([]float64, len(s.Slices))
	worst, at := 0.0, 0
	for i, sl := range s.Slices {
		// The offset keeps the slice in its own plane; what is left lies within it.
		g.Offsets[i] = (sl.PositionMM - s.Slices[0].PositionMM) / along
		off := Vec(sl.Origin).Sub(g.Origin.Add(g.Line.Scale(g.Offsets[i]))).Norm()
		if off > worst {
			worst, at = off, i
		}
	}
	tilt := math.Atan2(g.Line.Cross(g.Normal).Norm(), along) * 180 / math.Pi
	aside := way.Sub(g.Normal.Scale(way.Dot(g.Normal))).Norm()
	switch {
	case worst > offLine:
		return &Error{Code: CodeOffLine, Op: "build volume", Hint: fmt.Sprintf("the slices lie on no straight line: the origin of image %s leaves it by %.1f mm within its plane, and %.1f mm are tolerated; send each part of the scan as a series of its own", imageNumber(s.Slices[at].InstanceNumber), worst, offLine)}
	case tilt > maxTiltDeg:
		return &Error{Code: CodeNoPosition, Op: "build volume", Hint: fmt.Sprintf("slice positions and orientation disagree: the line through the slices leaves their normal by %.0f degrees", tilt)}
	case 4*worst <= aside: // as of a tilt, not of a step within the tolerance
		g.TiltDeg = tilt
	}
	if g.TiltDeg > tiltWarnDeg {
		s.warn(CodeGantryTilt, "the slices are tilted by %.1f degrees; voxels are taken along the true line", g.TiltDeg)
	}
	if worst > irregularMM {
		s.warn(CodeIrregularSpacing, "slice origins leave a straight line by up to %.2f mm", worst)
	}
	return nil
}

// imageNumber writes an InstanceNumber.
func imageNumber(n int) string {
	if n == 0 {
		return "without a number"
	}
	return fmt.Sprint(n)
}

// measureSpacing finds the median spacing, the gaps and the irregularity. It refuses
// a spacing that no CT has.
func (s *Series) measureSpacing() error {
	g := &s.Geometry
	gaps := make([]float64, len(s.Slices)-1)
	for i := range gaps {
		gaps[i] = s.Slices[i+1].PositionMM - s.Slices[i].PositionMM
	}
	sorted := slices.Sorted(slices.Values(gaps))
	base := sorted[(len(sorted)-1)/2]
	if base > maxSliceMM {
		return &Error{Code: CodeNoPosition, Op: "build volume", Hint: fmt.Sprintf("the slices are %.4g mm apart, which is no CT: at most %d mm are read", base, maxSliceMM)}
	}
	g.SpacingMM[0] = base
	worst, missing := 0.0, 0
	for i, gap := range gaps {
		k := max(1, math.Round(gap/base))
		dev := math.Abs(gap - k*base)
		multiple := dev <= min(irregularMM, base/4)+0.001*gap
		// A distance of one and a half or more is a hole: nothing is known inside it.
		// Only where it is no multiple and goes on is it another spacing.
		if k > 1 && (multiple || gap >= 2*base || !repeats(gaps, i)) {
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
	return nil
}

// repeats tells whether a gap is one of three or more in a row that are the same.
func repeats(gaps []float64, i int) bool {
	first, last := i, i
	for first > 0 && math.Abs(gaps[first-1]-gaps[i]) <= irregularMM {
		first--
	}
	for last+1 < len(gaps) && math.Abs(gaps[last+1]-gaps[i]) <= irregularMM {
		last++
	}
	return last-first >= 2
}
