package stats

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
