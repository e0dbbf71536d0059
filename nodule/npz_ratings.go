package nodule

import (
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/internal/npy"
)

// maxRating bounds a rating: readers rate from 1 to 6, 0 is none.
const maxRating = 100

// ratings reads the arrays that are left over and hold a whole number from 0 to
// 100 per nodule. The names of the others are kept: they are not used.
func (a *npz) ratings(ds *Dataset, used ...string) error {
	for _, file := range a.others(used...) {
		name := strings.TrimSuffix(file, ".npy")
		if name == file || !a.isRating(name) {
			ds.unused = append(ds.unused, file)
			continue
		}
		values, within := make([]int, len(ds.Samples)), true
		err := a.number(name, 1, func(i int, v []float64) error {
			within = within && v[0] >= 0 && v[0] <= maxRating
			if within {
				values[i] = int(v[0])
			}
			return nil
		})
		if err != nil {
			return err
		}
		if !within {
			ds.unused = append(ds.unused, file)
			continue
		}
		ds.readers = ds.readers || name == "readers"
		for i := range ds.Samples {
			s := &ds.Samples[i]
			if name == "readers" {
				s.Readers, s.Unrated = values[i], values[i] == 0 && s.Label == Indeterminate
				continue
			}
			if s.Ratings == nil {
				s.Ratings = map[string]int{}
			}
			s.Ratings[name] = values[i]
		}
	}
	return nil
}

// isRating tells whether an array holds one integer per nodule.
func (a *npz) isRating(name string) bool {
	rc, err := a.files[name+".npy"].Open()
	if err != nil {
		return false
	}
	defer rc.Close() //nolint:errcheck // only read
	arr, err := npy.Open(rc)
	return err == nil && len(arr.Shape) == 1 && arr.Shape[0] == a.n && strings.ContainsRune("biu", rune(arr.Kind))
}

// others are the files of the archive but the named arrays, ascending.
func (a *npz) others(used ...string) []string {
	var out []string
	for file := range a.files {
		if !slices.Contains(used, strings.TrimSuffix(file, ".npy")) {
			out = append(out, file)
		}
	}
	slices.Sort(out)
	return out
}
