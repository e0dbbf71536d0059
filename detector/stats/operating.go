package stats

import (
	"fmt"
	"math"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// Youden returns the threshold with the largest sensitivity + specificity - 1
// for the rule score > threshold, halfway between two scores.
func Youden(scores []float64, anomalous []bool) (float64, error) {
	if err := checkScores(scores, anomalous); err != nil {
		return 0, err
	}
	var pos, neg float64
	for _, a := range anomalous {
		if a {
			pos++
		} else {
			neg++
		}
	}
	order := ascending(scores)
	best, at := math.Inf(-1), 0.0
	sens, fpr := 1.0, 1.0
	for k, i := range order {
		if anomalous[i] {
			sens -= 1 / pos
		} else {
			fpr -= 1 / neg
		}
		if k+1 < len(order) && scores[order[k+1]] > scores[i] && sens-fpr > best {
			best, at = sens-fpr, (scores[i]+scores[order[k+1]])/2
		}
	}
	return at, nil
}

// AtSensitivity returns the largest threshold with at least that sensitivity
// (0..1, such as 0.95) for the rule score > threshold, halfway between two
// scores.
func AtSensitivity(scores []float64, anomalous []bool, sensitivity float64) (float64, error) {
	if err := checkScores(scores, anomalous); err != nil {
		return 0, err
	}
	if !(sensitivity > 0 && sensitivity <= 1) {
		return 0, fmt.Errorf("stats: a sensitivity of %g is not within 0 to 1", sensitivity)
	}
	var pos []float64
	for i, s := range scores {
		if anomalous[i] {
			pos = append(pos, s)
		}
	}
	sort.Float64s(pos)
	lowest := pos[int((1-sensitivity)*float64(len(pos))+1e-9)] // of those that must be flagged
	below := math.Inf(-1)
	for _, s := range scores {
		if s < lowest {
			below = math.Max(below, s)
		}
	}
	if math.IsInf(below, -1) {
		return math.Nextafter(lowest, below), nil
	}
	return below + (lowest-below)/2, nil
}

// Proportion is a share of a count with its 95 % interval after Wilson (1927).
type Proportion struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Count int     `json:"count"`
	Of    int     `json:"of"`
}

// Wilson returns count/of with the score interval: the shares that a test at
// 5 % would not reject. Of 0 it is 0, and the interval spans everything.
func Wilson(count, of int) Proportion {
	p := Proportion{High: 1, Count: count, Of: of}
	if of == 0 {
		return p
	}
	z, n := distuv.UnitNormal.Quantile(0.975), float64(of)
	p.Value = float64(count) / n
	mid := (p.Value + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p.Value*(1-p.Value)/n+z*z/(4*n*n))
	p.Low, p.High = math.Max(0, mid-half), math.Min(1, mid+half)
	return p
}

// Operating is what a threshold does to labelled scores.
type Operating struct {
	Sensitivity Proportion `json:"sensitivity"` // of the anomalies, those that lie above it
	Specificity Proportion `json:"specificity"` // of the normals, those that do not
}

// Operate counts, with Wilson's intervals.
func Operate(scores []float64, anomalous []bool, threshold float64) Operating {
	var hit, right, anomalies int
	for i, s := range scores {
		switch {
		case anomalous[i]:
			if anomalies++; s > threshold {
				hit++
			}
		case !(s > threshold):
			right++
		}
	}
	return Operating{Wilson(hit, anomalies), Wilson(right, len(scores)-anomalies)}
}
