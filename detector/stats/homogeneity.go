package stats

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// TwoSamples is the distance of Kolmogorov and Smirnov of two samples, sorted and not
// empty, and the probability of one as large where both are of one distribution. That is
// the one of large samples (Smirnov 1948, doi:10.1214/aoms/1177730256), with the correction
// of Stephens (1970, doi:10.1111/j.2517-6161.1970.tb00821.x) for small ones.
func TwoSamples(a, b []float64) (distance, p float64) {
	distance = min(1, stat.KolmogorovSmirnov(a, nil, b, nil)) // it may be above by rounding
	n := math.Sqrt(float64(len(a)) * float64(len(b)) / float64(len(a)+len(b)))
	lambda := (n + 0.12 + 0.11/n) * distance
	if lambda < 0.2 {
		return distance, 1
	}
	for k := 1; k <= 100; k++ {
		sign := 2.0
		if k%2 == 0 {
			sign = -2
		}
		p += sign * math.Exp(-2*float64(k*k)*lambda*lambda)
	}
	return distance, min(1, max(0, p))
}

// Shares compares how often names occur in two lists, neither of them empty: by the
// population stability index, of shares with half a count added to each, and the
// probability of the chi-squared test of homogeneity. Names that are expected less than
// five times in one of both are taken together.
func Shares(a, b []string) (index, p float64) {
	counts := map[string]*[2]float64{}
	for side, all := range [2][]string{a, b} {
		for _, name := range all {
			if counts[name] == nil {
				counts[name] = &[2]float64{}
			}
			counts[name][side]++
		}
	}
	n := [2]float64{float64(len(a)), float64(len(b))}
	total := n[0] + n[1]
	var rare [2]float64
	var cells [][2]float64
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		k := counts[name]
		if (k[0]+k[1])*min(n[0], n[1])/total < 5 {
			rare[0], rare[1] = rare[0]+k[0], rare[1]+k[1]
			continue
		}
		cells = append(cells, *k)
	}
	if rare[0]+rare[1] > 0 {
		cells = append(cells, rare)
	}
	chi, half := 0.0, 0.5*float64(len(cells))
	for _, k := range cells {
		for side := range k {
			expected := (k[0] + k[1]) * n[side] / total
			chi += (k[side] - expected) * (k[side] - expected) / expected
		}
		before, after := (k[0]+0.5)/(n[0]+half), (k[1]+0.5)/(n[1]+half)
		index += (after - before) * math.Log(after/before)
	}
	if len(cells) < 2 {
		return index, 1
	}
	return index, distuv.ChiSquared{K: float64(len(cells) - 1)}.Survival(chi)
}

// Holm corrects probabilities of several tests, in their order, so that the chance that
// any of them is small for nothing is that of one (Holm 1979).
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	out, most := make([]float64, len(p)), 0.0
	for rank, i := range order {
		most = max(most, min(1, p[i]*float64(len(p)-rank)))
		out[i] = most
	}
	return out
}
