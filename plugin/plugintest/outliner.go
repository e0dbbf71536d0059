package plugintest

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/nodule"
)

// OutlinerHU is the threshold of [Outliner], to within 2 HU.
const OutlinerHU = -300

// Network is a real network whose weights were set by hand, so that it outlines
// what is denser than OutlinerHU. Every layer of the highest resolution passes on
// the image, the mark of the point, so loud that it alone decides by what
// normalisation divides, and 0; the difference of the first and the last is the
// image again. All else is 0.
func Network() *models.TrainedUNet {
	u := models.UNet{Channels: [4]int{3, 1, 1, 1}}
	t := &models.TrainedUNet{UNet: u, Header: models.Header{Kind: "unet", Dims: 3, Channels: u.Channels[:], Preprocessing: nodule.WholeVersion}}
	const (
		loud, steep = 1000, 200
		positive    = 10 // added, so that no activation bends
	)
	// tap sets what the middle of a kernel [out, in, 3, 3, 3] takes from an input
	// to an output.
	tap := func(p models.Param, out, in int, v float32) {
		const taps, middle = 27, 13
		p.Data[(out*p.Shape[1]+in)*taps+middle] = v
	}
	for _, p := range u.NewParams(rand.New(rand.NewPCG(1, 1)), 0.5) {
		if strings.HasSuffix(p.Name, ".weight") || strings.HasSuffix(p.Name, ".bias") {
			clear(p.Data)
		}
		switch p.Name {
		case "encoder.0.a.weight":
			tap(p, 0, 0, 1)
			tap(p, 1, 1, loud)
		case "encoder.0.b.weight", "decoder.0.b.weight":
			for c := range 2 {
				tap(p, c, c, 1)
				tap(p, c, 2, -1)
			}
		case "encoder.0.a.shift", "encoder.0.b.shift", "decoder.0.b.shift":
			for i := range p.Data {
				p.Data[i] = positive
			}
		case "output.weight":
			tap(p, 0, 0, float32(steep*loud*markDeviation()))
			tap(p, 0, 2, -float32(steep*loud*markDeviation()))
		case "output.bias":
			p.Data[0] = -steep * (OutlinerHU - nodule.WindowLow) / (nodule.WindowHigh - nodule.WindowLow)
		}
		t.Params = append(t.Params, p)
	}
	return t
}

// markDeviation is the standard deviation of three channels of which one is the
// mark of the point, a Gaussian of 3 voxels around the middle, and the others are 0.
func markDeviation() float64 {
	const edge, sigma = models.OutlineEdge, 3.0
	var sum, squares float64
	for i := range edge {
		d := float64(i) - (edge-1)/2.0
		v := math.Exp(-d * d / (2 * sigma * sigma))
		sum, squares = sum+v, squares+v*v
	}
	mean := sum * sum * sum / (3 * edge * edge * edge)
	return math.Sqrt(squares*squares*squares/(3*edge*edge*edge) - mean*mean)
}

// Outliner outlines what is denser than OutlinerHU, see [Network].
func Outliner(t testing.TB) *outline.Outliner {
	t.Helper()
	o, err := outline.New(Network(), compute.Options{})
	Must(t, err)
	return o
}
