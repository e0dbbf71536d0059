package derived

import (
	"fmt"
	"image"
	"io"

	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/use"
)

// ClassSecondaryCapture is the SOP class of captures.
const ClassSecondaryCapture = "1.2.840.10008.5.1.4.1.1.7"

// maxCaptureSide limits width and height of a capture.
const maxCaptureSide = 4096

// Capture is a picture for viewers that read neither reports nor heat maps:
// Secondary Capture (PS3.3 A.8.1), RGB, 8 bits. All that a reader must know,
// the intended use among it, has to be drawn into it.
type Capture struct {
	Object
	Image image.Image // from 1 x 1 to 4096 x 4096; transparency is put on black
	Named bool        // the picture shows the patient's name or number
}

// SOPInstanceUID is that of the capture.
func (c Capture) SOPInstanceUID() string { return c.sopInstanceUID("capture") }

// SeriesInstanceUID is that of the series which holds all captures of a result.
func (c Capture) SeriesInstanceUID() string { return c.seriesUID("capture") }

// Encode writes the capture as a DICOM file, explicit VR little endian. Errors
// are those of [sr.Report.Encode].
func (c Capture) Encode(w io.Writer) error {
	const op = "write secondary capture"
	if err := c.check(op); err != nil {
		return err
	}
	if c.Image == nil {
		return invalid(op, "there is no picture")
	}
	b := c.Image.Bounds()
	if b.Empty() || b.Dx() > maxCaptureSide || b.Dy() > maxCaptureSide {
		return invalid(op, fmt.Sprintf("the picture has %d x %d pixels, at most %d in both directions are written", b.Dx(), b.Dy(), maxCaptureSide))
	}
	pixels := make([]byte, 0, 3*b.Dx()*b.Dy()+1)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, _ := c.Image.At(x, y).RGBA() // multiplied by alpha
			pixels = append(pixels, byte(r>>8), byte(g>>8), byte(bl>>8))
		}
	}
	var d codec.Dataset
	c.modules(&d, "capture", ClassSecondaryCapture, "OT", 9003, "Nodule scores, pictures, "+use.Label)
	d.AddText(0x00080008, "CS", "DERIVED", "SECONDARY")
	d.AddText(0x00080064, "CS", "WSD") // conversion type: workstation
	d.AddText(0x00180015, "CS", "CHEST")
	d.AddText(0x00200020, "CS") // patient orientation: several planes in one picture
	d.AddUint16(0x00280002, 3)
	d.AddText(0x00280004, "CS", "RGB")
	d.AddUint16(0x00280006, 0)
	d.AddUint16(0x00280010, b.Dy())
	d.AddUint16(0x00280011, b.Dx())
	d.AddUint16(0x00280100, 8)
	d.AddUint16(0x00280101, 8)
	d.AddUint16(0x00280102, 7)
	d.AddUint16(0x00280103, 0)
	named := "NO"
	if c.Named {
		named = "YES"
	}
	d.AddText(0x00280301, "CS", named)
	c.Header.AddLossy(&d)
	d.AddBytes(0x7FE00010, "OB", pixels)
	return sr.Write(w, d, op, ClassSecondaryCapture, c.SOPInstanceUID())
}
