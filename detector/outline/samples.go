package outline

import (
	"math"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

const (
	edge   = nodule.CubeSize
	voxels = nodule.CubeVoxels
	middle = (edge - 1) / 2.0

	pointSigma = 3.0 // of the mark of the point, voxels
)

// What a training draws, see (samples).Outline. More than this of everything
// outlined nodules of all sizes less well, in as many epochs.
const (
	elsewhere    = 0.16        // share of draws whose point is on no nodule
	onTissue     = 0.75        // of these, on a vessel or the chest wall, where there is one
	tissue       = 0.36        // intensity of such a voxel: more than -500 HU
	clearance    = 9.0         // of such a point from the nodule, at least, voxels
	pointShift   = 2.0         // of a point from the centre of its nodule, at most, voxels
	windowShift  = 4           // of the window, voxels
	zoomed       = 0.15        // share of draws with a change of size and a turn
	zoomLow      = 0.85        // smallest size
	zoomHigh     = 1.3         // largest
	turnMost     = math.Pi / 4 // in the axial plane, on top of quarter turns
	noiseMost    = 0.01        // deviation, share of the window: 14 HU
	offsetMost   = 0.02        // of all intensities: 28 HU
	filtered     = 0.15        // share of draws with another kernel
	filterSharp  = -0.12       // weight of both neighbours along an axis, from sharpening
	filterSmooth = 0.22        // to smoothing
)

// outlined is a cube with its mask.
type outlined struct {
	image []float32 // [32,32,32], as nodule.Whole gives them
	mask  []bool
	fixed bool // its middle is the point, as in use
}

// samples are outlined nodules for training.
type samples []outlined

// often is how many times in an epoch a nodule of largeMM and more is drawn: of
// those there are fewest, and they differ most.
const (
	often   = 3
	largeMM = 10.0
)

// Samples are the nodules of a data set that have a mask, with augmentation: the
// point and the window moved, turned, mirrored, larger and smaller, noisier,
// sharper and smoother. In one of six draws the point is on no nodule, and
// nothing is to be outlined. Nodules of 10 mm and more come three times.
func Samples(all []nodule.Sample) models.OutlineSamples {
	var s samples
	for i := range all {
		mask := all[i].Mask()
		if mask == nil {
			continue
		}
		image, _ := nodule.Whole(all[i].Cube())
		s = append(s, outlined{image: image, mask: mask})
		if all[i].MaskDiameterMM() >= largeMM {
			for range often - 1 {
				s = append(s, outlined{image: image, mask: mask})
			}
		}
	}
	return s
}

// Len implements models.OutlineSamples.
func (s samples) Len() int { return len(s) }

// Outline implements models.OutlineSamples.
func (s samples) Outline(i int, rng *rand.Rand, x, y []float32) {
	image, mask := s[i].image, s[i].mask
	point, on, window := [3]float64{middle, middle, middle}, true, [3]float64{middle, middle, middle}
	if !s[i].fixed {
		point, on = drawPoint(image, mask, rng)
		window = drawWindow(point, on, rng)
	}
	place := drawPlace(point, window, rng)
	place.resample(image, mask, x[:voxels], y)
	if !on {
		clear(y)
	}
	mark(x[voxels:], window)
	disturb(x[:voxels], rng)
}

// drawPoint draws a point of the cube in voxels, and whether it is on the nodule.
func drawPoint(image []float32, mask []bool, rng *rand.Rand) (p [3]float64, on bool) {
	if rng.Float64() < elsewhere {
		solid := rng.Float64() < onTissue
		for try := range 200 {
			at := 0
			for a, stride := range [3]int{edge * edge, edge, 1} {
				p[a] = 1 + rng.Float64()*(edge-3)
				at += int(p[a]+0.5) * stride
			}
			if (!solid || try >= 150 || image[at] > tissue) && clearOf(mask, p) {
				return p, false
			}
		}
	}
	distance, to := pointShift*rng.Float64(), direction(rng)
	for a := range p {
		p[a] = middle + distance*to[a]
	}
	return p, true
}

// clearOf says whether a point is further from the mask than the clearance.
func clearOf(mask []bool, p [3]float64) bool {
	for i, in := range mask {
		if !in {
			continue
		}
		z, y, x := float64(i/(edge*edge))-p[0], float64(i/edge%edge)-p[1], float64(i%edge)-p[2]
		if z*z+y*y+x*x < clearance*clearance {
			return false
		}
	}
	return true
}

// drawWindow draws where the point lies in the volume that the network sees. In
// half of the draws on a nodule it is the middle, as in use. In the others it is
// where it is for points elsewhere: the scan around these is in the data set
// only as far as the cube goes, and neither a border nor the place may tell the
// answer.
func drawWindow(p [3]float64, on bool, rng *rand.Rand) (q [3]float64) {
	centred := on && rng.Float64() < 0.5
	for a := range q {
		r := rng.Float64()*2 - 1
		switch {
		case centred:
			q[a] = middle
		case on:
			q[a] = middle + 1.4*windowShift*r
		default:
			q[a] = p[a] + math.Max(-windowShift, math.Min(windowShift, middle-p[a])) + 2*r
		}
	}
	for a := range q { // within the volume
		q[a] = math.Max(2, math.Min(edge-3, q[a]))
	}
	return q
}

// place maps the window to the cube: cube = point + turn(window - at)/zoom.
type place struct {
	point, at [3]float64
	axes      [3][3]float64
	whole     bool // no interpolation is needed
}

func drawPlace(point, window [3]float64, rng *rand.Rand) place {
	p := place{point: point, at: window}
	zoom, angle := 1.0, float64(rng.IntN(4))*math.Pi/2
	p.whole = rng.Float64() >= zoomed
	z, a := rng.Float64(), rng.Float64()
	if !p.whole {
		zoom = zoomLow * math.Pow(zoomHigh/zoomLow, z)
		angle += turnMost * (2*a - 1)
	}
	flips := rng.IntN(8)
	sign := func(bit int) float64 {
		if flips>>bit&1 == 1 {
			return -1 / zoom
		}
		return 1 / zoom
	}
	sin, cos := math.Sincos(angle)
	if p.whole {
		sin, cos = math.Round(sin), math.Round(cos)
	}
	p.axes = [3][3]float64{{sign(0)}, {0, cos * sign(1), -sin * sign(2)}, {0, sin * sign(1), cos * sign(2)}}
	if p.whole { // window and point a whole number of voxels apart
		for i := range 3 {
			p.point[i] = middle + math.Round(point[i]-middle)
			p.at[i] = middle + math.Round(window[i]-middle)
		}
	}
	return p
}

// resample fills image and target. Beyond the cube its border goes on, as in
// nodule.Whole, and is no nodule.
func (p *place) resample(image []float32, mask []bool, x, y []float32) {
	i := 0
	for z := range edge {
		for j := range edge {
			for k := range edge {
				d := [3]float64{float64(z) - p.at[0], float64(j) - p.at[1], float64(k) - p.at[2]}
				var c [3]float64
				for a := range c {
					c[a] = p.point[a] + p.axes[a][0]*d[0] + p.axes[a][1]*d[1] + p.axes[a][2]*d[2]
				}
				x[i], y[i] = interpolate(image, mask, c)
				i++
			}
		}
	}
}

// interpolate is trilinear.
func interpolate(image []float32, mask []bool, c [3]float64) (value, in float32) {
	var lo [3]int
	var w [3]float32
	inside := true
	for a, v := range c {
		if v < -0.5 || v > edge-0.5 {
			inside = false
		}
		v = math.Max(0, math.Min(edge-1, v))
		lo[a] = min(int(v), edge-2)
		w[a] = float32(v - float64(lo[a]))
	}
	base := (lo[0]*edge+lo[1])*edge + lo[2]
	for corner := range 8 {
		weight, at := float32(1), base
		for a, stride := range [3]int{edge * edge, edge, 1} {
			if corner>>a&1 == 1 {
				weight *= w[a]
				at += stride
			} else {
				weight *= 1 - w[a]
			}
		}
		if weight == 0 {
			continue
		}
		value += weight * image[at]
		if inside && mask[at] {
			in += weight
		}
	}
	return value, in
}

// mark writes the channel that tells the point: a Gaussian around it.
func mark(x []float32, at [3]float64) {
	var along [3][edge]float32
	for a := range along {
		for i := range edge {
			d := float64(i) - at[a]
			along[a][i] = float32(math.Exp(-d * d / (2 * pointSigma * pointSigma)))
		}
	}
	for i := range x {
		x[i] = along[0][i/(edge*edge)] * along[1][i/edge%edge] * along[2][i%edge]
	}
}

// disturb changes intensities as another scanner would: kernel, offset, noise.
func disturb(x []float32, rng *rand.Rand) {
	kernel, width := rng.Float64(), rng.Float64()
	noise, offset := noiseMost*rng.Float64(), offsetMost*(2*rng.Float64()-1)
	if kernel < filtered {
		w := float32(filterSharp + (filterSmooth-filterSharp)*width)
		for _, stride := range [3]int{edge * edge, edge, 1} {
			for start := range x {
				if start/stride%edge == 0 {
					nodule.WeighLine(x, start, edge, stride, w)
				}
			}
		}
	}
	for i, v := range x {
		v += float32(offset + noise*rng.NormFloat64())
		x[i] = max(0, min(1, v))
	}
}
