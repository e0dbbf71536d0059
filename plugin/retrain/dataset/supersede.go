package dataset

import (
	"maps"
	"slices"

	"github.com/nodulescope/nodulescope/bus"
)

// replaced names the result that took the place of another one.
type replaced map[string]string

func replacements(results map[string]*bus.Result) replaced {
	by := replaced{}
	for _, id := range slices.Sorted(maps.Keys(results)) {
		if old := results[id].Supersedes; old != "" && old != id {
			by[old] = id
		}
	}
	return by
}

// newest is the result at the end of the chain that starts at id. Results that
// replace each other in a circle replace nothing.
func (r replaced) newest(id string) string {
	at := id
	for range len(r) + 1 {
		next, there := r[at]
		if !there {
			return at
		}
		at = next
	}
	return id
}

// sameNodule tells whether an id names the same nodule in a result and in the one
// that took its place: detectors may number anew.
func sameNodule(old, now *bus.Result, id string) bool {
	a, b := noduleOf(old, id), noduleOf(now, id)
	if a == nil || b == nil || old.SeriesUID != now.SeriesUID {
		return false
	}
	return (&candidate{row: row{nodule: a}}).same(&candidate{row: row{nodule: b}})
}

// noduleOf is the nodule of an id, nil where the result has none.
func noduleOf(r *bus.Result, id string) *bus.ResultNodule {
	if i := slices.IndexFunc(r.Nodules, func(n bus.ResultNodule) bool { return n.ID == id }); i >= 0 {
		return &r.Nodules[i]
	}
	return nil
}
