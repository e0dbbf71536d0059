package models_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
)

// A patch is scored with L = 10 samples of the posterior. The weights here are
// random; those of the product come from a checkpoint.
func ExampleScorer() {
	vae := models.ReferenceVAE
	weights := vae.NewParams(rand.New(rand.NewPCG(1, 2)))
	scorer, err := models.NewScorer(vae, weights, 10, compute.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	x, support := make([]float32, vae.Voxels()), make([]float32, vae.Voxels())
	for i := 9000; i < 12000; i++ {
		x[i], support[i] = 0.5, 1
	}
	bound := scorer.Score(x, support, [32]byte{})
	fmt.Println("voxels of the reconstruction:", len(bound.Mean))
	fmt.Println("bound is finite:", bound.Recon > 0 && bound.KL > 0)
	// Output:
	// voxels of the reconstruction: 21952
	// bound is finite: true
}
