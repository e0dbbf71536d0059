package plugin_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/exampletest"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// A host program embeds the plugin with a bus of its own, submits a job and
// follows the results.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir, remove := exampletest.Dir()
	defer remove()

	p, err := plugin.New(plugin.Config{
		DataDir:   filepath.Join(dir, "data"),
		Detectors: []detector.Detector{exampleDetector()},
		Server:    bus.ServerOptions{DontListen: true}, // nobody else needs this bus
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	b, err := p.Bus(ctx) // waits until jobs are taken
	if err != nil {
		fmt.Println(err)
		return
	}

	uri, err := series.FileURI(exampleSeries(dir))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = b.SubmitJob(ctx, p.Site(), "/detector/example", "job-1", bus.Job{
		SeriesUID: "1.2.3", URI: uri,
		Nodules: []bus.JobNodule{
			{ID: "n1", PositionLPS: [3]float64{0, 0, 0}, DiameterMM: 8},
			{ID: "n2", PositionLPS: [3]float64{0, 0, 14}, DiameterMM: 8},
			{ID: "n3", PositionLPS: [3]float64{0, 0, 500}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = b.FollowResults(ctx, p.Site(), bus.FollowOptions{FromStart: true}, func(_ bus.Envelope, r bus.Result) error {
		fmt.Println(r.JobID, "slices:", r.Geometry.Slices, "spacing:", r.Geometry.SpacingMM)
		for _, n := range r.Nodules {
			if n.Error != nil {
				fmt.Println(n.ID, "refused:", n.Error.Code)
				continue
			}
			s := n.Scores[0]
			fmt.Println(n.ID, s.Model, s.Calibration, "scored:", s.Raw > 0, n.Applicability)
		}
		return bus.ErrStop
	})
	if err != nil {
		fmt.Println(err)
	}
	cancel()
	fmt.Println("stopped:", <-ended)
	// Output:
	// job-1 slices: 48 spacing: [1 1 1]
	// n1 vae-ad uncalibrated scored: true []
	// n2 vae-ad uncalibrated scored: true [cube_partly_outside]
	// n3 refused: candidate_outside_scan
	// stopped: <nil>
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
