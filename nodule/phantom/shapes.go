package phantom

import (
	"math"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/dicomio"
)

// vec is a point or direction, LPS mm, ordered x, y, z.
type vec = dicomio.Vec

// mix goes from a (f = 0) to b (f = 1).
func mix(a, b, f float64) float64 { return a + (b-a)*f }

// direction is uniform on the sphere.
func direction(rng *rand.Rand) vec {
	z := 2*rng.Float64() - 1
	phi := 2 * math.Pi * rng.Float64()
	r := math.Sqrt(1 - z*z)
	return vec{r * math.Cos(phi), r * math.Sin(phi), z}
}

// soft turns a signed distance (negative inside) into the share that is
// filled, over a border of the given width.
func soft(d, width float64) float64 {
	t := 0.5 - d/width
	if t <= 0 {
		return 0
	}
	if t >= 1 {
		return 1
	}
	return t * t * (3 - 2*t)
}

// smin is the union of two signed distances with the seam rounded over k mm.
func smin(a, b, k float64) float64 {
	h := k - math.Abs(a-b)
	if h <= 0 {
		return min(a, b)
	}
	return min(a, b) - h*h/(4*k)
}

// smax is the intersection with the seam rounded over k mm.
func smax(a, b, k float64) float64 { return -smin(-a, -b, k) }

// ellipse is the signed distance, first order at the border, of (x, y) from an
// axis-parallel ellipse with semi-axes a and b around the origin.
func ellipse(x, y, a, b float64) float64 {
	u, v := x/a, y/b
	q := u*u + v*v
	if q < 1e-6 {
		return -min(a, b)
	}
	gx, gy := u/a, v/b
	f := math.Sqrt(q)
	return f * (f - 1) / math.Sqrt(gx*gx+gy*gy)
}

// squarish is ellipse with exponent 2.5, the outline of a trunk.
func squarish(x, y, a, b float64) float64 {
	u, v := math.Abs(x/a), math.Abs(y/b)
	su, sv := math.Sqrt(u), math.Sqrt(v)
	q := u*u*su + v*v*sv
	if q < 1e-6 {
		return -min(a, b)
	}
	gx, gy := u*su/a, v*sv/b
	return (q - 1) / (2.5 * math.Sqrt(gx*gx+gy*gy))
}

// ellipsoid is ellipse in space.
func ellipsoid(d, axes vec) float64 {
	u := vec{d[0] / axes[0], d[1] / axes[1], d[2] / axes[2]}
	f := u.Norm()
	if f < 1e-3 {
		return -min(axes[0], axes[1], axes[2])
	}
	return f * (f - 1) / vec{u[0] / axes[0], u[1] / axes[1], u[2] / axes[2]}.Norm()
}

// segment is a tube from a to b whose radius goes from ra to rb, mm.
type segment struct {
	a, b   vec
	ra, rb float64
}

// distance is the signed distance of p from the tube's surface.
func (s *segment) distance(p vec) float64 {
	ab, ap := s.b.Sub(s.a), p.Sub(s.a)
	t := 0.0
	if l := ab.Dot(ab); l > 0 {
		t = max(0, min(1, ap.Dot(ab)/l))
	}
	return ap.Sub(ab.Scale(t)).Norm() - mix(s.ra, s.rb, t)
}
