package sr

import (
	"fmt"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
)

// Distance is one that a reader measured: a line in the group of its nodule, on
// the image that holds both ends (TID 320 of PS3.16), else in space.
type Distance struct {
	LengthMM       float64
	FromLPS, ToLPS dicomio.Vec
	From, To       dicomio.ImagePoint // see dicomio's Series.OnImage; zero where an end is on no image
}

// on says whether one image holds both ends.
func (d Distance) on() bool {
	return d.From.SOPInstanceUID != "" && d.From.SOPInstanceUID == d.To.SOPInstanceUID && d.From.Frame == d.To.Frame
}

// distanceFault says what is wrong with distances, nothing where all is well.
func (r Report) distanceFault(list []Distance) string {
	for i, d := range list {
		switch {
		case !finite(d.LengthMM) || d.LengthMM <= 0 || !finite(d.FromLPS[:]...) || !finite(d.ToLPS[:]...):
			return fmt.Sprintf("has a distance (%d) without a length or an end", i+1)
		case d.on() && (!codec.ValidUID(d.From.SOPClassUID) || !codec.ValidUID(d.From.SOPInstanceUID)):
			return fmt.Sprintf("has a distance (%d) on an image that has no usable UID", i+1)
		case !d.on() && !codec.ValidUID(r.Header.FrameOfReferenceUID):
			return fmt.Sprintf("has a distance (%d) in space, and the header has no usable FrameOfReferenceUID", i+1)
		}
	}
	return ""
}

// distances are numbers of a group (TID 1419), each with its line.
func (r Report) distances(list []Distance) (items []codec.Dataset) {
	for _, d := range list {
		var line codec.Dataset
		if d.on() {
			line = item(inferredFrom, "SCOORD", codeMeasuredAt)
			line.AddFloat32(0x00700022, "FL", []float32{float32(d.From.Column), float32(d.From.Row), float32(d.To.Column), float32(d.To.Row)})
			line.AddText(0x00700023, "CS", "POLYLINE")
			addChildren(&line, []codec.Dataset{imageItem(selectedFrom, d.From)})
		} else {
			line = item(inferredFrom, "SCOORD3D", codeMeasuredAt)
			ends := make([]float32, 0, 6)
			for _, p := range []dicomio.Vec{d.FromLPS, d.ToLPS} {
				ends = append(ends, float32(p[0]), float32(p[1]), float32(p[2]))
			}
			line.AddFloat32(0x00700022, "FL", ends)
			line.AddText(0x00700023, "CS", "POLYLINE")
			line.AddText(0x30060024, "UI", r.Header.FrameOfReferenceUID)
		}
		items = append(items, numberItem(contains, codeLength, round(d.LengthMM, 0.1), codeMM, line))
	}
	return items
}
