package nodule

import (
	"cmp"
	"fmt"
	"slices"
)

// clusterMarks joins the marks that different readers made of one nodule. Pairs
// are joined nearest first, and never so that a nodule has two marks of one
// reader.
func clusterMarks(marks []*mark) [][]*mark {
	type pair struct {
		i, j int
		d    float64
	}
	var pairs []pair
	for i, a := range marks {
		for j := i + 1; j < len(marks); j++ {
			if marks[j].reader == a.reader {
				continue
			}
			if d, ok := a.same(marks[j]); ok {
				pairs = append(pairs, pair{i, j, d})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(a.d, b.d) })

	clusters := make([][]*mark, len(marks)) // by the index of their first mark
	of := make([]int, len(marks))
	for i, m := range marks {
		clusters[i], of[i] = []*mark{m}, i
	}
	for _, p := range pairs {
		a, b := of[p.i], of[p.j]
		if a == b || shareReader(clusters[a], clusters[b]) {
			continue
		}
		clusters[a] = append(clusters[a], clusters[b]...)
		clusters[b] = nil
		for i := range of {
			if of[i] == b {
				of[i] = a
			}
		}
	}
	return slices.DeleteFunc(clusters, func(c []*mark) bool { return c == nil })
}

func shareReader(a, b []*mark) bool {
	for _, m := range a {
		for _, n := range b {
			if m.reader == n.reader {
				return true
			}
		}
	}
	return false
}

// candidatesOf averages each cluster and orders the result.
func candidatesOf(clusters [][]*mark) []Candidate {
	type counted struct {
		Candidate
		readers int
	}
	all := make([]counted, len(clusters))
	for i, c := range clusters {
		n, volume := float64(len(c)), 0.0
		for _, m := range c {
			for axis, v := range m.centre {
				all[i].PositionLPS[axis] += v / n
			}
			volume += m.volume / n
		}
		all[i].DiameterMM, all[i].readers = sphereDiameter(volume), len(c)
	}
	slices.SortStableFunc(all, func(a, b counted) int {
		return cmp.Or(cmp.Compare(b.readers, a.readers),
			cmp.Compare(a.PositionLPS[2], b.PositionLPS[2]),
			cmp.Compare(a.PositionLPS[1], b.PositionLPS[1]),
			cmp.Compare(a.PositionLPS[0], b.PositionLPS[0]))
	})
	cs := make([]Candidate, len(all))
	for i, c := range all {
		cs[i] = c.Candidate
		cs[i].ID = fmt.Sprintf("lidc-%d", i+1)
	}
	return cs
}
