package dataset

import (
	"github.com/nodulescope/nodulescope/detector/stats"
)

// Spread is how what bears on scores is distributed over the nodules.
type Spread struct {
	DiameterMM   map[string]Quartiles `json:"diameter_mm"` // by label
	Manufacturer map[string]int       `json:"manufacturer"`
	Kernel       map[string]int       `json:"kernel"`
	ThicknessMM  map[string]int       `json:"slice_thickness_mm"` // of the headers; of slices where these are silent
	Source       map[string]int       `json:"candidate_source"`
}

// Quartiles of a measurement.
type Quartiles struct {
	Nodules int     `json:"nodules"`
	Q1      float64 `json:"q1"`
	Median  float64 `json:"median"`
	Q3      float64 `json:"q3"`
}

// bands of slice thickness, each up to and with its limit in mm.
var bands = []struct {
	mm   float64
	name string
}{{1, "up to 1"}, {1.5, "over 1, up to 1.5"}, {2.5, "over 1.5, up to 2.5"}, {3, "over 2.5, up to 3"}, {1e9, "over 3"}}

func bandOf(mm float64) string {
	for _, b := range bands {
		if mm <= b.mm+1e-6 {
			return b.name
		}
	}
	return ""
}

// maxKinds bounds the values that are told one by one: headers are free text.
const maxKinds = 40

func spreadOf(s *Set) Spread {
	out := Spread{DiameterMM: map[string]Quartiles{}, Manufacturer: map[string]int{}, Kernel: map[string]int{}, ThicknessMM: map[string]int{}, Source: map[string]int{}}
	diameters := map[string][]float64{}
	for i := range s.rows {
		m, x := &s.rows[i], &s.Samples[i]
		label := string(labelOf(x))
		diameters[label] = append(diameters[label], x.DiameterMM)
		count(out.Manufacturer, m.scan.manufacturer)
		count(out.Kernel, m.scan.kernel)
		count(out.Source, sourceOf(m.result.JobSource))
		mm := m.scan.thicknessMM
		if mm == 0 {
			mm = m.scan.series.Geometry.SpacingMM[0]
		}
		count(out.ThicknessMM, bandOf(mm))
	}
	for label, mm := range diameters {
		q := stats.QuartilesOf(mm)
		out.DiameterMM[label] = Quartiles{q.Nodules, tenth(q.Q1), tenth(q.Median), tenth(q.Q3)}
	}
	return out
}

func tenth(mm float64) float64 { return float64(int(mm*10+0.5)) / 10 }

func count(m map[string]int, value string) {
	if value == "" {
		value = "not told"
	}
	if _, there := m[value]; !there && len(m) >= maxKinds {
		value = "others"
	}
	m[value]++
}
