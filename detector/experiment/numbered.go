package experiment

import (
	"fmt"
	"maps"
	"slices"

	"github.com/nodulescope/nodulescope/detector/evaluation"
	"github.com/nodulescope/nodulescope/nodule"
)

// patientNumbers gives every patient of a data set a number to stand for the
// identifier in files of scores: 1 to n in the order of the identifiers, with
// leading zeros, so that sorting by number is sorting by identifier.
func patientNumbers(ds *nodule.Dataset) map[string]string {
	known := map[string]string{}
	for i := range ds.Samples {
		if p := ds.Samples[i].Patient; p != "" {
			known[p] = ""
		}
	}
	width := len(fmt.Sprint(len(known)))
	for i, p := range slices.Sorted(maps.Keys(known)) {
		known[p] = fmt.Sprintf("%0*d", width, i+1)
	}
	return known
}

// numbered are scores with numbers in place of patients. Who a number is can
// only be told with the data set.
func (l *lungs) numbered(scored []evaluation.Scored) []evaluation.Scored {
	out := slices.Clone(scored)
	for i := range out {
		out[i].Patient = l.numbers[out[i].Patient]
	}
	return out
}
