package sr

import (
	"strings"
)

// Concepts that are read and not written.
var (
	codeCentre      = code{"111010", "DCM", "Center"}
	codeComposite   = code{"111015", "DCM", "Composite Feature"}
	codeSingle      = code{"111059", "DCM", "Single Image Finding"}
	codeRendering   = code{"111056", "DCM", "Rendering Intent"}
	codeHidden      = code{"111152", "DCM", "Not for Presentation"}
	codeCertainty   = code{"111012", "DCM", "Certainty of Finding"}
	codeFeatureCert = code{"111011", "DCM", "Certainty of Feature"}
	sitesBeforeSCT  = []code{{"G-C0E3", "SRT", ""}, {"G-C0E3", "SNM3", ""}, {"G-C0E3", "99SDM", ""}}
	longAxes        = []code{{"103339001", "SCT", ""}, {"G-A185", "SRT", ""}}
	shortAxes       = []code{{"103340004", "SCT", ""}, {"G-A186", "SRT", ""}}
	diameters       = []code{codeDiameter, {"M-02550", "SRT", ""}, {"M-02550", "SNM3", ""}}
	lengths         = []code{{"410668003", "SCT", ""}, {"G-D7FE", "SRT", ""}, {"G-A22A", "SRT", ""}}
	millimetresPer  = map[string]float64{"mm": 1, "cm": 10, "um": 1e-3, "m": 1000}
	noduleCodes     = []code{codeNodule, {"M-03010", "SRT", ""}, {"M-03010", "SNM3", ""}, {"M-03000", "SRT", ""}, {"4147007", "SCT", ""}, {"118538004", "SCT", ""}, {"52988006", "SCT", ""}, {"108369006", "SCT", ""}, {"112001", "DCM", ""}, {"786838002", "SCT", ""}, {"427359005", "SCT", ""}}
	noduleWords     = []string{"nodule", "mass", "lesion", "opacity", "tumor", "tumour", "neoplasm"}
	chestCodes      = []code{codeLung, {"T-28000", "SRT", ""}, {"T-28000", "SNM3", ""}, {"51185008", "SCT", ""}, {"T-D3000", "SRT", ""}}
	chestWords      = []string{"lung", "pulmon", "chest", "thora", "pleur", "bronch", "lingula", "mediastin", "hilum", "hilar"}
	lobeWords       = []string{"upper lobe", "middle lobe", "lower lobe"}
)

func oneOf(c code, list []code) bool {
	for _, o := range list {
		if c.same(o) {
			return true
		}
	}
	return false
}

func mentions(c code, words []string) bool {
	text := strings.ToLower(c.meaning)
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// isNodule tells findings that a nodule detector may have marked; a finding
// without a code is taken for one.
func isNodule(c code) bool {
	return c.value == "" || oneOf(c, noduleCodes) || mentions(c, noduleWords)
}

func isSite(name code) bool { return name.same(codeSite) || oneOf(name, sitesBeforeSCT) }

func inChest(c code) bool {
	return c.value == "" || oneOf(c, chestCodes) || mentions(c, chestWords) || mentions(c, lobeWords)
}

// findings reads a Chest CAD report: composite features, which gather what
// belongs together over several slices, and the single image findings beside
// them (TID 4104 and 4101 of PS3.16).
func (d *document) findings() (list []Candidate) {
	d.root.walk(func(n *node) bool {
		if n.kind != "CODE" || !n.name.same(codeComposite) && !n.name.same(codeSingle) {
			return true
		}
		if !n.shown() {
			return false
		}
		c := Candidate{ID: n.below(codeTrackingID).text, TrackingUID: n.below(codeTrackingUID).uid}
		if !validUID(c.TrackingUID) {
			c.TrackingUID = ""
		}
		if isNodule(n.value) && d.fill(&c, n) {
			list = append(list, c)
		}
		return false
	})
	return list
}

// shown tells whether a finding is for the eyes of a reader.
func (n *node) shown() bool { return !n.below(codeRendering).value.same(codeHidden) }

// below returns the child of a name, an empty one where there is none.
func (n *node) below(name code) *node {
	for _, c := range n.children {
		if c.name.same(name) {
			return c
		}
	}
	return &node{}
}

// certainty takes the certainty that a report states, in percent or as a share.
func (c *Candidate) certainty(n *node) {
	if n.number == nil || !n.name.same(codeCertainty) && !(c.Confidence == 0 && n.name.same(codeFeatureCert)) {
		return
	}
	v := *n.number
	if n.unit.value == "%" {
		v /= 100
	}
	if v > 0 && v <= 1 {
		c.Confidence = v
	}
}

// sizes are the largest length measurements of a nodule, in mm.
type sizes struct{ across, long, short, length float64 }

func (s *sizes) read(n *node) {
	factor := millimetresPer[n.unit.value]
	if n.number == nil || factor == 0 {
		return
	}
	v := *n.number * factor
	if !(v > 0) || v > 1000 {
		return
	}
	for _, kind := range []struct {
		to    *float64
		names []code
	}{{&s.across, diameters}, {&s.long, longAxes}, {&s.short, shortAxes}, {&s.length, lengths}} {
		if oneOf(n.name, kind.names) {
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

// middle is the place that a graphic means, in as many coordinates as it has
// dimensions (PS3.3 C.18.6.1.2 and C.18.9.1.2).
func middle(graphic string, v []float64, dims int) (at [3]float64, ok bool) {
	n := len(v) / dims
	if n == 0 || len(v)%dims != 0 {
		return at, false
	}
	switch graphic {
	case "POINT", "CIRCLE": // a circle: its centre, then a point on it
		n = 1
	case "ELLIPSE", "ELLIPSOID": // the ends of the axes, in pairs
	case "POLYLINE", "POLYGON", "MULTIPOINT":
		closed := n > 3
		for k := range dims {
			closed = closed && v[k] == v[(n-1)*dims+k]
		}
		if closed && graphic != "MULTIPOINT" {
			if dims == 2 {
				return centroid(v)
			}
			n-- // the last is the first again
		}
	default:
		return at, false
	}
	for i := range n {
		for k := range dims {
			at[k] += v[i*dims+k] / float64(n)
		}
	}
	return at, true
}

// centroid is that of the area within a closed outline, and the mean of its
// points where it has none.
func centroid(v []float64) (at [3]float64, ok bool) {
	x0, y0 := v[0], v[1] // near the outline, for the digits
	area := 0.0
	for i := 0; i+3 < len(v); i += 2 {
		ax, ay, bx, by := v[i]-x0, v[i+1]-y0, v[i+2]-x0, v[i+3]-y0
		cross := ax*by - bx*ay
		area += cross
		at[0] += (ax + bx) * cross
		at[1] += (ay + by) * cross
	}
	if area > -1e-9 && area < 1e-9 {
		return middle("MULTIPOINT", v[2:], 2)
	}
	at = [3]float64{x0 + at[0]/(3*area), y0 + at[1]/(3*area), 0}
	if low, high := span(v); at[0] < low[0] || at[1] < low[1] || at[0] > high[0] || at[1] > high[1] {
		return middle("MULTIPOINT", v[2:], 2) // an outline that crosses itself
	}
	return at, true
}

// span is the smallest and the largest column and row.
func span(v []float64) (low, high [2]float64) {
	low, high = [2]float64{v[0], v[1]}, [2]float64{v[0], v[1]}
	for i := range v {
		low[i%2], high[i%2] = min(low[i%2], v[i]), max(high[i%2], v[i])
	}
	return low, high
}
