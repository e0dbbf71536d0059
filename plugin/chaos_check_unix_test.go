//go:build unix

package plugin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// check compares what was asked with what was answered.
func (c *chaos) check(b *bus.Bus) {
	t, poison := c.t, int(c.poison.Load())
	t.Helper()
	answers := map[string]int{}
	var wrong int
	var times []time.Time
	plugintest.Must(t, b.StoredResults(plugintest.Context(t), "local", func(s bus.StoredResult) error {
		env, r, err := bus.DecodeResult(s.Event)
		if err != nil {
			return err
		}
		answers[r.JobID]++
		times = append(times, env.Time)
		place, there := c.asked.Load(r.JobID)
		if !there || len(r.Nodules) != 1 || r.Nodules[0].ID != r.JobID || !slices.Equal(rawScores(r), c.want[place.(int)]) {
			wrong++
		}
		return nil
	}))
	lost, doubled := 0, 0
	c.asked.Range(func(id, _ any) bool {
		switch n := answers[id.(string)]; {
		case n == 0:
			lost++
		case n > 1:
			doubled++
		}
		return true
	})
	letters, err := b.DeadLetters(plugintest.Context(t), "local", bus.DeadOptions{Limit: 1 << 20})
	plugintest.Must(t, err)
	codes := map[string]int{}
	for _, l := range letters {
		codes[l.Code]++
	}
	slices.SortFunc(times, time.Time.Compare)
	gap := time.Duration(-1) // times of results say nothing where clocks jump
	if c.clock == nil {
		gap = c.tellGaps(times)
	}
	t.Logf("%d jobs in %s, %d of them poison; faults %v: %d lost, %d doubled, %d wrong; longest gap between answers %s; dead letters %v",
		int(c.good.Load())+poison, *chaosTime, poison, c.faults, lost, doubled, wrong, gap.Round(10*time.Millisecond), codes)
	if lost+doubled+wrong > 0 || len(letters) != poison || codes[string(bus.CodeNotJSON)] != poison {
		t.Error("not every job was answered once and right")
	}
}

// tellGaps logs the longest times without an answer, with the faults in and before them,
// and returns the longest.
func (c *chaos) tellGaps(times []time.Time) (longest time.Duration) {
	order := make([]int, max(len(times)-1, 0))
	gap := func(i int) time.Duration { return times[i+1].Sub(times[i]) }
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(gap(j), gap(i)) })
	for _, i := range order[:min(len(order), 4)] {
		var near []string
		for _, f := range c.history {
			if f.end.After(times[i].Add(-2*time.Second)) && f.begin.Before(times[i+1]) {
				near = append(near, fmt.Sprintf("%s from %.1f to %.1f s", f.what, f.begin.Sub(times[i]).Seconds(), f.end.Sub(times[i]).Seconds()))
			}
		}
		c.t.Logf("%.1f s without an answer, from %s on; faults since: %s", gap(i).Seconds(), times[i].Format("15:04:05.0"), strings.Join(near, ", "))
		longest = max(longest, gap(i))
	}
	return longest
}

// chaosJob asks for a nodule at one of several places.
func chaosJob(dir string, place int) bus.Job {
	job := plugintest.Job(dir)
	job.Nodules[0].PositionLPS = [3]float64{float64(place%3) - 1, float64(place/3) - 1, 0}
	return job
}

// chaosModels are what scores in the harness.
func chaosModels(shipped bool) (m scoring.Models, err error) {
	if shipped {
		set, err := store.Open("").Load(store.Shipped)
		return scoring.Models{Detectors: set.Detectors, Outliner: set.Outliner, Rungs: set.Rungs}, err
	}
	d, err := plugintest.NewDetector()
	m.Detectors = append(m.Detectors, plugintest.Instant{Detector: d})
	return m, err
}

// chaosScores are the scores at these places, as they are without faults.
func chaosScores(t *testing.T, dir string) (scores [][]float64) {
	t.Helper()
	m, err := chaosModels(*chaosShipped)
	plugintest.Must(t, err)
	for place := range 9 {
		r, _, err := scoring.Score(t.Context(), scoring.Request{Source: "/chaos", Job: chaosJob(dir, place), Detectors: m.Detectors, Outliner: m.Outliner, Rungs: m.Rungs})
		plugintest.Must(t, err)
		scores = append(scores, rawScores(r))
	}
	return scores
}

// rawScores are those of the first nodule, one a detector.
func rawScores(r bus.Result) (raw []float64) {
	for _, s := range r.Nodules[0].Scores {
		raw = append(raw, s.Raw)
	}
	return raw
}
