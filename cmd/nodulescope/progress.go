package main

import (
	"encoding/json"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress is a bar on standard error for work that takes over two seconds.
type progress struct{ bar *progressbar.ProgressBar }

// newProgress starts a bar; total 0 is given later by total.
func newProgress(w io.Writer, what string, total int) *progress {
	return &progress{progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionSetWidth(20), progressbar.OptionFullWidth(),
		progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionUseANSICodes(false))}
}

func (p *progress) total(n int) { p.bar.ChangeMax(n) }

// set says how many parts are done, and a word beside the bar.
func (p *progress) set(done int, note string) {
	if note != "" {
		p.bar.Describe(note)
	}
	_ = p.bar.Set(done) // a bar that cannot be drawn stops no work
}

func (p *progress) done() { _ = p.bar.Exit() }

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
