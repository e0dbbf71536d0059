package figure_test

import (
	"bytes"
	"fmt"
	"image/png"
	"log"

	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/nodule"
)

func Example() {
	cube := &nodule.Cube{HU: make([]float32, nodule.CubeVoxels), Valid: make([]bool, nodule.CubeVoxels)}
	for i := range cube.Valid {
		cube.Valid[i] = true
	}
	panel := figure.Panel{
		Title:          "nodule-1",
		Scan:           figure.Scan(cube),
		Patch:          nodule.Central(cube),
		Reconstruction: make([]float32, nodule.PatchVoxels), // of a detector.Score
	}
	var b bytes.Buffer
	if err := panel.WritePNG(&b); err != nil {
		log.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.Bounds().Size())
	// Output: (892,696)
}
