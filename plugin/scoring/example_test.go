package scoring_test

import (
	"context"
	"fmt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/exampletest"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/scoring"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// The journey without a bus.
func ExampleScore() {
	dir, remove := exampletest.Dir()
	defer remove()
	if err := dicomtest.WriteSeries(dir, plugintest.CT()); err != nil {
		fmt.Println(err)
		return
	}
	uri, err := series.FileURI(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	vae, err := plugintest.NewDetector() // a program takes detector.PretrainedAll or detector.Load
	if err != nil {
		fmt.Println(err)
		return
	}
	result, details, err := scoring.Score(context.Background(), scoring.Request{
		Job:       bus.Job{URI: uri, Nodules: []bus.JobNodule{{ID: "n1", DiameterMM: 8}}},
		Detectors: []detector.Detector{vae},
	})
	if err != nil {
		fmt.Println(coded.CodeOf(err), err)
		return
	}
	fmt.Println(result.SeriesUID, result.Nodules[0].ID, len(details[0].Scores[0].Reconstruction) == nodule.PatchVoxels)
	fmt.Println(result.IntendedUse)
	// Output:
	// 1.2.826.0.1.3680043.10.9.1.2 n1 true
	// For research and for review by a radiologist, never for triage or diagnosis. A score is a deviation from reference nodules, never a probability of cancer.
}
