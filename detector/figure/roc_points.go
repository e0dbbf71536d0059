package figure

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// ROCPoints is the empirical ROC curve of a score, larger for more anomalous:
// from (0, 0) to (1, 1), one point for each distinct score. The area below its
// straight lines is the AUROC with ties counted half.
func ROCPoints(scores []float64, anomalous []bool) (fpr, tpr []float64, err error) {
	steps, pos, neg, err := sweep(scores, anomalous)
	if err != nil {
		return nil, nil, fmt.Errorf("figure: ROC: %w", err)
	}
	if pos == 0 || neg == 0 {
		return nil, nil, fmt.Errorf("figure: ROC: %d anomalies and %d normals, both classes are needed: %w", pos, neg, ErrEmpty)
	}
	fpr, tpr = []float64{0}, []float64{0}
	for _, s := range steps {
		fpr, tpr = append(fpr, float64(s.fp)/float64(neg)), append(tpr, float64(s.tp)/float64(pos))
	}
	return fpr, tpr, nil
}

// PRPoints is the precision at each distinct score, against the recall, from
// the highest score down. It begins at recall 0 with the precision of the
// highest score. Recall and precision do not follow straight lines between
// points (Davis and Goadrich, 2006); the curve is drawn as steps.
func PRPoints(scores []float64, anomalous []bool) (recall, precision []float64, err error) {
	steps, pos, _, err := sweep(scores, anomalous)
	if err != nil {
		return nil, nil, fmt.Errorf("figure: precision-recall: %w", err)
	}
	if pos == 0 {
		return nil, nil, fmt.Errorf("figure: precision-recall: no anomalies: %w", ErrEmpty)
	}
	before := 0.0
	for _, s := range steps {
		p, r := float64(s.tp)/float64(s.tp+s.fp), float64(s.tp)/float64(pos)
		recall, precision = append(recall, before, r), append(precision, p, p)
		before = r
	}
	return recall, precision, nil
}

// step counts those at or above a score.
type step struct{ tp, fp int }

// sweep goes down through the distinct scores.
func sweep(scores []float64, anomalous []bool) (steps []step, pos, neg int, err error) {
	if len(scores) != len(anomalous) {
		return nil, 0, 0, fmt.Errorf("%d scores and %d labels: %w", len(scores), len(anomalous), ErrShape)
	}
	if err := finite("scores", scores); err != nil {
		return nil, 0, 0, err
	}
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case scores[a] > scores[b]:
			return -1
		case scores[a] < scores[b]:
			return 1
		}
		return a - b
	})
	for k, i := range order {
		if anomalous[i] {
			pos++
		} else {
			neg++
		}
		if k+1 == len(order) || scores[order[k+1]] < scores[i] {
			steps = append(steps, step{pos, neg})
		}
	}
	return steps, pos, neg, nil
}

// ROCBand is a pointwise 95 % band of the sensitivity at 101 values of
// 1 - specificity, by bootstrap: patients are drawn with replacement, all of a
// patient's nodules together, and the 2.5th and 97.5th percentiles of the
// curves are taken. Draws without one of the classes are drawn again. The same
// seed gives the same band.
func ROCBand(scores []float64, anomalous []bool, patients []string, draws int, seed uint64) (fpr, low, high []float64, err error) {
	if _, _, err := ROCPoints(scores, anomalous); err != nil {
		return nil, nil, nil, err
	}
	if len(patients) != len(scores) || draws < 2 {
		return nil, nil, nil, fmt.Errorf("figure: ROC band: %d patients for %d scores, %d draws: %w", len(patients), len(scores), draws, ErrShape)
	}
	nodules := map[string][]int{}
	var names []string
	for i, p := range patients {
		if nodules[p] == nil {
			names = append(names, p)
		}
		nodules[p] = append(nodules[p], i)
	}
	const grid = 101
	rng := rand.New(rand.NewPCG(seed, 0x524f43)) // a stream of its own
	curves := make([][]float64, grid)
	for done, tries := 0, 0; done < draws; tries++ {
		if tries > 100*draws {
			return nil, nil, nil, fmt.Errorf("figure: ROC band: hardly a draw of %d patients has both classes: %w", len(names), ErrEmpty)
		}
		var s []float64
		var a []bool
		for range names {
			for _, i := range nodules[names[rng.IntN(len(names))]] {
				s, a = append(s, scores[i]), append(a, anomalous[i])
			}
		}
		x, y, err := ROCPoints(s, a)
		if err != nil {
			continue
		}
		for k := range curves {
			curves[k] = append(curves[k], upper(x, y, float64(k)/(grid-1)))
		}
		done++
	}
	for k, c := range curves {
		slices.Sort(c)
		fpr = append(fpr, float64(k)/(grid-1))
		low = append(low, quantile(c, 0.025))
		high = append(high, quantile(c, 0.975))
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
