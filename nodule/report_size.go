package nodule

import "github.com/nodulescope/nodulescope/dicomio/sr"

// certainty takes the certainty that a report states, in percent or as a share.
func (m *Mark) certainty(n *sr.Item) {
	if n.Number == nil || !conceptCertainty.is(n.Name) && !(m.Confidence == 0 && conceptFeatureCertainty.is(n.Name)) {
		return
	}
	v := *n.Number
	if n.Unit.Value == "%" {
		v /= 100
	}
	if v > 0 && v <= 1 {
		m.Confidence = v
	}
}

// sizes are the largest length measurements of a nodule, in mm.
type sizes struct{ across, long, short, length float64 }

func (s *sizes) read(n *sr.Item) {
	factor := millimetresPer[n.Unit.Value]
	if n.Number == nil || factor == 0 {
		return
	}
	v := *n.Number * factor
	if !(v > 0) || v > 1000 {
		return
	}
	for _, kind := range []struct {
		to    *float64
		names []concept
	}{{&s.across, diameters}, {&s.long, longAxes}, {&s.short, shortAxes}, {&s.length, lengths}} {
		if oneOf(n.Name, kind.names) {
			*kind.to = max(*kind.to, v)
		}
	}
}

func (s *sizes) diameter() float64 {
	switch {
	case s.across > 0:
		return s.across
	case s.long > 0 && s.short > 0:
		return (s.long + s.short) / 2
	case s.long > 0:
		return s.long
	}
	return s.length
}
