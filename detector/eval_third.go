package detector

import "slices"

// Quartiles of the values of a group, interpolated linearly.
type Quartiles struct {
	Nodules int     `json:"nodules"`
	Q1      float64 `json:"q1"`
	Median  float64 `json:"median"`
	Q3      float64 `json:"q3"`
}

// QuartilesOf a group of finite values; zero where it is empty.
func QuartilesOf(values []float64) Quartiles {
	if len(values) == 0 {
		return Quartiles{}
	}
	v := slices.Sorted(slices.Values(values))
	at := func(q float64) float64 {
		x := q * float64(len(v)-1)
		i := min(int(x), len(v)-1)
		if i+1 == len(v) {
			return v[i]
		}
		return v[i] + (x-float64(i))*(v[i+1]-v[i])
	}
	return Quartiles{Nodules: len(v), Q1: at(0.25), Median: at(0.5), Q3: at(0.75)}
}

// Third places the nodules that readers could not decide on (malignancy 3)
// between the classes. They take part in no other figure.
type Third struct {
	Patients      int       `json:"patients"` // of the indeterminate nodules
	Normal        Quartiles `json:"normal"`
	Indeterminate Quartiles `json:"indeterminate"`
	Anomaly       Quartiles `json:"anomaly"`
	OverNormals   AUROC     `json:"indeterminate_over_normals"`
	BelowAnomaly  AUROC     `json:"anomalies_over_indeterminate"`
}

// thirdGroup is nil without indeterminate nodules.
func thirdGroup(normal, indeterminate, anomaly []float64) *Third {
	if len(indeterminate) == 0 || len(normal) == 0 || len(anomaly) == 0 {
		return nil
	}
	t := &Third{Normal: QuartilesOf(normal), Indeterminate: QuartilesOf(indeterminate), Anomaly: QuartilesOf(anomaly)}
	over := func(below, above []float64) AUROC {
		positive := make([]bool, len(below)+len(above))
		for i := range above {
			positive[len(below)+i] = true
		}
		a, _ := DeLong(append(slices.Clone(below), above...), positive) // both are there and finite
		return a
	}
	t.OverNormals, t.BelowAnomaly = over(normal, indeterminate), over(indeterminate, anomaly)
	return t
}
