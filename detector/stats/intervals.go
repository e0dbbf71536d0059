package stats

import (
	"fmt"
)

// String is the value with its interval, such as "0.620 [0.550, 0.690]".
func (a AUROC) String() string { return interval(a.Value, a.Low, a.High) }

// String is the value with its interval.
func (a AveragePrecision) String() string { return interval(a.Value, a.Low, a.High) }

// String is the share with its interval and counts.
func (p Proportion) String() string {
	if p.Of == 0 {
		return "none"
	}
	return fmt.Sprintf("%.2f [%.2f, %.2f] %d/%d", p.Value, p.Low, p.High, p.Count, p.Of)
}

func interval(v, low, high float64) string { return fmt.Sprintf("%.3f [%.3f, %.3f]", v, low, high) }
