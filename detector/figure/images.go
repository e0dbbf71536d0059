package figure

import (
	"fmt"
	"image/color"
	"math"

	"github.com/nodulescope/nodulescope/nodule"
)

const digitPixels = size * size

// checkImage refuses an image of another size than wanted, and values that are
// no numbers.
func checkImage(name string, values []float32, wanted ...int) error {
	fits := false
	for _, n := range wanted {
		fits = fits || len(values) == n
	}
	if !fits {
		return fmt.Errorf("%s has %d values, not %v: %w", name, len(values), wanted, ErrShape)
	}
	for i, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("%s, value %d is %v: %w", name, i+1, v, ErrNotFinite)
		}
	}
	return nil
}

// shade is a grey, or the colour of what does not count below 0.
func shade(v float32) color.RGBA {
	if v < 0 {
		return uncounted
	}
	return grey(v)
}

// sliceOf is a tile of a plane through [28,28,28].
func sliceOf(p *plane, colour func(i int) color.RGBA, inside func(i int) bool) cell {
	index := func(v, u int) int {
		z, y, x := p.at(v, u)
		return (z*size+y)*size + x
	}
	c := cell{height: size, width: size, colour: func(v, u int) color.RGBA { return colour(index(v, u)) }}
	if inside != nil {
		c.inside = func(v, u int) bool { return inside(index(v, u)) }
	}
	return c
}

// digit is a tile of an image [28,28].
func digit(colour func(i int) color.RGBA) cell {
	return cell{height: size, width: size, colour: func(v, u int) color.RGBA { return colour(v*size + u) }}
}

// tiles are the ways to show an image: itself in 2D, three planes in 3D.
// Elements outside the support, where one is given, are shown as such.
func tiles(values, support []float32) []cell {
	colour := func(i int) color.RGBA {
		if support != nil && support[i] == 0 {
			return uncounted
		}
		return shade(values[i])
	}
	if len(values) == digitPixels {
		return []cell{digit(colour)}
	}
	cells := make([]cell, len(planes))
	for i := range planes {
		cells[i] = sliceOf(&planes[i], colour, nil)
	}
	return cells
}

// checkImages refuses images of different sizes, and none.
func checkImages(images [][]float32, support []float32) error {
	if len(images) == 0 {
		return ErrEmpty
	}
	for i, v := range images {
		name := fmt.Sprintf("image %d", i+1)
		if err := checkImage(name, v, digitPixels, nodule.PatchVoxels); err != nil {
			return err
		}
		if len(v) != len(images[0]) {
			return fmt.Errorf("%s has %d values, the first %d: %w", name, len(v), len(images[0]), ErrShape)
		}
	}
	if support != nil {
		return checkImage("support", support, len(images[0]))
	}
	return nil
}

// legendOf explains the greys of an image.
func legendOf(values []float32) swatch {
	if len(values) == digitPixels {
		return swatch{"0", "1", grey}
	}
	return greyHU
}
