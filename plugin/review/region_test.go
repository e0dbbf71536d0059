package review

import (
	"encoding/binary"
	"image"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// A window of slices has the pixels that the slices have there.
func TestWindowPixels(t *testing.T) {
	dir := t.TempDir()
	checktest.Must(t, dicomtest.WriteSeries(dir, dicomtest.Spec{}))
	all, err := dicomio.Open(t.Context(), dir, dicomio.Options{})
	checktest.Must(t, err)
	series := all[0]
	g := series.Geometry
	window := image.Rect(3, 5, 10, g.Rows)
	got, err := windowPixels(t.Context(), series, 1, 2, window)
	checktest.Must(t, err)
	if len(got) != 2*window.Dx()*window.Dy() {
		t.Fatalf("%d pixels", len(got))
	}
	for z := range 2 {
		pixels, err := framePixels(t.Context(), series, 1+z)
		checktest.Must(t, err)
		for r := range window.Dy() {
			for c := range window.Dx() {
				want := int16(binary.LittleEndian.Uint16(pixels[2*((r+5)*g.Cols+c+3):]))
				if v := got[(z*window.Dy()+r)*window.Dx()+c]; v != want {
					t.Fatalf("slice %d, row %d, column %d: %d, not %d", 1+z, r+5, c+3, v, want)
				}
			}
		}
	}
}
