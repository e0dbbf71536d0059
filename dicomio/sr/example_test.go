package sr_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/sr"
)

func openSeries() (s *dicomio.Series, done func()) {
	dir, err := os.MkdirTemp("", "series")
	if err != nil {
		log.Fatal(err)
	}
	if err := dicomtest.WriteSeries(dir, dicomtest.Spec{Slices: 10}); err != nil {
		log.Fatal(err)
	}
	if s, err = dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{}); err != nil {
		log.Fatal(err)
	}
	return s, func() { os.RemoveAll(dir) }
}

func ExampleReport_Encode() {
	series, done := openSeries()
	defer done()
	header, err := sr.HeaderOf(context.Background(), series)
	if err != nil {
		log.Fatal(err)
	}
	nodule := sr.Nodule{ID: "n1", PositionLPS: dicomio.Vec{4.2, 3.5, 11}, DiameterMM: 6}
	nodule.Image, _ = series.OnImage(nodule.PositionLPS)
	deviation := 12.5
	nodule.Scores = []sr.Score{{
		Algorithm:    sr.Algorithm{Name: "vae-ad", Version: "1.0"},
		DeviationPct: &deviation, Percentile: 62, Raw: 0.009, Threshold: 0.011,
	}}
	report := sr.Report{
		Identity: "sha256:5c60f1", Time: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC),
		Header: header, Nodules: []sr.Nodule{nodule},
	}
	var file bytes.Buffer
	if err := report.Encode(&file); err != nil {
		log.Fatal(err)
	}
	fmt.Println("stored as", report.SOPInstanceUID())

	document, err := sr.Read(&file)
	if err != nil {
		log.Fatal(err)
	}
	document.Root.Walk(func(item *sr.Item) bool {
		if item.Name.Same(sr.ConceptTrackingIdentifier) {
			fmt.Println(item.Text)
		}
		return true
	})
	// Output:
	// stored as 2.25.165047600511524856641320289990632287011
	// n1
}

func ExampleRead() {
	_, err := sr.Read(bytes.NewReader([]byte("no report")))
	fmt.Println(dicomio.CodeOf(err))
	// Output: file_unreadable
}
