package evaluation

import "github.com/nodulescope/nodulescope/detector/stats"

// Names of operating points.
const (
	PointYouden      = "youden"         // largest sensitivity + specificity - 1
	PointSensitive   = "sensitivity-95" // sensitivity of 95 %
	PointSensitive90 = "sensitivity-90" // sensitivity of 90 %
	PointReference95 = "reference-95"   // 95th percentile of the reference normals, where uncalibrated
)

// OperatingPoint is what a threshold does that was chosen elsewhere, on the
// calibration patients.
type OperatingPoint struct {
	Name        string           `json:"name"`
	Threshold   *float64         `json:"threshold"` // nil where nodules have thresholds of several folds or seeds
	Sensitivity stats.Proportion `json:"sensitivity"`
	Specificity stats.Proportion `json:"specificity"`
	PPV         stats.Proportion `json:"ppv"` // at the prevalence of this set
	NPV         stats.Proportion `json:"npv"`
	// Undecided are the nodules of malignancy 3 that are flagged.
	Undecided stats.Proportion `json:"flagged_of_indeterminate"`
}

// operate applies the rule score > threshold, each nodule with its own.
func operate(name string, scores, thresholds []float64, anomalous []bool) OperatingPoint {
	var tp, fp, tn, fn int
	one := &thresholds[0]
	for i, s := range scores {
		flagged := s > thresholds[i]
		switch {
		case flagged && anomalous[i]:
			tp++
		case flagged:
			fp++
		case anomalous[i]:
			fn++
		default:
			tn++
		}
		if thresholds[i] != thresholds[0] {
			one = nil
		}
	}
	return OperatingPoint{Name: name, Threshold: one, Sensitivity: stats.Wilson(tp, tp+fn), Specificity: stats.Wilson(tn, tn+fp),
		PPV: stats.Wilson(tp, tp+fp), NPV: stats.Wilson(tn, tn+fn)}
}
