package scoring_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/scoring"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// The journey without a bus.
func ExampleScore() {
	dir, err := os.MkdirTemp("", "score")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	uri, err := series.FileURI(exampleSeries(dir))
	if err != nil {
		fmt.Println(err)
		return
	}
	result, details, err := scoring.Score(context.Background(), scoring.Request{
		Job:       bus.Job{URI: uri, Nodules: []bus.JobNodule{{ID: "n1", DiameterMM: 8}}},
		Detectors: []detector.Detector{exampleDetector()},
	})
	if err != nil {
		fmt.Println(coded.CodeOf(err), err)
		return
	}
	fmt.Println(result.SeriesUID, result.Nodules[0].ID, len(details[0].Scores[0].Reconstruction) == nodule.PatchVoxels)
	fmt.Println(result.IntendedUse)
	// Output:
	// 1.2.3 n1 true
	// For research and for review by a radiologist, never for triage or diagnosis. A score is a deviation from reference nodules, never a probability of cancer.
}

// exampleDetector has weights that were never trained; a program takes
// those in the binary, detector.PretrainedAll, or files, detector.Load.
func exampleDetector() detector.Detector {
	weights := models.ReferenceVAE.NewParams(rand.New(rand.NewPCG(1, 2)))
	d, err := detector.NewVAEAD(
		models.Header{Kind: "vae", Dims: 3, Latent: 64, Preprocessing: nodule.PreprocessingVersion},
		weights, detector.Calibration{Reference: []float64{0.1}})
	if err != nil {
		panic(err)
	}
	return d
}

// exampleSeries writes a CT of 48 mm in every direction around the origin.
func exampleSeries(dir string) string {
	series := filepath.Join(dir, "ct")
	err := dicomtest.WriteSeries(series, dicomtest.Spec{
		SeriesUID: "1.2.3", Slices: 48, Rows: 48, Cols: 48,
		Spacing: [3]float64{1, 1, 1}, Origin: [3]float64{-23.5, -23.5, -23.5},
	})
	if err != nil {
		panic(err)
	}
	return series
}
