package web_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"path/filepath"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/internal/exampletest"
)

// Read four slices in the middle of a series in a PACS. The one of this example
// holds a small series of a test.
func Example() {
	pacs := httptest.NewServer(exampleArchive())
	defer pacs.Close()
	ctx := context.Background()

	client, err := web.New(web.Options{URL: pacs.URL + "/dicom-web"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	series, err := client.Open(ctx, "1.2.826.0.1.3680043.10.9.1", "1.2.826.0.1.3680043.10.9.1.2", dicomio.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	block, err := series.HU(ctx, 3, 4) // four images are fetched
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d slices, spacing %g mm; %d voxels, the first of %g HU\n",
		len(series.Slices), series.Geometry.SpacingMM[0], len(block.HU), block.HU[0])
	// Output: 10 slices, spacing 2.5 mm; 1024 voxels, the first of -200 HU
}

func exampleArchive() *archive {
	dir, remove := exampletest.Dir()
	defer remove()
	if err := dicomtest.WriteSeries(filepath.Join(dir, "ct"), dicomtest.Spec{Slices: 10}); err != nil {
		panic(err)
	}
	local, err := dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{})
	if err != nil {
		panic(err)
	}
	a := &archive{files: map[string][]byte{}}
	for z, s := range local.Slices {
		if a.files[s.SOPInstanceUID], err = local.File(context.Background(), z); err != nil {
			panic(err)
		}
		a.order = append(a.order, s.SOPInstanceUID)
	}
	return a
}
