package dataset_test

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/exampletest"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/retrain/dataset"
)

// From a result and a decision on it to a file that detectors learn from.
func Example() {
	dir, remove := exampletest.Dir()
	defer remove()
	spec := plugintest.CT()
	spec.Edit = func(_ int, set dicomtest.Elements) { set.Set(0x00100020, "LO", "PATIENT-1") }
	if err := dicomtest.WriteSeries(filepath.Join(dir, "ct"), spec); err != nil {
		fmt.Println(err)
		return
	}
	key, _, err := dataset.LoadKey(filepath.Join(dir, "site.key"))
	if err != nil {
		fmt.Println(err)
		return
	}
	in := dataset.Input{
		Results: []bus.Result{{Identity: "sha256:1", SeriesUID: plugintest.SeriesUID, Nodules: []bus.ResultNodule{{JobNodule: bus.JobNodule{ID: "n1"}}}}},
		Reviews: []bus.Review{{Identity: "sha256:1", NoduleID: "n1", Decision: "accept", Reviewer: "ann", Version: 1}},
		Folders: []string{filepath.Join(dir, "ct")},
	}
	plan, err := dataset.NewPlan(context.Background(), in, dataset.Options{Key: key})
	if err != nil {
		fmt.Println(err)
		return
	}
	set, err := plan.Build(context.Background())
	if err == nil {
		err = set.Save(filepath.Join(dir, "site.npz"))
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	ds, err := nodule.LoadNPZ(filepath.Join(dir, "site.npz"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(ds.Samples), ds.Samples[0].Label, ds.Samples[0].Patient != "PATIENT-1")
	// Output: 1 anomaly true
}
