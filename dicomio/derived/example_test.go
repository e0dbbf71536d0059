package derived_test

import (
	"bytes"
	"fmt"
	"image"
	"log"
	"time"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/derived"
	"github.com/nodulescope/nodulescope/dicomio/sr"
)

// header is what sr.HeaderOf reads from a series.
var header = sr.Header{StudyUID: "1.2.3", SeriesUID: "1.2.3.1", FrameOfReferenceUID: "1.2.3.2"}

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
