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

// A score with its area, its curve, and the probability that it stands for.
func ExampleDeLong() {
	scores := []float64{0.2, 0.3, 0.5, 0.4, 0.45, 0.7, 0.8, 0.9}
	anomalous := []bool{false, false, false, false, true, true, true, true}
	area, err := stats.DeLong(scores, anomalous)
	if err != nil {
		fmt.Println(err)
		return
	}
	fpr, tpr, err := stats.ROC(scores, anomalous)
	if err != nil {
		fmt.Println(err)
		return
	}
	l, err := stats.FitLogistic(scores, anomalous)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(area)
	fmt.Println(fpr[4], tpr[4])
	fmt.Printf("%.2f %.2f\n", l.Probability(0.3), l.Probability(0.7))
	// Output:
	// 0.938 [0.438, 0.997]
	// 0.25 0.75
	// 0.04 0.96
}
