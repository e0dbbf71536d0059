package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// plainEvery is how often progress is told where no bar can be drawn.
const plainEvery = 10 * time.Second

// progress tells on standard error how far work is that may take over two
// seconds: as a bar on a terminal, elsewhere as a line now and then, so that a
// log stays readable.
type progress struct {
	bar *progressbar.ProgressBar // nil: lines

	w    io.Writer
	what string
	max  int
	told time.Time
}

// newProgress starts a bar; total 0 is given later by total.
func newProgress(w io.Writer, what string, total int) *progress {
	p := &progress{w: w, what: what, max: total, told: time.Now()}
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionSetWidth(20), progressbar.OptionFullWidth(),
			progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionUseANSICodes(false))
	}
	return p
}

func (p *progress) total(n int) {
	p.max = n
	if p.bar != nil {
		p.bar.ChangeMax(n)
	}
}

// set says how many parts are done, and a word beside the bar.
func (p *progress) set(done int, note string) {
	if note != "" {
		p.what = note
	}
	if p.bar == nil {
		if now := time.Now(); now.Sub(p.told) >= plainEvery {
			p.told = now
			fmt.Fprintf(p.w, "%s: %d of %d\n", p.what, done, p.max)
		}
		return
	}
	if note != "" {
		p.bar.Describe(note)
	}
	_ = p.bar.Set(done) // a bar that cannot be drawn stops no work
}

// done ends the bar's line.
func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Exit()
	}
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
