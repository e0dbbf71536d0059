package phantom

import (
	"math"
	"math/rand/v2"
)

// textureSize is the edge of the periodic texture, a power of two.
const textureSize = 32

// texture is smooth noise of zero mean and unit variance at the lattice, with
// a period of textureSize in every axis.
type texture [textureSize * textureSize * textureSize]float32

func newTexture(rng *rand.Rand) *texture {
	var t texture
	for i := range t {
		t[i] = float32(rng.NormFloat64())
	}
	return &t
}

// at interpolates between the lattice, whose constant is 1.
func (t *texture) at(x, y, z float64) float64 {
	const mask = textureSize - 1
	fx, fy, fz := math.Floor(x), math.Floor(y), math.Floor(z)
	x0, y0, z0 := int(fx)&mask, int(fy)&mask, int(fz)&mask
	x1, y1, z1 := (x0+1)&mask, (y0+1)&mask, (z0+1)&mask
	u, v, w := float32(x-fx), float32(y-fy), float32(z-fz)
	row := func(y, z int) float32 {
		i := (z*textureSize + y) * textureSize
		return t[i+x0] + (t[i+x1]-t[i+x0])*u
	}
	a := row(y0, z0)
	a += (row(y1, z0) - a) * v
	b := row(y0, z1)
	b += (row(y1, z1) - b) * v
	return float64(a + (b-a)*w)
}
