package evaluation_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/evaluation"
	"github.com/nodulescope/nodulescope/nodule"
)

// A score that grows with the nodule is set beside a baseline. Each line is a
// nodule; ReadCSV reads such lines from a file of scores.
func ExampleTabulate() {
	var scored []evaluation.Scored
	for i, diameter := range []float64{4, 5, 6, 7, 9, 8, 11, 13, 16, 21} {
		label := nodule.Normal
		if i >= 5 {
			label = nodule.Anomaly
		}
		scored = append(scored, evaluation.Scored{
			Patient: fmt.Sprint("P", i), Label: label, DiameterMM: diameter,
			Values: []detector.Term{{Name: "my-score", Value: diameter + float64(i%3)}, {Name: evaluation.RowDiameter, Value: diameter}},
		})
	}
	e, err := evaluation.Tabulate(context.Background(), scored, evaluation.TableOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d nodules, prevalence %.2f\n", e.Counts.Nodules, e.Counts.Prevalence)
	for _, r := range e.Rows {
		fmt.Printf("%s: AUROC %s\n", r.Name, r.Overall)
	}
	// Output:
	// 10 nodules, prevalence 0.50
	// my-score: AUROC 0.980 [0.743, 0.999]
	// diameter only: AUROC 0.960 [0.572, 0.998]
}

// Scores of two nodules go into a file and come back.
func ExampleReadCSV() {
	scored := []evaluation.Scored{
		{Patient: "P1", Nodule: "1", Label: nodule.Normal, Values: []detector.Term{{Name: "my-score", Value: 0.25}}},
		{Patient: "P2", Nodule: "1", Label: nodule.Anomaly, Values: []detector.Term{{Name: "my-score", Value: 0.75}}},
	}
	var file strings.Builder
	if err := evaluation.WriteCSV(&file, scored); err != nil {
		fmt.Println(err)
		return
	}
	again, err := evaluation.ReadCSV(strings.NewReader(file.String()))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range again {
		fmt.Println(s.Patient, s.Label, s.Value("my-score"))
	}
	// Output:
	// P1 normal 0.25
	// P2 anomaly 0.75
}
