package retrain

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// Where every tenth decision is wrong, the headline that learns of them ranks the
// patients that were held back, by what they really have, and flags them, as the one of
// right decisions does, or nearly.
func TestLabelNoise(t *testing.T) {
	truth := nodules(200, 1)
	swapped := func(share int) []nodule.Sample {
		wrong, decided := slices.Clone(truth), 0
		for i := range wrong {
			if s := &wrong[i]; s.Label == nodule.Normal || s.Label == nodule.Anomaly {
				if decided++; decided%10 < share {
					s.Malignancy = 6 - s.Malignancy
					s.Label = nodule.LabelOf(s.Malignancy)
				}
			}
		}
		return wrong
	}
	held := load(t, truth).Split.Test
	rank := func(samples []nodule.Sample) (auroc, tells float64) {
		t.Helper()
		o := options(t, load(t, samples))
		set := *o.Incumbent
		set.Detectors = nil // the headline alone learns of decisions
		o.Incumbent = &set
		_, err := plan(t, o).Run(t.Context())
		plugintest.Must(t, err)
		r, err := rungs.Load(filepath.Join(o.Out, rungsFile))
		plugintest.Must(t, err)
		cases, _, err := rungs.Cases(t.Context(), held, rungs.ByNetwork(set.Outliner), nil)
		plugintest.Must(t, err)
		var raw []float64
		var anomalous []bool
		var right, of [2]float64 // of normals and anomalies
		for i := range r.Rungs {
			if r.Rungs[i].Name != rungs.Rated || r.Rungs[i].Diameter {
				continue
			}
			for _, c := range cases {
				s, err := r.Rungs[i].Score(c.Features, 0)
				plugintest.Must(t, err)
				if c.Label == nodule.Normal || c.Label == nodule.Anomaly {
					raw, anomalous = append(raw, s.Raw), append(anomalous, c.Label == nodule.Anomaly)
					k := 0
					if c.Label == nodule.Anomaly {
						k = 1
					}
					if of[k]++; s.Flagged == (k == 1) {
						right[k]++
					}
				}
			}
		}
		area, err := stats.DeLong(raw, anomalous)
		plugintest.Must(t, err)
		return area.Value, (right[0]/of[0] + right[1]/of[1]) / 2
	}
	right, flags := rank(truth)
	noisy, noisyFlags := rank(swapped(1))
	if right < 0.8 || noisy < right-0.05 || noisyFlags < flags-0.1 {
		t.Errorf("one of ten wrong: AUROC %.3f in place of %.3f, mean of sensitivity and specificity %.3f in place of %.3f", noisy, right, noisyFlags, flags)
	}
	// It does learn of them: from labels that say nothing it learns nothing.
	if nothing, _ := rank(swapped(5)); nothing > right-0.05 {
		t.Errorf("half of them wrong: AUROC %.3f in place of %.3f", nothing, right)
	}
}
