package retrain

import (
	"fmt"
	"math"
	"time"
)

// Progress is told while a retraining works.
type Progress struct {
	Part       string        // such as "vae-ad, rate 0.0005"
	Step, Last int           // within the part
	Note       string        // losses
	Share      float64       // of all work, 0..1
	Left       time.Duration // of all work; 0: not known yet
}

// Work is a part of a retraining.
type Work struct {
	Name    string  `json:"name"`
	About   string  `json:"about"`
	Units   int     `json:"units"`   // epochs, steps or nodules
	Unit    string  `json:"unit"`    // what these are
	Seconds float64 `json:"seconds"` // that it is expected to take
}

// Time that the part is expected to take.
func (w *Work) Time() time.Duration { return time.Duration(w.Seconds * float64(time.Second)) }

// tracker turns steps into the share of all work, and the time that is left. What
// the parts are expected to take weighs them against each other; how fast they go
// follows from what was measured since the start.
type tracker struct {
	tell        func(Progress)
	now         func() time.Time
	work        []Work
	at          int
	behind, all float64 // expected seconds: of the parts behind, of all
	within      float64 // of this part
	paid, spent float64 // expected seconds of what was measured, and measured ones
	last        time.Time
	seen        bool // something of this part was reported
}

func newTracker(work []Work, now func() time.Time, tell func(Progress)) *tracker {
	t := &tracker{tell: tell, now: now, work: work, at: -1}
	for _, w := range work {
		t.all += w.Seconds
	}
	return t
}

// begin starts the part of a name; those before it are done.
func (t *tracker) begin(name string) {
	for t.at+1 < len(t.work) && (t.at < 0 || t.work[t.at].Name != name) {
		if t.at >= 0 {
			t.behind += t.work[t.at].Seconds
		}
		t.at++
	}
	t.within, t.last, t.seen = 0, t.now(), false
}

// step says that done of last steps of the part are behind. The first report of a
// part may tell of work that an earlier start did: it counts for nothing.
func (t *tracker) step(done, last int, note string) {
	if t.at < 0 || t.at >= len(t.work) {
		return
	}
	w, now := t.work[t.at], t.now()
	next := w.Seconds * float64(done) / math.Max(float64(last), 1)
	gain := next - t.within
	if !t.seen && done > 1 {
		gain = next / float64(done)
	}
	t.paid, t.spent = t.paid+gain, t.spent+now.Sub(t.last).Seconds()
	t.within, t.last, t.seen = next, now, true
	if t.tell == nil {
		return
	}
	p := Progress{Part: w.Name, Step: done, Last: last, Note: note, Share: (t.behind + t.within) / math.Max(t.all, 1e-9)}
	if t.paid > 0 {
		p.Left = time.Duration((t.all - t.behind - t.within) * t.spent / t.paid * float64(time.Second))
	}
	t.tell(p)
}

// Text is one line.
func (p Progress) Text() string {
	s := fmt.Sprintf("%s: %d of %d", p.Part, p.Step, p.Last)
	if p.Note != "" {
		s += ", " + p.Note
	}
	return s
}
