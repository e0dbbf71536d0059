package detector

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// MatchMM is how much the diameters of a size-matched pair may differ.
const MatchMM = 1.5

// replicates of the bootstrap by patient.
const replicates = 1000

// SizeMatched is the AUROC over those pairs of a normal and an anomaly whose
// diameters differ by at most MatchMM: what a score knows beyond size. The
// interval is that of a bootstrap by patient with a fixed seed. Normals and
// Anomalies count the nodules in at least one pair; both are 0, and the
// interval spans everything, where there is no pair.
func SizeMatched(scores []float64, anomalous []bool, diameterMM []float64, patients []string) AUROC {
	var pos, neg []int
	for i, a := range anomalous {
		switch {
		case diameterMM[i] <= 0:
		case a:
			pos = append(pos, i)
		default:
			neg = append(neg, i)
		}
	}
	type pair struct {
		pos, neg int
		win      float64
	}
	var pairs []pair
	used := map[int]bool{}
	a := AUROC{High: 1}
	for _, p := range pos {
		for _, n := range neg {
			if math.Abs(diameterMM[p]-diameterMM[n]) > MatchMM {
				continue
			}
			win := 0.0
			switch {
			case scores[p] > scores[n]:
				win = 1
			case scores[p] == scores[n]:
				win = 0.5
			}
			pairs = append(pairs, pair{p, n, win})
			for _, i := range []int{p, n} {
				if used[i] {
					continue
				}
				used[i] = true
				if anomalous[i] {
					a.Anomalies++
				} else {
					a.Normals++
				}
			}
			a.Value += win
		}
	}
	if len(pairs) == 0 {
		return a
	}
	a.Value /= float64(len(pairs))
	names := slices.Clone(patients)
	slices.Sort(names)
	names = slices.Compact(names)
	index := map[string]int{}
	for i, n := range names {
		index[n] = i
	}
	rng := rand.New(rand.NewPCG(2018, uint64(len(pairs))))
	var values []float64
	weight := make([]float64, len(names))
	for range replicates {
		clear(weight)
		for range names {
			weight[rng.IntN(len(names))]++
		}
		var won, all float64
		for _, p := range pairs {
			w := weight[index[patients[p.pos]]] * weight[index[patients[p.neg]]]
			won += w * p.win
			all += w
		}
		if all > 0 {
			values = append(values, won/all)
		}
	}
	slices.Sort(values)
	a.SE = stat.StdDev(values, nil)
	a.Low, a.High = stat.Quantile(0.025, stat.Empirical, values, nil), stat.Quantile(0.975, stat.Empirical, values, nil)
	return a
}
