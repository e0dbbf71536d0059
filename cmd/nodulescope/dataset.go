package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/nodule"
)

// datasetFlags choose what of a data set counts.
type datasetFlags struct {
	minReaders int
}

func (d *datasetFlags) register(f *pflag.FlagSet) {
	f.IntVar(&d.minReaders, "min-readers", 0, "leave out nodules that fewer than `N` readers rated; 0: none")
	refuseNegative(f, "min-readers")
}

// load reads a data set, from a second file its masks where one is named, and
// what a user of figures of it must know.
func (d datasetFlags) load(path, masks string) (*nodule.Dataset, []string, error) {
	ds, err := nodule.LoadNPZ(path)
	if err == nil && masks != "" {
		err = ds.LoadMasks(masks)
	}
	if err != nil {
		return nil, nil, err
	}
	notes := ds.Notes()
	chosen, err := ds.MinReaders(d.minReaders)
	if err != nil {
		return nil, nil, err
	}
	if d.minReaders > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d nodules were rated by %d readers or more; the others are left out.",
			len(chosen.Samples), len(ds.Samples), d.minReaders))
	}
	return chosen, notes, nil
}

// again is what makes another command choose the same.
func (d datasetFlags) again() string {
	if d.minReaders == 0 {
		return ""
	}
	return fmt.Sprintf(" --min-readers %d", d.minReaders)
}
