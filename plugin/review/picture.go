package review

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
)

// view says how an image is answered.
type view struct {
	png          bool
	plane        string
	index, scale int
}

func parseView(format, plane, index, scale string) (v view, err error) {
	v = view{plane: "axial", index: nodule.PatchSize / 2, scale: 8}
	switch format {
	case "", "raw":
	case "png":
		v.png = true
	default:
		return v, answer.Invalid("format is raw or png")
	}
	if plane != "" {
		v.plane = plane
	}
	if !slices.Contains([]string{"axial", "coronal", "sagittal"}, v.plane) {
		return v, answer.Invalid("plane is axial, coronal or sagittal")
	}
	for text, into := range map[string]*int{index: &v.index, scale: &v.scale} {
		if text == "" {
			continue
		}
		if *into, err = strconv.Atoi(text); err != nil {
			return v, answer.Invalid("index and scale are numbers")
		}
	}
	if v.index < 0 || v.index >= nodule.PatchSize || v.scale < 1 || v.scale > 16 {
		return v, answer.Invalid("index is 0 to 27, scale 1 to 16")
	}
	return v, nil
}

func (v view) answer(w http.ResponseWriter, kind string, values []float32) error {
	if len(values) != nodule.PatchVoxels {
		return errors.New("an image of a finding has another size than 28³")
	}
	if !v.png {
		out := make([]byte, 0, 4*len(values))
		for _, x := range values {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(out) // a client that went away
		return nil
	}
	var b bytes.Buffer
	if err := png.Encode(&b, v.draw(kind, values)); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(b.Bytes()) // a client that went away
	return nil
}

// draw makes a plane as a radiologist looks at it: the patient's right on the
// left of axial and coronal planes, the front on the left of sagittal ones, the
// head above.
func (v view) draw(kind string, values []float32) image.Image {
	const n = nodule.PatchSize
	img := image.NewRGBA(image.Rect(0, 0, n*v.scale, n*v.scale))
	for py := range n * v.scale {
		for px := range n * v.scale {
			across, down := px/v.scale, py/v.scale
			z, y, x := v.index, down, across
			switch v.plane {
			case "coronal":
				z, y, x = n-1-down, v.index, across
			case "sagittal":
				z, y, x = n-1-down, across, v.index
			}
			img.SetRGBA(px, py, shade(kind, values[(z*n+y)*n+x]))
		}
	}
	return img
}

// fullResidual is the difference that has the hottest colour: 560 HU.
const fullResidual = 0.4

func shade(kind string, v float32) color.RGBA {
	if v < 0 || v != v {
		return color.RGBA{34, 42, 58, 255} // no data
	}
	if kind == "residual" {
		return heat(min(v/fullResidual, 1))
	}
	g := uint8(math.Round(255 * float64(min(v, 1))))
	return color.RGBA{g, g, g, 255}
}

// heat runs from black over red and yellow to white.
func heat(t float32) color.RGBA {
	channel := func(from float32) uint8 {
		return uint8(math.Round(255 * float64(min(max((t-from)*3, 0), 1))))
	}
	return color.RGBA{channel(0), channel(1.0 / 3), channel(2.0 / 3), 255}
}
