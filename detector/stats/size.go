package stats

import (
	"math"

	"gonum.org/v1/gonum/stat"
)

// SizeRegressed is the AUROC of what a score says beyond a straight line in the
// logarithm of diameter: score = a + b*ln(diameter) is fitted on the normals by
// least squares, and the residuals of all nodules are ranked. The interval is
// that of a bootstrap by patient that fits anew each time. Nodules of unknown
// diameter (0) are left out; Normals is 0, and the interval spans everything,
// where fewer than three normals or no anomaly are left, or all normals have
// one size.
func SizeRegressed(scores []float64, anomalous []bool, diameterMM []float64, patients []string) AUROC {
	var y, x []float64
	var positive []bool
	var who []string
	a := AUROC{High: 1}
	for i, d := range diameterMM {
		if !(d > 0) {
			continue
		}
		y, x, positive, who = append(y, scores[i]), append(x, math.Log(d)), append(positive, anomalous[i]), append(who, PatientName(patients[i], i))
		if anomalous[i] {
			a.Anomalies++
		} else {
			a.Normals++
		}
	}
	ones := make([]float64, len(y))
	for i := range ones {
		ones[i] = 1
	}
	residuals := make([]float64, len(y))
	area := func(w []float64) float64 {
		if !residualsOfNormals(residuals, x, y, positive, w) {
			return math.NaN()
		}
		return weightedAUROC(ascending(residuals), residuals, positive, w)
	}
	if a.Normals < 3 || a.Anomalies == 0 {
		return AUROC{High: 1}
	}
	if a.Value = area(ones); math.IsNaN(a.Value) {
		return AUROC{High: 1}
	}
	if low, high, se, ok := bootstrap(who, regressSizeStream, area); ok {
		a.Low, a.High, a.SE = low, high, se
	}
	return a
}

// residualsOfNormals fits y = a + b*x on the normals by weight and sets what is
// left of every nodule. It is false where the normals leave b open.
func residualsOfNormals(residuals, x, y []float64, anomalous []bool, w []float64) bool {
	var n, sx, sy float64
	for i, v := range w {
		if !anomalous[i] {
			n, sx, sy = n+v, sx+v*x[i], sy+v*y[i]
		}
	}
	mx, my := sx/n, sy/n
	var sxx, sxy float64
	for i, v := range w {
		if !anomalous[i] {
			sxx, sxy = sxx+v*(x[i]-mx)*(x[i]-mx), sxy+v*(x[i]-mx)*(y[i]-my)
		}
	}
	if !(sxx > 1e-12*n) {
		return false
	}
	tiny := 1e-9 * stat.StdDev(y, nil) // rounding of a score that is nothing but size
	for i := range residuals {
		residuals[i] = y[i] - my - sxy/sxx*(x[i]-mx)
		if math.Abs(residuals[i]) <= tiny {
			residuals[i] = 0
		}
	}
	return true
}

// Band is the AUROC among nodules of some sizes.
type Band struct {
	Name      string `json:"band"` // such as "6-10 mm"
	Normals   int    `json:"normals"`
	Anomalies int    `json:"anomalies"`
	Patients  int    `json:"patients"`
	Area      *AUROC `json:"overall"` // nil where a class is missing
}

// bandNames and bandOf divide diameters: 10 and 20 mm belong to "10-20 mm".
var bandNames = [...]string{"<6 mm", "6-10 mm", "10-20 mm", ">20 mm"}

func bandOf(diameterMM float64) int {
	switch {
	case diameterMM < 6:
		return 0
	case diameterMM < 10:
		return 1
	case diameterMM <= 20:
		return 2
	}
	return 3
}

// SizeBands is the AUROC per band of diameter; nil where no diameter is known.
func SizeBands(scores []float64, anomalous []bool, diameterMM []float64, patients []string) []Band {
	var in [len(bandNames)][]int
	known := false
	for i, d := range diameterMM {
		if d > 0 {
			known = true
			in[bandOf(d)] = append(in[bandOf(d)], i)
		}
	}
	if !known {
		return nil
	}
	bands := make([]Band, len(bandNames))
	for b, members := range in {
		bands[b].Name = bandNames[b]
		s, y, who := make([]float64, len(members)), make([]bool, len(members)), map[string]bool{}
		for k, i := range members {
			s[k], y[k] = scores[i], anomalous[i]
			who[PatientName(patients[i], i)] = true
			if y[k] {
				bands[b].Anomalies++
			} else {
				bands[b].Normals++
			}
		}
		bands[b].Patients = len(who)
		if a, err := DeLong(s, y); err == nil {
			bands[b].Area = &a
		}
	}
	return bands
}
