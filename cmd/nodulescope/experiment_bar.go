package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/nodulescope/nodulescope/detector/experiment"
)

// experimentBar shows a whole experiment as one bar. The time that is left is
// the experiment's own estimate: training and scoring take time of their own,
// and what a resumed run finds done took none.
type experimentBar struct {
	w    io.Writer
	bar  *progressbar.ProgressBar // nil: lines
	told time.Time
}

// experimentParts is how finely the bar is divided.
const experimentParts = 1000

func newExperimentBar(w io.Writer) *experimentBar {
	b := &experimentBar{w: w}
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		b.bar = progressbar.NewOptions(experimentParts, progressbar.OptionSetWriter(w), progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetWidth(20), progressbar.OptionFullWidth(), progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionUseANSICodes(false))
	}
	return b
}

func (b *experimentBar) tell(p experiment.Progress) {
	share := 0.0
	if p.All > 0 {
		share = p.Done / p.All
	}
	if b.bar != nil {
		b.bar.Describe(experimentNote(p))
		_ = b.bar.Set(int(share * experimentParts)) // a bar that cannot be drawn stops no work
		return
	}
	if now := time.Now(); now.Sub(b.told) >= plainEvery {
		b.told = now
		fmt.Fprintf(b.w, "%3.0f %%, %s\n", 100*share, experimentNote(p))
	}
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

func (b *experimentBar) done() {
	if b.bar != nil {
		_ = b.bar.Exit()
	}
}
