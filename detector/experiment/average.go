package experiment

import (
	"math/rand/v2"
	"slices"
	"sort"

	"gonum.org/v1/gonum/stat"

	"github.com/nodulescope/nodulescope/detector/stats"
)

// Average is the AUROC of several networks that were trained alike and scored
// on the same cases.
type Average struct {
	Mean float64       `json:"mean"`
	Low  float64       `json:"low"`  // 95 % interval of the mean, over cases and networks
	High float64       `json:"high"` //
	Min  float64       `json:"min"`  // of the networks
	Max  float64       `json:"max"`
	Each []stats.AUROC `json:"each"` // one per network, with DeLong's interval over cases
}

// replicates of the bootstrap.
const replicates = 2000

// average computes the AUROC of every network, its mean, and the percentile
// interval of the mean from a bootstrap that draws networks as well as patients
// with replacement (fixed seed): it covers what another training and what other
// cases would give. Scores are [networks][cases]; a case without a patient
// stands for itself.
func average(scores [][]float64, anomalous []bool, patients []string) (Average, error) {
	var a Average
	order := make([][]int, len(scores)) // cases by score
	for i, s := range scores {
		one, err := stats.DeLong(s, anomalous)
		if err != nil {
			return a, err
		}
		a.Each = append(a.Each, one)
		order[i] = make([]int, len(s))
		for j := range order[i] {
			order[i][j] = j
		}
		sort.SliceStable(order[i], func(x, y int) bool { return s[order[i][x]] < s[order[i][y]] })
	}
	var values []float64
	for _, e := range a.Each {
		values = append(values, e.Value)
	}
	a.Mean, a.Min, a.Max = stat.Mean(values, nil), slices.Min(values), slices.Max(values)

	who, groups := grouped(patients)
	rng := rand.New(rand.NewPCG(2018, uint64(len(scores))))
	drawn, weight, count := make([]float64, groups), make([]float64, len(anomalous)), make([]int, len(scores))
	var means []float64
	for range replicates {
		clear(drawn)
		clear(count)
		for range drawn {
			drawn[rng.IntN(groups)]++
		}
		for i, g := range who {
			weight[i] = drawn[g]
		}
		for range count {
			count[rng.IntN(len(count))]++
		}
		var total float64
		ok := true
		for i, n := range count {
			if n > 0 {
				v, both := weighted(scores[i], order[i], anomalous, weight)
				total, ok = total+float64(n)*v/float64(len(count)), ok && both
			}
		}
		if ok {
			means = append(means, total)
		}
	}
	a.Low, a.High = 0, 1
	if len(means) > 0 {
		slices.Sort(means)
		a.Low, a.High = stat.Quantile(0.025, stat.Empirical, means, nil), stat.Quantile(0.975, stat.Empirical, means, nil)
	}
	return a, nil
}

// grouped numbers the patients of the cases.
func grouped(patients []string) (who []int, groups int) {
	known := map[string]int{}
	who = make([]int, len(patients))
	for i, p := range patients {
		g, ok := known[p]
		if !ok || p == "" {
			g = groups
			known[p] = g
			groups++
		}
		who[i] = g
	}
	return who, groups
}

// weighted is the AUROC with weights, ties counting half; false where a class
// has no weight.
func weighted(scores []float64, order []int, anomalous []bool, weight []float64) (float64, bool) {
	var below, won, pos float64 // normals so far, pairs won, anomalies so far
	for i := 0; i < len(order); {
		j, normal, anomaly := i, 0.0, 0.0
		for ; j < len(order) && scores[order[j]] == scores[order[i]]; j++ {
			if anomalous[order[j]] {
				anomaly += weight[order[j]]
			} else {
				normal += weight[order[j]]
			}
		}
		won += anomaly * (below + normal/2)
		below, pos, i = below+normal, pos+anomaly, j
	}
	if below == 0 || pos == 0 {
		return 0, false
	}
	return won / (below * pos), true
}
