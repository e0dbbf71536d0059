package experiment

import "time"

// Progress is told while a run works.
type Progress struct {
	Unit       string        // such as "seed-1" or "fold-2"
	Part       string        // "training" or "scoring"
	Done, All  float64       // of the whole run, in expected seconds of work
	Left       time.Duration // of the whole run; 0 where it is not known yet
	Note       string        // losses, for people
	Step, Last int           // within the part
}

// parts of a unit.
const (
	training = iota
	scoring
	nParts
)

var partNames = [nParts]string{"training", "scoring"}

// work is what a unit is expected to take, in seconds, by part.
type work [nParts]float64

// tracker turns steps into the share of the whole run that is done. What the
// parts are expected to take only weighs them against each other: the time that
// is left follows from what was measured.
type tracker struct {
	tell  func(Progress)
	now   func() time.Time
	plan  map[string]work
	all   work
	done  work // in expected seconds
	spent work // measured seconds for the work below
	paid  work // expected seconds of the work that was measured

	unit  string
	at    work // within the unit
	set   int  // which of the sets of the unit is scored
	sets  int
	last  time.Time
	fresh bool // nothing of the unit was seen yet: what is done already cost nothing now
}

func newTracker(plan map[string]work, now func() time.Time, tell func(Progress)) *tracker {
	t := &tracker{tell: tell, now: now, plan: plan}
	for _, w := range plan {
		for p := range nParts {
			t.all[p] += w[p]
		}
	}
	return t
}

// begin starts a unit.
func (t *tracker) begin(unit string) {
	t.unit, t.at, t.last, t.fresh = unit, work{}, t.now(), true
}

// end closes the unit: whatever it did not report is done.
func (t *tracker) end() {
	w := t.plan[t.unit]
	for p := range nParts {
		t.done[p] += w[p] - t.at[p]
	}
	t.at = work{}
	t.report(scoring, 1, 1, "done")
}

// step says that done of last steps of a part are behind.
func (t *tracker) step(part, done, last int, note string) {
	now := t.now()
	share := float64(done) / float64(max(last, 1))
	if part == scoring && t.sets > 0 {
		share = (float64(t.set) + share) / float64(t.sets)
	}
	target := t.plan[t.unit][part] * share
	gain := target - t.at[part]
	if t.fresh && part == training && done > 1 { // resumed: only the last step was work of now
		t.paid[part] += target / float64(done)
	} else {
		t.paid[part] += gain
	}
	t.spent[part] += now.Sub(t.last).Seconds()
	t.done[part] += gain
	t.at[part], t.last, t.fresh = target, now, false
	t.report(part, done, last, note)
}

func (t *tracker) report(part, step, last int, note string) {
	if t.tell == nil {
		return
	}
	p := Progress{Unit: t.unit, Part: partNames[part], Note: note, Step: step, Last: last}
	var left, ratio, n float64
	for i := range nParts {
		p.Done, p.All = p.Done+t.done[i], p.All+t.all[i]
		if t.paid[i] > 0 {
			ratio, n = ratio+t.spent[i]/t.paid[i], n+1
		}
	}
	for i := range nParts {
		rate := ratio / max(n, 1) // a part that was not seen is as fast as expected, times what the others show
		if t.paid[i] > 0 {
			rate = t.spent[i] / t.paid[i]
		}
		left += rate * (t.all[i] - t.done[i])
	}
	if n > 0 {
		p.Left = time.Duration(left * float64(time.Second))
	}
	t.tell(p)
}
