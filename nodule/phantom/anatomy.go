package phantom

import (
	"math"
	"math/rand/v2"
)

// HU of tissues, without contrast medium.
const (
	airHU     = -1000
	lungHU    = -865
	fatHU     = -100
	muscleHU  = 55
	bloodHU   = 42
	skinHU    = 20
	liverHU   = 58
	gastricHU = 25
	cortexHU  = 750
	marrowHU  = 180
)

// anatomy is a chest as signed distances in LPS mm around the middle of the
// scan: x to the patient's left, y to the back, z to the head. What varies
// between seeds are the numbers below; the rest is fixed.
type anatomy struct {
	chestX, chestY   float64 // semi-axes of the chest cavity at its widest
	trunkX, trunkY   float64 // semi-axes of the trunk
	apex             float64 // z of the top of the cavity
	domeR, domeL     float64 // z of the diaphragm's domes
	heart, heartAxes vec
	ribPhase         float64 // z of one rib at the front
	gravity          float64 // HU per mm towards the back, in the lungs
	fine, coarse     *texture
}

func newAnatomy(rng *rand.Rand) *anatomy {
	vary := func(mean, share float64) float64 { return mean * (1 + share*(2*rng.Float64()-1)) }
	a := &anatomy{
		chestX: vary(128, 0.03), chestY: vary(82, 0.04),
		trunkX: vary(166, 0.02), trunkY: vary(109, 0.02),
		apex: vary(146, 0.03), domeR: vary(-62, 0.12), domeL: vary(-76, 0.12),
		heart:     vec{vary(24, 0.15), vary(-28, 0.1), vary(-46, 0.1)},
		heartAxes: vec{vary(55, 0.07), vary(43, 0.07), vary(58, 0.07)},
		ribPhase:  26 * rng.Float64(), gravity: vary(0.55, 0.3),
	}
	a.fine, a.coarse = newTexture(rng), newTexture(rng)
	return a
}

// section is the anatomy at one height.
type section struct {
	*anatomy
	z         float64
	zEdge     float64 // thickness of a slice: borders across z are as soft as that
	cx, cy    float64 // semi-axes of the chest cavity
	tx, ty    float64 // semi-axes of the trunk
	muscle    float64 // thickness of the muscle outside the ribs
	heartHere bool
}

func (a *anatomy) section(z, zEdge float64) section {
	s := section{anatomy: a, z: z, zEdge: max(zEdge, 1)}
	u := max(0, min(1, (z+25)/(a.apex+25)))
	f := math.Sqrt(max(0, 1-u*u*(0.6+0.4*u)))
	s.cx, s.cy = max(1, a.chestX*f), max(1, a.chestY*math.Sqrt(f))
	lower := max(0, min(1, (-60-z)/120)) // the trunk narrows towards the waist
	s.tx, s.ty = a.trunkX*(1-0.03*lower), a.trunkY*(1-0.02*lower-0.08*u*u*u)
	s.muscle = 9 + 7*max(0, min(1, z/90))
	s.heartHere = math.Abs(z-a.heart[2]) < a.heartAxes[2]+25
	return s
}

// trunk is the signed distance from the skin, negative inside.
func (s *section) trunk(x, y float64) float64 {
	// The chest is flatter in front, and the spine lies in a shallow groove.
	groove := 5 * math.Exp(-x*x/500) * max(0, min(1, y/80))
	return squarish(x, y-1, s.tx, s.ty) + groove
}

// cavity is the signed distance from the inner side of the rib cage.
func (s *section) cavity(x, y float64) float64 {
	return 0.5 * (ellipse(x, y+2, s.cx, s.cy) + squarish(x, y+2, s.cx, s.cy))
}

// diaphragm is the signed distance from the diaphragm, negative below.
func (s *section) diaphragm(x, y float64) float64 {
	dome := func(top, cx, cy, rx, ry float64) (float64, float64) {
		u, v := (x-cx)/rx, (y-cy)/ry
		q := u*u + v*v
		slope := (76 + 148*q) * math.Sqrt(u*u/(rx*rx)+v*v/(ry*ry))
		return (s.z - (top - (38+37*q)*q)) / math.Sqrt(1+slope*slope), q
	}
	r, _ := dome(s.domeR, -60, -8, 72, 88)
	l, _ := dome(s.domeL, 64, -10, 72, 88)
	return smin(r, l, 6)
}

// core is the signed distance from what lies between the lungs: spine, great
// vessels, the line where the lungs meet in front, heart and hila.
func (s *section) core(x, y float64) float64 {
	upper := max(0, min(1, (s.z-20)/90))
	d := ellipse(x-2, y-2, 33-6*upper, 40-4*upper)
	d = smin(d, ellipse(x, y-62, 23, 24), 14)
	d = smin(d, ellipse(x, y+50, 7+8*upper, 45), 14)
	d = smin(d, s.aorta(x, y)-3, 6)
	if h := s.z - 8; math.Abs(h) < 40 { // hila
		for _, side := range [2]float64{-1, 1} {
			d = smin(d, ellipsoid(vec{x - side*34, y - 9, h}, vec{15, 15, 24}), 10)
		}
	}
	if s.heartHere {
		d = smin(d, s.heartDistance(x, y)-4, 12)
	}
	return d
}

func (s *section) heartDistance(x, y float64) float64 {
	// Apex to the left and front: turned by 35 degrees about z.
	const c, n = 0.819, 0.574
	dx, dy := x-s.heart[0], y-s.heart[1]
	return ellipsoid(vec{c*dx - n*dy, n*dx + c*dy, s.z - s.heart[2]}, s.heartAxes)
}

// lung is the signed distance from the surface of either lung.
func (s *section) lung(x, y float64) float64 {
	d := smax(s.cavity(x, y)+1.5, -s.core(x, y), 5)
	if s.z < max(s.domeR, s.domeL)+10 {
		d = smax(d, -s.diaphragm(x, y), 3)
	}
	return d
}

// depth is how far a point lies inside a lung, in mm; negative outside.
func (a *anatomy) depth(p vec) float64 {
	s := a.section(p[2], 1)
	return -s.lung(p[0], p[1])
}

// targets draws points in one lung (side -1 is the patient's right), where
// vessels end.
func (a *anatomy) targets(side float64, n int, rng *rand.Rand) []vec {
	points := make([]vec, 0, n)
	for tries := 0; len(points) < n && tries < 100*n; tries++ {
		p := vec{side * rng.Float64() * a.chestX, (2*rng.Float64() - 1) * a.chestY, -150 + (a.apex+150)*rng.Float64()}
		if a.depth(p) > 3 {
			points = append(points, p)
		}
	}
	return points
}
