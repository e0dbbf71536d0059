package phantom

import (
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/nodule"
)

// Kernel names how a scan is reconstructed.
type Kernel string

// Kernels of a reconstruction.
const (
	Standard Kernel = "" // of soft tissue and lung
	Soft     Kernel = "soft"
	Sharp    Kernel = "sharp" // of lung, with overshoot at borders
)

// reconstruction is what a kernel does.
type reconstruction struct {
	name       string  // in the files
	blur       float32 // weight of both neighbours along rows and columns; below 0 sharpens
	noise      float32 // weight of the neighbours in noise, see neighbour
	usualNoise float64 // HU
}

var kernels = map[Kernel]reconstruction{
	Standard: {"STANDARD", 0, neighbour, DefaultNoiseHU},
	Soft:     {"SOFT", 0.15, 0.6, 11},
	Sharp:    {"LUNG", -0.12, -0.1, 50},
}

func (k Kernel) known() bool {
	_, ok := kernels[k]
	return ok
}

// apply weighs every pixel with its neighbours along rows, then columns.
func (k reconstruction) apply(hu []float32, rows, cols int) {
	if k.blur == 0 {
		return
	}
	for y := range rows {
		nodule.WeighLine(hu, y*cols, cols, 1, k.blur)
	}
	for x := range cols {
		nodule.WeighLine(hu, x, rows, cols, k.blur)
	}
}

// neighbour is the weight of the pixels beside, in a kernel [w 1 w] that is
// applied along rows and columns. With 0.3 neighbouring pixels correlate at
// 0.51 and the next at 0.08, near what a standard body kernel shows at 0.7 to
// 0.8 mm.
const neighbour = 0.3

// addNoise adds Gaussian noise of the given standard deviation, correlated
// by w, the weight of neighbours, to an image of rows x cols.
func addNoise(hu []float32, rows, cols int, sigma float64, w float32, rng *rand.Rand) {
	gain := float32(sigma / (1 + 2*float64(w)*float64(w)))
	width := cols + 2
	var lines [3][]float32 // blurred along the row: above, here, below
	raw := make([]float32, width)
	next := func(dst []float32) {
		for i := range raw {
			raw[i] = float32(rng.NormFloat64())
		}
		for x := range dst {
			dst[x] = raw[x+1] + w*(raw[x]+raw[x+2])
		}
	}
	for i := range lines {
		lines[i] = make([]float32, cols)
	}
	next(lines[1])
	next(lines[2])
	for y := range rows {
		lines[0], lines[1], lines[2] = lines[1], lines[2], lines[0]
		next(lines[2])
		for x := range cols {
			hu[y*cols+x] += gain * (lines[1][x] + w*(lines[0][x]+lines[2][x]))
		}
	}
}
