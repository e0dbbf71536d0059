package stats

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// ROC is the empirical ROC curve of a score, larger for more anomalous: from
// (0, 0) to (1, 1), one point for each distinct score. The area below its
// straight lines is the AUROC with ties counted half.
func ROC(scores []float64, anomalous []bool) (fpr, tpr []float64, err error) {
	if err := checkScores(scores, anomalous); err != nil {
		return nil, nil, fmt.Errorf("stats: ROC: %w", err)
	}
	s, a, _ := byScore(scores, anomalous)
	tpr, fpr, _ = stat.ROC(nil, s, a, nil)
	return fpr, tpr, nil
}

// byScore are scores and labels by rising score, and where each was.
func byScore(scores []float64, anomalous []bool) (s []float64, a []bool, order []int) {
	order = ascending(scores)
	for _, i := range order {
		s, a = append(s, scores[i]), append(a, anomalous[i])
	}
	return s, a, order
}

// PrecisionRecall is the precision at each distinct score, against the recall,
// from the highest score down. It begins at recall 0 with the precision of the
// highest score. Recall and precision do not follow straight lines between
// points (Davis and Goadrich, 2006): the curve goes in steps.
func PrecisionRecall(scores []float64, anomalous []bool) (recall, precision []float64, err error) {
	if err := checkScores(scores, anomalous); err != nil {
		return nil, nil, fmt.Errorf("stats: precision and recall: %w", err)
	}
	s, a, _ := byScore(scores, anomalous)
	var all, tp, flagged int
	for _, anomaly := range a {
		if anomaly {
			all++
		}
	}
	before := 0.0
	for k := len(s) - 1; k >= 0; k-- {
		flagged++
		if a[k] {
			tp++
		}
		if k == 0 || s[k-1] < s[k] {
			p, r := float64(tp)/float64(flagged), float64(tp)/float64(all)
			recall, precision = append(recall, before, r), append(precision, p, p)
			before = r
		}
	}
	return recall, precision, nil
}

// rocGrid is at how many values of 1 - specificity a band is given.
const rocGrid = 101

// ROCBand is a pointwise 95 % band of the sensitivity at 101 values of
// 1 - specificity, by bootstrap over patients: the 2.5th and 97.5th percentiles
// of the curves. Draws without one of the classes are left out. The same seed
// gives the same band.
func ROCBand(scores []float64, anomalous []bool, patients []string, draws int, seed uint64) (fpr, low, high []float64, err error) {
	if err := checkScores(scores, anomalous); err != nil {
		return nil, nil, nil, fmt.Errorf("stats: ROC band: %w", err)
	}
	if len(patients) != len(scores) || draws < 2 {
		return nil, nil, nil, fmt.Errorf("stats: ROC band: %d patients for %d scores, %d draws: %w", len(patients), len(scores), draws, ErrLength)
	}
	s, a, order := byScore(scores, anomalous)
	sorted := make([]float64, len(s)) // weights by rising score
	curves := make([][]float64, rocGrid)
	resample(patients, seed, rocStream, draws, func(w []float64, _ *rand.Rand) {
		var class [2]float64
		for k, i := range order {
			sorted[k] = w[i]
			if a[k] {
				class[1] += w[i]
			} else {
				class[0] += w[i]
			}
		}
		if class[0] == 0 || class[1] == 0 {
			return
		}
		y, x, _ := stat.ROC(nil, s, a, sorted)
		for k := range curves {
			curves[k] = append(curves[k], upper(x, y, float64(k)/(rocGrid-1)))
		}
	})
	if len(curves[0]) == 0 {
		return nil, nil, nil, fmt.Errorf("stats: ROC band: no draw of the patients has both classes: %w", ErrOneClass)
	}
	for k, c := range curves {
		slices.Sort(c)
		fpr, low, high = append(fpr, float64(k)/(rocGrid-1)), append(low, quantile(c, 0.025)), append(high, quantile(c, 0.975))
	}
	return fpr, low, high, nil
}

// upper is the height of a rising curve at x, its upper end where it is
// upright.
func upper(xs, ys []float64, x float64) float64 {
	for i := len(xs) - 1; i >= 0; i-- {
		if xs[i] > x {
			continue
		}
		if i+1 == len(xs) || xs[i] == x {
			return ys[i]
		}
		t := (x - xs[i]) / (xs[i+1] - xs[i])
		return ys[i] + t*(ys[i+1]-ys[i])
	}
	return 0
}
