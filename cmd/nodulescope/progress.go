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
	line func(what string, done, total int) string
	told time.Time
}

// newProgress starts a bar that counts parts and predicts the time that is left;
// total 0 is given later by total, -1 is not known.
func newProgress(w io.Writer, what string, total int) *progress {
	p := &progress{w: w, what: what, max: total, told: time.Now(), line: func(what string, done, total int) string {
		if total < 0 {
			return what
		}
		return fmt.Sprintf("%s: %d of %d", what, done, total)
	}}
	p.open(progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true))
	return p
}

// shares is how finely a bar of shares is divided.
const shares = 1000

// newShare starts a bar of the share that is done, in thousandths, of work whose
// time that is left is known better than from the parts behind.
func newShare(w io.Writer) *progress {
	p := &progress{w: w, max: shares, line: func(what string, done, total int) string {
		return fmt.Sprintf("%3.0f %%, %s", 100*float64(done)/float64(total), what)
	}}
	p.open(progressbar.OptionSetPredictTime(false))
	return p
}

// open makes the bar where the writer is a terminal.
func (p *progress) open(o ...progressbar.Option) {
	file, ok := p.w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return
	}
	p.bar = progressbar.NewOptions(p.max, append(o, progressbar.OptionSetWriter(p.w), progressbar.OptionSetDescription(p.what),
		progressbar.OptionSetWidth(20), progressbar.OptionFullWidth(), progressbar.OptionThrottle(200*time.Millisecond),
		progressbar.OptionUseANSICodes(false))...)
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
			fmt.Fprintln(p.w, p.line(p.what, done, p.max))
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
