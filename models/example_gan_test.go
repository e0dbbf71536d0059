package models_test

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
)

// squares are pictures of a bright square.
type squares int

func (s squares) Len() int { return int(s) }

func (s squares) Patch(i int, _ *rand.Rand, x, support []float32) {
	for p := range x {
		x[p], support[p] = 0, 1
		if p%28 > 5+i && p%28 < 20 && p/28 > 8 && p/28 < 20 {
			x[p] = 1
		}
	}
}

// A GAN is trained, and a patch searched among what it can make. Two steps make
// neither good.
func ExampleTrainGAN() {
	ctx := context.Background()
	gan, err := models.TrainGAN(ctx, models.GANRun{
		GAN: models.GAN{Dims: 2, Latent: 16}, Train: squares(4),
		Settings: models.GANSettings{Steps: 2, Batch: 4, Seed: 1},
		Progress: func(p models.GANProgress) { fmt.Println("step", p.Step, "of", p.Steps) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	searcher, err := models.NewSearcher(gan, models.SearchSettings{Steps: 10}, compute.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	x, support := make([]float32, 784), make([]float32, 784)
	squares(4).Patch(2, nil, x, support)
	found, err := searcher.Search(ctx, [][]float32{x}, [][]float32{support}, [][32]byte{{1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	f := found[0]
	fmt.Println("values of the curve:", len(f.Curve.Loss))
	fmt.Println("closer than at the start:", f.Loss < float64(f.Curve.Loss[0]))
	// Output:
	// step 1 of 2
	// step 2 of 2
	// values of the curve: 11
	// closer than at the start: true
}
