package evaluation

import (
	"slices"

	"github.com/nodulescope/nodulescope/detector/stats"
)

// Third places the nodules that readers could not decide on (malignancy 3)
// between the classes. They take part in no other figure.
type Third struct {
	Patients      int             `json:"patients"` // of the indeterminate nodules
	Normal        stats.Quartiles `json:"normal"`
	Indeterminate stats.Quartiles `json:"indeterminate"`
	Anomaly       stats.Quartiles `json:"anomaly"`
	OverNormals   stats.AUROC     `json:"indeterminate_over_normals"`
	BelowAnomaly  stats.AUROC     `json:"anomalies_over_indeterminate"`
}

// thirdGroup is nil without indeterminate nodules.
func thirdGroup(normal, indeterminate, anomaly []float64) *Third {
	if len(indeterminate) == 0 || len(normal) == 0 || len(anomaly) == 0 {
		return nil
	}
	t := &Third{Normal: stats.QuartilesOf(normal), Indeterminate: stats.QuartilesOf(indeterminate), Anomaly: stats.QuartilesOf(anomaly)}
	over := func(below, above []float64) stats.AUROC {
		positive := make([]bool, len(below)+len(above))
		for i := range above {
			positive[len(below)+i] = true
		}
		a, _ := stats.DeLong(append(slices.Clone(below), above...), positive) // both are there and finite
		return a
	}
	t.OverNormals, t.BelowAnomaly = over(normal, indeterminate), over(indeterminate, anomaly)
	return t
}
