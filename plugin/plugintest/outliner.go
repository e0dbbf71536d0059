package plugintest

import (
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
// what is denser than OutlinerHU: its first layer passes the image on, the
// longest of its skip connections takes it to the end, and all else is 0.
func Network() *models.TrainedUNet {
	u := models.UNet{Channels: [4]int{2, 1, 1, 1}}
	t := &models.TrainedUNet{UNet: u, Header: models.Header{Kind: "unet", Dims: 3, Channels: u.Channels[:], Preprocessing: nodule.WholeVersion}}
	for _, p := range u.NewParams(rand.New(rand.NewPCG(1, 1)), 0.5) {
		if strings.HasSuffix(p.Name, ".weight") || strings.HasSuffix(p.Name, ".bias") {
			clear(p.Data)
		}
		// Of a kernel [out, in, 3, 3, 3], the middle of the first input to the
		// first output.
		const middle, steep = 13, 200
		switch p.Name {
		case "encoder.0.a.weight", "decoder.0.b.weight":
			p.Data[middle] = 1
		case "output.weight":
			p.Data[middle] = steep
		case "output.bias":
			p.Data[0] = -steep * (OutlinerHU - nodule.WindowLow) / (nodule.WindowHigh - nodule.WindowLow)
		}
		t.Params = append(t.Params, p)
		if layer, ok := strings.CutSuffix(p.Name, ".scale"); ok { // its normalisation changes nothing
			one := make([]float32, len(p.Data))
			for i := range one {
				one[i] = 1
			}
			t.Statistics = append(t.Statistics, models.Param{Name: layer + ".mean", Shape: p.Shape, Data: make([]float32, len(p.Data))},
				models.Param{Name: layer + ".variance", Shape: p.Shape, Data: one})
		}
	}
	return t
}

// Outliner outlines what is denser than OutlinerHU, see [Network].
func Outliner(t testing.TB) *outline.Outliner {
	t.Helper()
	o, err := outline.New(Network(), compute.Options{})
	Must(t, err)
	return o
}
