package phantom

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/nodulescope/nodulescope/dicomio"
)

// Kind is what a nodule is made of.
type Kind string

// Kinds of nodules.
const (
	Solid       Kind = "solid"        // soft tissue, slightly lobulated
	PartSolid   Kind = "part-solid"   // ground glass around a solid core of half the diameter
	GroundGlass Kind = "ground-glass" // about -650 HU, vessels stay visible within
	Calcified   Kind = "calcified"    // soft tissue with a central or popcorn calcification
	Spiculated  Kind = "spiculated"   // irregular, with thin cones that run into the lung
	SmallSolid  Kind = "small-solid"  // smooth, 4-6 mm: a benign lymph node or granuloma
	Mass        Kind = "mass"         // lobulated soft tissue of 35-80 mm; only where it is asked for
)

// kinds is the order in which nodules are drawn.
var kinds = [...]Kind{Solid, PartSolid, GroundGlass, Calcified, Spiculated, SmallSolid}

// Kinds are all that a nodule may be.
func Kinds() []Kind { return append(kinds[:], Mass) }

// large is the diameter in mm from which a drawn nodule may touch what it meets:
// there is no room for it otherwise.
const large = 30

// HU of what nodules are made of.
const (
	solidHU       = 35
	smallHU       = 30
	groundGlassHU = -650
	calciumHU     = 300
)

// Nodule is the truth about one nodule.
type Nodule struct {
	ID          string      `json:"id"`
	Kind        Kind        `json:"kind"`
	PositionLPS dicomio.Vec `json:"position_lps_mm"` // centre, LPS mm
	DiameterMM  float64     `json:"diameter_mm"`     // mean diameter, without spicules
}

func (n Nodule) validate() error {
	if !slices.Contains(Kinds(), n.Kind) {
		return fmt.Errorf("kind %.20q is not known; use one of %v", string(n.Kind), Kinds())
	}
	if n.DiameterMM != 0 && !(n.DiameterMM >= 3 && n.DiameterMM <= 80) {
		return fmt.Errorf("a diameter of %g mm; ask for 3 to 80, or 0 for a usual one", n.DiameterMM)
	}
	for _, mm := range n.PositionLPS {
		if !(math.Abs(mm) <= 5000) {
			return fmt.Errorf("a coordinate of %g mm; positions lie within 5000 mm of the origin", mm)
		}
	}
	return nil
}

// usualDiameter is in mm, to a tenth.
func usualDiameter(k Kind, rng *rand.Rand) float64 {
	mean := map[Kind]float64{Solid: 12, PartSolid: 16, GroundGlass: 14, Calcified: 10, Spiculated: 18, SmallSolid: 5, Mass: 50}[k]
	return math.Round(mean*(0.85+0.3*rng.Float64())*10) / 10
}

// ball is a sphere with its own HU inside a nodule.
type ball struct {
	at vec
	r  float64
	hu float64
}

// body is the shape of a nodule: a sphere whose radius is modulated with the
// direction, spicules, and balls inside.
type body struct {
	at       vec
	r        float64 // mean radius, mm
	hu       float64
	edge     float64 // width of the border, mm
	lobes    [4]lobe
	spicules []segment
	inner    []ball
	reach    float64 // nothing of the nodule lies beyond, mm
}

// lobe is a cosine modulation of the radius along a direction.
type lobe struct {
	dir   vec
	freq  float64
	depth float64 // share of the radius
	phase float64
}

// newBody draws the shape of a nodule.
func newBody(n Nodule, rng *rand.Rand) body {
	b := body{at: n.PositionLPS, r: n.DiameterMM / 2, hu: solidHU, edge: 0.8}
	depth := 0.05
	switch n.Kind {
	case PartSolid:
		b.hu, b.edge, depth = groundGlassHU, 2, 0.08
		core := n.DiameterMM / 4
		b.inner = []ball{{b.at.Add(direction(rng).Scale(core * 0.4)), core, solidHU - 10}}
	case GroundGlass:
		b.hu, b.edge, depth = groundGlassHU, 2, 0.08
	case SmallSolid:
		b.hu, depth = smallHU, 0.02
	case Calcified:
		depth = 0.04
		b.inner = calcium(b, rng)
	case Mass:
		b.edge, depth = 1.2, 0.09
	case Spiculated:
		b.edge, depth = 1.2, 0.12
		for range 60 + rng.IntN(12) {
			d := direction(rng)
			b.spicules = append(b.spicules, segment{
				a: b.at.Add(d.Scale(b.r * 0.6)), ra: 0.8 + 0.1*b.r,
				b: b.at.Add(d.Scale(b.r * (1.3 + 0.6*rng.Float64()))), rb: 0.4,
			})
		}
	}
	for i := range b.lobes {
		b.lobes[i] = lobe{direction(rng), 2 + 2*float64(i), depth / (1 + 0.3*float64(i)), 2 * math.Pi * rng.Float64()}
	}
	b.reach = b.r*(1+3*depth) + b.edge + 1
	if b.spicules != nil {
		b.reach = max(b.reach, b.r*1.9+2)
	}
	return b
}

// calcium is one central ball, or a few blobs like popcorn.
func calcium(b body, rng *rand.Rand) []ball {
	if rng.IntN(2) == 0 {
		return []ball{{b.at, b.r * 0.5, calciumHU}}
	}
	inner := []ball{{b.at, b.r * 0.34, calciumHU}}
	for range 5 {
		inner = append(inner, ball{b.at.Add(direction(rng).Scale(b.r * 0.45)), b.r * 0.26, calciumHU})
	}
	return inner
}

// at gives the share of a point that the nodule fills (0..1) and its HU there.
func (b *body) sample(p vec) (share, hu float64) {
	d := p.Sub(b.at)
	dist := d.Norm()
	if dist > b.reach {
		return 0, 0
	}
	r := b.r
	if dist > 0 {
		for _, l := range b.lobes {
			r += b.r * l.depth * math.Cos(l.freq*d.Dot(l.dir)/dist+l.phase) * min(1, dist/b.r)
		}
	}
	share = soft(dist-r, b.edge)
	for i := range b.spicules {
		if share > 0.85 {
			break
		}
		share = max(share, 0.85*soft(b.spicules[i].distance(p), 0.7))
	}
	hu = b.hu
	for _, in := range b.inner {
		c := soft(p.Sub(in.at).Norm()-in.r, 0.8)
		hu += c * max(in.hu-hu, 0)
	}
	return share, hu
}
