package stats_test

import (
	"fmt"
	"strings"

	"github.com/nodulescope/nodulescope/detector/stats"
)

// The difference of two scores of the same nodules, and whether chance explains
// it.
func ExampleCompareAUROC() {
	anomalous := []bool{false, false, false, false, true, true, true, true}
	patients := strings.Split("abcdefgh", "")
	c, err := stats.CompareAUROC([]float64{1, 2, 5, 3, 4, 2, 6, 7}, []float64{1, 2, 3, 4, 3, 5, 6, 7}, anomalous, patients)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%+.3f [%+.3f, %+.3f], p = %.2f\n", c.Difference, c.Low, c.High, c.P)
	// Output: -0.125 [-0.499, +0.249], p = 0.51
}
