package shadow_test

import (
	"fmt"
	"os"

	"github.com/nodulescope/nodulescope/plugin/retrain/shadow"
)

// A candidate scores two nodules of a live result beside what is in use.
func Example() {
	dataDir, err := os.MkdirTemp("", "shadow-example-*")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dataDir) //nolint:errcheck // of this example
	log, err := shadow.Start(dataDir, shadow.Run{
		Candidate: shadow.Named{Version: "20260131-5f0c2a1b", Set: "sha256:b"}, Beside: shadow.Named{Version: "shipped", Set: "sha256:a"}, By: "ann", Nodules: 500, Days: 30,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	value := func(probability float64) shadow.Value {
		return shadow.Value{Raw: probability, Probability: &probability, Flagged: probability > 0.5}
	}
	_, err = log.Add([]shadow.Record{
		{Result: "sha256:1", Finding: 1, Pairs: []shadow.Pair{{Name: "headline", Before: value(0.4), After: value(0.7)}}},
		{Result: "sha256:1", Finding: 2, Pairs: []shadow.Pair{{Name: "headline", Before: value(0.9), After: value(0.8)}}},
	}, [][]float32{nil, nil}, shadow.Counts{Series: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	run, records, err := shadow.Read(dataDir)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range shadow.NewReport(run, records).Scores {
		fmt.Printf("%s: flags agree on %d of %d, %d new, %d gone\n", a.Name, a.Agree.Count, a.Agree.Of, a.New, a.Gone)
	}
	// Output:
	// headline: flags agree on 1 of 2, 1 new, 0 gone
}
