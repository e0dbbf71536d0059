// Package reviewtest makes results for tests of the packages of the review page.
package reviewtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/use"
)

// Result of a name is one on series 1.2.NUMBER of study 1.2, with a nodule for
// each probability. Those above 0.5 are flagged.
func Result(name string, number int, probabilities ...float64) *bus.Result {
	sum := sha256.Sum256([]byte(name))
	result := &bus.Result{
		Identity: "sha256:" + hex.EncodeToString(sum[:]), JobSource: "/test", StudyUID: "1.2", SeriesUID: fmt.Sprint("1.2.", number),
		IntendedUse: use.Statement, Models: []bus.Model{{Name: "vae-ad", Digest: "sha256:aa", Threshold: 0.5}},
	}
	for i, p := range probabilities {
		result.Nodules = append(result.Nodules, bus.ResultNodule{
			JobNodule: bus.JobNodule{ID: fmt.Sprint("n", i+1)},
			Scores:    []bus.NoduleScore{{Model: "vae-ad", Digest: "sha256:aa", Raw: p, Probability: &p, Percentile: 100 * p, Anomalous: p > 0.5}},
		})
	}
	return result
}
