package dicomio_test

import (
	"context"
	"fmt"
	"log"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/exampletest"
)

func ExampleOpenSeries() {
	dir, remove := exampletest.Dir()
	defer remove()
	if err := dicomtest.WriteSeries(dir, dicomtest.Spec{Slices: 10, Skip: []int{4}, Origin: [3]float64{-5, -5, 100}}); err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	series, err := dicomio.OpenSeries(ctx, dir, "", dicomio.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(series.Geometry.Slices, "slices,", series.Geometry.SpacingMM[0], "mm apart")
	for _, w := range series.Warnings {
		fmt.Println("warning:", w.Code, "-", w.Detail)
	}
	fmt.Println("voxel (z 2, y 0, x 10) lies at", series.Geometry.ToLPS([3]float64{2, 0, 10}))

	block, err := series.HU(ctx, 2, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("it measures", block.HU[10], "HU")
	// Output:
	// 9 slices, 2.5 mm apart
	// warning: missing_slices - 1 slice missing in 1 place
	// voxel (z 2, y 0, x 10) lies at [2 -5 105]
	// it measures -290 HU
}

func ExampleOpen() {
	dir, remove := exampletest.Dir()
	defer remove()
	for _, uid := range []string{"1.2.3.1", "1.2.3.2"} {
		if err := dicomtest.WriteSeries(dir+"/"+uid, dicomtest.Spec{SeriesUID: uid}); err != nil {
			log.Fatal(err)
		}
	}

	all, err := dicomio.Open(context.Background(), dir, dicomio.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range all {
		fmt.Println(s.SeriesUID, len(s.Slices))
	}
	_, err = dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{})
	fmt.Println(dicomio.CodeOf(err))
	// Output:
	// 1.2.3.1 4
	// 1.2.3.2 4
	// series_ambiguous
}
