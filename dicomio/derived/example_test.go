package derived_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"log"
	"os"
	"time"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/derived"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/sr"
)

// header is what sr.HeaderOf reads from a series.
var header = sr.Header{StudyUID: "1.2.3", SeriesUID: "1.2.3.1", FrameOfReferenceUID: "1.2.3.2"}

// A series is outlined, and its report refers to the outline.
func ExampleNewSegmentation() {
	dir, err := os.MkdirTemp("", "series")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := dicomtest.WriteSeries(dir, dicomtest.Spec{Slices: 10}); err != nil {
		log.Fatal(err)
	}
	series, err := dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{})
	if err != nil {
		log.Fatal(err)
	}
	own, err := sr.HeaderOf(context.Background(), series)
	if err != nil {
		log.Fatal(err)
	}
	object := derived.Object{Identity: "sha256:5c60f1", Time: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC), Header: own}
	outliner := sr.Algorithm{Name: "outliner", Version: "1.0"}
	nodule := derived.Outline{
		ID: "n1", OriginLPS: dicomio.Vec{3, 3, 8}, SpacingMM: [3]float64{1, 1, 1}, Size: [3]int{5, 4, 3}, Mask: make([]bool, 60),
	}
	for i := range nodule.Mask {
		nodule.Mask[i] = true // all of its box
	}
	outlines, err := derived.NewSegmentation(object, series, outliner, []derived.Outline{nodule})
	if err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if err := outlines.Encode(&file); err != nil {
		log.Fatal(err)
	}

	segment, ok := outlines.Segment("n1")
	if !ok {
		log.Fatal("it holds no pixel of the series: its report goes without an outline")
	}
	n := sr.Nodule{ID: "n1", PositionLPS: dicomio.Vec{4, 4.5, 10}, Outline: &sr.Outline{
		Segment: segment, Algorithm: outliner,
		Measurements: []sr.Measurement{{
			Name:  sr.Code{Value: "118565006", Scheme: "SCT", Meaning: "Volume"},
			Value: 60, Unit: sr.Code{Value: "mm3", Scheme: "UCUM", Meaning: "cubic millimeter"},
		}},
	}}
	n.Image, _ = series.OnImage(n.PositionLPS)
	report := sr.Report{Identity: object.Identity, Outlines: true, Time: object.Time, Header: own, Nodules: []sr.Nodule{n}}
	fmt.Println("segment", segment.Number, "report written:", report.Encode(&file) == nil)
	// Output:
	// segment 1 report written: true
}

func ExampleHeatMap_Encode() {
	patch := derived.HeatPatch{ID: "n1", CentreLPS: dicomio.Vec{4.2, 3.5, 11}, Edge: 3, Values: make([]float32, 27)}
	patch.Values[13] = 0.5 // the voxel in the middle
	m := derived.HeatMap{
		Object:  derived.Object{Identity: "sha256:5c60f1", Time: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC), Header: header},
		Patches: []derived.HeatPatch{patch},
	}
	var file bytes.Buffer
	if err := m.Encode(&file); err != nil {
		log.Fatal(err)
	}
	fmt.Println("stored as", m.SOPInstanceUID())
	// Output:
	// stored as 2.25.159948674208447801865520496500058617541
}

func ExampleCapture_Encode() {
	c := derived.Capture{
		Object: derived.Object{Identity: "sha256:5c60f1", Time: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC), Header: header},
		Image:  image.NewRGBA(image.Rect(0, 0, 8192, 8192)),
	}
	err := c.Encode(&bytes.Buffer{})
	fmt.Println(dicomio.CodeOf(err))
	// Output: report_invalid
}
