package phantom_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/exampletest"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/phantom"
)

// A phantom stands in for a series that was read from disk.
func ExampleGenerate() {
	spec := phantom.Small(1)
	spec.Nodules = []phantom.Nodule{
		{ID: "a", Kind: phantom.Solid, PositionLPS: dicomio.Vec{75, 12, 0}, DiameterMM: 14},
	}
	p, err := phantom.Generate(spec)
	if err != nil {
		log.Fatal(err)
	}
	cutter, err := nodule.NewCutter(p.Geometry(), p, nodule.CutOptions{})
	if err != nil {
		log.Fatal(err)
	}
	cube, err := cutter.Cut(context.Background(), p.Candidates()[0])
	if err != nil {
		log.Fatal(err)
	}
	centre := (15*nodule.CubeSize+15)*nodule.CubeSize + 15
	fmt.Println("denser than lung:", cube.HU[centre] > -200)
	fmt.Println("outside the scan:", cube.PaddingPct, "%")
	// Output:
	// denser than lung: true
	// outside the scan: 0 %
}

// A series on disk, with the truth beside it.
func ExamplePhantom_WriteDICOM() {
	dir, remove := exampletest.Dir()
	defer remove()
	p, err := phantom.Generate(phantom.Small(1))
	if err != nil {
		log.Fatal(err)
	}
	if err := p.WriteDICOM(context.Background(), dir, nil); err != nil {
		log.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(files), "files, the last is", files[len(files)-1].Name())
	// Output: 49 files, the last is truth.json
}
