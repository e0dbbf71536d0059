package main

import (
	"fmt"
	"time"

	"github.com/nodulescope/nodulescope/detector/experiment"
)

// tellExperiment shows a whole experiment as one bar. The time that is left is
// the experiment's own estimate: training and scoring take time of their own,
// and what a resumed run finds done took none.
func tellExperiment(bar *progress, p experiment.Progress) {
	share := 0.0
	if p.All > 0 {
		share = p.Done / p.All
	}
	bar.set(int(share*shares), experimentNote(p))
}

// experimentNote is one line: which network, what of it, how long all will take.
func experimentNote(p experiment.Progress) string {
	note := fmt.Sprintf("%s: %s %d of %d", p.Unit, p.Part, p.Step, p.Last)
	if p.Note != "" {
		note = fmt.Sprintf("%s: %s", p.Unit, p.Note)
	}
	if p.Left > 0 {
		note += ", " + roughly(p.Left) + " left"
	}
	return note
}

// roughly is a duration as people say it.
func roughly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}
