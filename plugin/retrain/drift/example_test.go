package drift_test

import (
	"fmt"
	"time"

	"github.com/nodulescope/nodulescope/plugin/retrain/drift"
)

// A site has a new kernel since the training.
func Example() {
	now := time.Date(2026, 3, 30, 12, 0, 0, 0, time.UTC)
	series := func(n int, kernel string) (records []drift.Record) {
		for i := range n {
			records = append(records, drift.Record{
				Day: "2026-03-20", Version: "20260131-5f0c2a1b", Names: map[string]string{drift.Kernel: kernel}, Numbers: map[string]float64{drift.Diameter: 5 + float64(i%6)},
			})
		}
		return records
	}
	r := drift.NewReport(now, "20260131-5f0c2a1b", &drift.Reference{Schema: 1, Records: series(60, "B31f")}, series(30, "B70f"))
	for _, c := range r.Values {
		fmt.Printf("%s: %d series beside %d, moved %t\n", c.Name, c.Window, c.Reference, c.Alarm)
	}
	// Output:
	// kernel: 30 series beside 60, moved true
	// diameter, mm: 30 series beside 60, moved false
}
