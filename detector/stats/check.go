package stats

import (
	"errors"
	"fmt"
	"math"
)

// What scores must be for a statistic of two classes.
var (
	// ErrOneClass says that all cases are normal or all are anomalies.
	ErrOneClass = errors.New("both classes are needed")
	// ErrNotFinite says that a score is not a number or has no end.
	ErrNotFinite = errors.New("not finite")
	// ErrLength says that lists that belong together differ in length.
	ErrLength = errors.New("the lists differ in length")
)

// checkScores refuses scores and labels that no statistic of two classes can be
// made of: ErrLength, ErrNotFinite or ErrOneClass.
func checkScores(scores []float64, anomalous []bool) error {
	if len(scores) != len(anomalous) {
		return fmt.Errorf("stats: %d scores and %d labels: %w", len(scores), len(anomalous), ErrLength)
	}
	pos := 0
	for i, s := range scores {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return fmt.Errorf("stats: score %d is %w", i, ErrNotFinite)
		}
		if anomalous[i] {
			pos++
		}
	}
	if pos == 0 || pos == len(scores) {
		return fmt.Errorf("stats: %d of %d nodules are anomalies: %w", pos, len(scores), ErrOneClass)
	}
	return nil
}
