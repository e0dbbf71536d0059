package detector_test

import (
	"context"
	"fmt"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
)

// The detector in the binary scores the central patch of a cube. Here that is
// a ball of soft tissue in lung.
func ExamplePretrained() {
	d, err := detector.Pretrained()
	if err != nil {
		fmt.Println(err)
		return
	}
	cube := &nodule.Cube{HU: make([]float32, nodule.CubeVoxels), Valid: make([]bool, nodule.CubeVoxels)}
	for i := range cube.HU {
		z, y, x := float64(i/1024)-15.5, float64(i/32%32)-15.5, float64(i%32)-15.5
		cube.HU[i], cube.Valid[i] = -850, true
		if z*z+y*y+x*x < 16 {
			cube.HU[i] = 30
		}
	}
	scores, err := d.Score(context.Background(), []nodule.Patch{nodule.Central(cube)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Name(), scores[0].Calibration, "flagged:", scores[0].Anomalous)
	// Output: vae-ad natural-prevalence flagged: false
}

// Every detector in the binary scores the same patch; a percentile is among the
// reference normals of its own detector, so that they can be compared.
func ExamplePretrainedAll() {
	detectors, err := detector.PretrainedAll()
	if err != nil {
		fmt.Println(err)
		return
	}
	cube := &nodule.Cube{HU: make([]float32, nodule.CubeVoxels), Valid: make([]bool, nodule.CubeVoxels)}
	for i := range cube.HU {
		cube.HU[i], cube.Valid[i] = -850, true
	}
	for _, d := range detectors {
		scores, err := d.Score(context.Background(), []nodule.Patch{nodule.Central(cube)})
		if err != nil {
			fmt.Println(err)
			return
		}
		if s := scores[0]; s.Percentile < 0 || s.Percentile > 100 || len(s.Terms) == 0 {
			fmt.Println(d.Name(), "gave", s)
		}
	}
	fmt.Println("first:", detectors[0].Name())
	// Output: first: vae-ad
}
