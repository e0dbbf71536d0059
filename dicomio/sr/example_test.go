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

	candidates, err := sr.Candidates(&file)
	if err != nil {
		log.Fatal(err)
	}
	at, err := candidates[0].Place(series)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, %g mm, on the slice at %.1f %.1f %.1f\n", candidates[0].ID, candidates[0].DiameterMM, at[0], at[1], at[2])
	// Output:
	// stored as 2.25.165047600511524856641320289990632287011
	// n1, 6 mm, on the slice at 4.2 3.5 10.0
}

func ExampleCandidates() {
	_, err := sr.Candidates(bytes.NewReader([]byte("no report")))
	fmt.Println(dicomio.CodeOf(err))
	// Output: file_unreadable
}
