package stats

import (
	"cmp"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Ranks are 1-based ranks; equal values share the mean of theirs.
func Ranks(x []float64) []float64 {
	order := ascending(x)
	ranks := make([]float64, len(x))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && x[order[j]] == x[order[i]] {
			j++
		}
		for k := i; k < j; k++ {
			ranks[order[k]] = float64(i+j+1) / 2
		}
		i = j
	}
	return ranks
}

// Spearman is the correlation of the ranks of two lists, -1 to 1.
func Spearman(x, y []float64) float64 { return stat.Correlation(Ranks(x), Ranks(y), nil) }

// ascending are the indices of x by rising value; equal ones in order.
func ascending(x []float64) []int {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	return order
}

// weightedAUROC is the area of nodules that count w times each; ties count
// half. order is ascending(scores). NaN where a class has no weight.
func weightedAUROC(order []int, scores []float64, anomalous []bool, w []float64) float64 {
	var below, won, all float64 // weight of the normals passed, of pairs won, of the anomalies
	for i := 0; i < len(order); {
		var pos, neg float64
		j := i
		for ; j < len(order) && scores[order[j]] == scores[order[i]]; j++ {
			if k := order[j]; anomalous[k] {
				pos += w[k]
			} else {
				neg += w[k]
			}
		}
		won += pos * (below + neg/2)
		below, all, i = below+neg, all+pos, j
	}
	return won / (all * below)
}
