package stats

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Comparison is the difference of two AUROCs of the same nodules.
type Comparison struct {
	A          string  `json:"a"`
	B          string  `json:"b"`
	AreaA      float64 `json:"auroc_a"`
	AreaB      float64 `json:"auroc_b"`
	Normals    int     `json:"normals"` // that have both values
	Anomalies  int     `json:"anomalies"`
	Patients   int     `json:"patients"`
	Difference float64 `json:"difference"` // A - B
	SE         float64 `json:"se"`         // DeLong, of the difference
	Low        float64 `json:"low"`        // 95 %, DeLong
	High       float64 `json:"high"`
	Z          float64 `json:"z"`
	P          float64 `json:"p"`        // two-sided
	BootLow    float64 `json:"boot_low"` // 95 %, bootstrap by patient: nodules of a patient are not independent
	BootHigh   float64 `json:"boot_high"`
}

// CompareAUROC tests the difference of the areas of two scores of the same
// nodules after DeLong, DeLong and Clarke-Pearson (1988): the variance of the
// difference takes their correlation into account. Each class needs two
// nodules.
func CompareAUROC(a, b []float64, anomalous []bool, patients []string) (Comparison, error) {
	if err := checkScores(a, anomalous); err != nil {
		return Comparison{}, err
	}
	if err := checkScores(b, anomalous); err != nil {
		return Comparison{}, err
	}
	a10, a01, areaA := placements(a, anomalous)
	b10, b01, areaB := placements(b, anomalous)
	c := Comparison{AreaA: areaA, AreaB: areaB, Normals: len(a01), Anomalies: len(a10), Difference: areaA - areaB, Low: -1, High: 1, BootLow: -1, BootHigh: 1, P: 1}
	if c.Normals < 2 || c.Anomalies < 2 {
		return c, fmt.Errorf("stats: %d normals and %d anomalies: two of each are needed to compare two areas", c.Normals, c.Anomalies)
	}
	// The variance of the difference is that of the differences.
	for i := range a10 {
		a10[i] -= b10[i]
	}
	for i := range a01 {
		a01[i] -= b01[i]
	}
	c.SE = math.Sqrt(variance(a10, c.Difference)/float64(c.Anomalies) + variance(a01, c.Difference)/float64(c.Normals))
	half := distuv.UnitNormal.Quantile(0.975) * c.SE
	c.Low, c.High = math.Max(-1, c.Difference-half), math.Min(1, c.Difference+half)
	if c.SE > 0 {
		c.Z = c.Difference / c.SE
		c.P = 2 * distuv.UnitNormal.Survival(math.Abs(c.Z))
	}
	who := map[string]bool{}
	for i, p := range patients {
		who[PatientName(p, i)] = true
	}
	c.Patients = len(who)
	orderA, orderB := ascending(a), ascending(b)
	low, high, _, ok := bootstrap(patients, compareStream, func(w []float64) float64 {
		return weightedAUROC(orderA, a, anomalous, w) - weightedAUROC(orderB, b, anomalous, w)
	})
	if ok {
		c.BootLow, c.BootHigh = low, high
	}
	return c, nil
}
