package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/bus"
)

type resultsOptions struct {
	bus    busFlags
	follow bool
	json   bool
	since  string
	site   string
}

const resultsHelp = `Print the results on the bus, oldest first: a line per nodule and detector, or
with --json the content of each result message on a line of its own. GAP is the
difference between the detectors' percentiles of a nodule, in points.

With --follow it goes on with new results as they come, until interrupted.

A result with "supersedes" replaces an earlier one of the same series: a position
was corrected, slices came late, or the detector changed. What could not be
scored at all is listed by 'nodulescope dead'.`

// quiet is how long a broker that still has results to deliver may be silent
// before the list is given up.
const quiet = 10 * time.Second

func newResultsCommand(g *globals) *cobra.Command {
	var o resultsOptions
	cmd := newCommand("results", "Print results, and follow those that come", resultsHelp,
		`  nodulescope results --follow
  nodulescope results --since 24h --json`,
		cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
			return runResults(cmd.Context(), o, g, cmd.OutOrStdout())
		})
	f := cmd.Flags()
	f.BoolVar(&o.follow, "follow", false, "go on with new results as they come")
	f.BoolVar(&o.json, "json", false, "print a line of JSON for each result")
	f.StringVar(&o.since, "since", "", "only results made since `TIME`: an age such as 24h, or 2026-01-31T08:00:00Z")
	siteFlag(f, &o.site, "", "only results of `SITE` (default: all)")
	o.bus.registerClient(f)
	return cmd
}

func runResults(ctx context.Context, o resultsOptions, g *globals, stdout io.Writer) error {
	since, err := parseSince(o.since, time.Now())
	if err != nil {
		return err
	}
	if o.site != "" {
		if err := bus.CheckSite(o.site); err != nil {
			return err
		}
	}
	b, err := o.bus.connect(ctx, g.log)
	if err != nil {
		return err
	}
	defer b.Close()
	p := resultPrinter{w: stdout, json: o.json}
	show := func(env bus.Envelope, r bus.Result) error {
		if env.Time.Before(since) {
			return nil
		}
		return p.print(env, r)
	}
	if o.follow {
		start := bus.FollowOptions{FromStart: since.IsZero(), Since: since}
		err := b.FollowResults(ctx, o.site, start, show)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil // the way to end it
		}
		return err
	}
	if err := listResults(ctx, b, o.site, since, show); err != nil {
		return err
	}
	if p.printed == 0 && !o.json {
		_, err = fmt.Fprintln(stdout, "No results. 'nodulescope results --follow' waits for them, 'nodulescope dead' lists what could not be scored.")
	}
	return err
}

// listResults calls show with the results that are there now.
func listResults(ctx context.Context, b *bus.Bus, site string, since time.Time, show func(bus.Envelope, bus.Result) error) error {
	last, err := b.LastResultSeq(ctx)
	if err != nil || last == 0 {
		return err
	}
	// The bus starts at the time at which a result was stored, which is never
	// before it was made. Where even the newest is older, nothing would come.
	start := bus.FollowOptions{FromSeq: last}
	if err := followUntil(ctx, b, start, last, func(env bus.Envelope, _ bus.Result) error {
		if !since.IsZero() && !env.Time.Before(since) {
			start = bus.FollowOptions{Since: since}
		} else {
			start = bus.FollowOptions{FromStart: true}
		}
		return nil
	}); err != nil {
		return err
	}
	if start.FromSeq != 0 { // the newest was removed, and perhaps all
		start = bus.FollowOptions{FromStart: true}
	}
	return followUntil(ctx, b, start, last, func(env bus.Envelope, r bus.Result) error {
		if site != "" && env.Source != "/nodulescope/"+site {
			return nil
		}
		return show(env, r)
	})
}

// followUntil reads the results of all sites up to a sequence.
func followUntil(ctx context.Context, b *bus.Bus, start bus.FollowOptions, last uint64, fn func(bus.Envelope, bus.Result) error) error {
	listen, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(quiet, cancel)
	defer silence.Stop()
	err := b.FollowResults(listen, "", start, func(env bus.Envelope, r bus.Result) error {
		silence.Reset(quiet)
		if env.Sequence <= last {
			if err := fn(env, r); err != nil {
				return err
			}
		}
		if env.Sequence >= last {
			return bus.ErrStop
		}
		return nil
	})
	if err != nil && listen.Err() != nil && ctx.Err() == nil {
		return nil // the rest was removed from the stream
	}
	return err
}

// parseSince reads a duration before now or a time; empty is the zero time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, usageError(fmt.Errorf("--since %q is not a time", text), "give an age such as 24h, or 2026-01-31T08:00:00Z")
	}
	return at, nil
}

// resultPrinter prints results as they come.
type resultPrinter struct {
	w       io.Writer
	json    bool
	printed int
}

// resultWidths are those of the columns of resultHeads.
var (
	resultWidths = []int{14, 8, 9, 12, 10, 7, 6}
	resultHeads  = []string{"NODULE", "MODEL", "SCORE", "PROBABILITY", "PERCENTILE", "FLAG", "GAP"}
)

func (p *resultPrinter) print(env bus.Envelope, r bus.Result) error {
	p.printed++
	if p.json {
		return json.NewEncoder(p.w).Encode(r)
	}
	if p.printed == 1 {
		if err := writeRow(p.w, lineWidths(p.w, resultWidths), resultHeads); err != nil {
			return err
		}
	}
	fmt.Fprintf(p.w, "%s  job %s\n", env.Time.UTC().Format(time.RFC3339), orDash(r.JobID))
	for _, n := range r.Nodules {
		lines, nodule := modelLines(n), n.ID
		if n.DiameterMM > 0 {
			nodule += ", " + diameter(n.DiameterMM)
		}
		if first, ok := headlineLine(n); ok {
			lines = slices.Insert(lines, 0, first)
		}
		for _, line := range lines {
			row := append(append([]string{nodule, orDash(line.model)}, line.cells...), percentileGap(n.Disagreement))
			if err := writeRow(p.w, lineWidths(p.w, resultWidths), row); err != nil {
				return err
			}
		}
	}
	if r.Supersedes != "" {
		_, err := fmt.Fprintf(p.w, "this result of %s supersedes an earlier one of the series\n", shorten(cmp.Or(r.JobID, "a job"), 14))
		return err
	}
	return nil
}

// shorten cuts text to n characters, the last of which is then a dot.
func shorten(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return text
}
