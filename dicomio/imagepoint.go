package dicomio

import "math"

// ImagePoint is a place on one image of a series, as a structured report gives
// it (SCOORD, DICOM PS3.3 C.18.6.1): column and row count pixels from the top
// left corner of the image, so that the centre of the first pixel is at
// (0.5, 0.5).
type ImagePoint struct {
	SOPClassUID    string
	SOPInstanceUID string
	Frame          int // zero-based frame number; -1: a report does not say which of several
	Column, Row    float64
}

// OnImage gives the place of a point, in LPS mm, on the slice that is nearest
// to it: the foot of the perpendicular from the point to that slice. ok is
// false where the point lies outside the image, or further from every slice
// than the slices are from each other.
func (s *Series) OnImage(p Vec) (at ImagePoint, ok bool) {
	g := s.Geometry
	along, best := p.Dot(g.Normal), -1
	for i := range s.Slices {
		if best < 0 || math.Abs(s.Slices[i].PositionMM-along) < math.Abs(s.Slices[best].PositionMM-along) {
			best = i
		}
	}
	if best < 0 || !(math.Abs(s.Slices[best].PositionMM-along) <= g.SpacingMM[0]) {
		return ImagePoint{}, false
	}
	slice := &s.Slices[best]
	d := p.Sub(slice.Origin)
	at = ImagePoint{
		SOPClassUID: slice.SOPClassUID, SOPInstanceUID: slice.SOPInstanceUID, Frame: slice.Frame,
		Column: d.Dot(g.ColStep)/g.ColStep.Dot(g.ColStep) + 0.5,
		Row:    d.Dot(g.RowStep)/g.RowStep.Dot(g.RowStep) + 0.5,
	}
	ok = at.Column >= 0 && at.Column <= float64(g.Cols) && at.Row >= 0 && at.Row <= float64(g.Rows)
	return at, ok
}

// InPatient is the inverse of OnImage: the place, in LPS mm, of a point on an
// image of the series (equation C.7.6.2.1-1 of PS3.3). ok is false where the
// series holds neither that image nor another at its position, or the point is no
// finite one.
func (s *Series) InPatient(at ImagePoint) (p Vec, ok bool) {
	if math.IsNaN(at.Column+at.Row) || math.IsInf(at.Column+at.Row, 0) {
		return Vec{}, false
	}
	if z, found := s.Doubles[ImageRef{at.SOPInstanceUID, at.Frame}]; found {
		at.SOPInstanceUID, at.Frame = s.Slices[z].SOPInstanceUID, s.Slices[z].Frame
	}
	for i := range s.Slices {
		if slice := &s.Slices[i]; slice.SOPInstanceUID == at.SOPInstanceUID && slice.Frame == at.Frame {
			p = Vec(slice.Origin).Add(s.Geometry.ColStep.Scale(at.Column - 0.5))
			return p.Add(s.Geometry.RowStep.Scale(at.Row - 0.5)), true
		}
	}
	return Vec{}, false
}
