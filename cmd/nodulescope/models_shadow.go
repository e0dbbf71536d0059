package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/retrain/shadow"
)

const modelsShadowHelp = `Have a version score live jobs unseen, beside what scores, and say what it would change.

After the answer to a job is on the bus the version scores its nodules, too, one by one,
and only while no live job is in work: where one comes, what is half done is stopped and
tried again later. At most 64 series wait; more are dropped, and counted. What it scored
is kept in models/shadow of the data folder. It never reaches the bus, the review page
or a report, and holds no patient's name or id.

It ends by itself after --shadow-nodules or --shadow-days, and when other models are promoted.

--report says how often flags agree, with an interval, which would be new or gone, and how
far scores move; --html writes that as a page, with pictures of the ten nodules that
change most. Agreement says what would change, not which of the two is right.`

type shadowOptions struct {
	stop, report  bool
	html          string
	by            string
	nodules, days int
}

func newModelsShadow() *cobra.Command {
	var c shadowOptions
	cmd, _ := modelsCommand("shadow [VERSION]", "Have a version score live jobs unseen", modelsShadowHelp,
		`  nodulescope models shadow 20260131-5f0c2a1b --shadow-nodules 500 --shadow-days 30
  nodulescope models shadow --report --html shadow.html
  nodulescope models shadow --stop`, cobra.MaximumNArgs(1),
		func(ctx context.Context, o *modelsOptions, args []string, stdout io.Writer) error {
			return o.runShadow(ctx, c, args, stdout)
		})
	f := cmd.Flags()
	f.BoolVar(&c.stop, "stop", false, "end it")
	f.BoolVar(&c.report, "report", false, "say what it would have changed")
	f.StringVar(&c.html, "html", "", "`FILE` for the report as a page, with pictures")
	f.StringVar(&c.by, "by", "", "`NAME` of who decides this, for the audit trail (default: the user's)")
	f.IntVar(&c.nodules, "shadow-nodules", 1000, "nodules after which it ends")
	f.IntVar(&c.days, "shadow-days", 30, "days after which it ends")
	markSettings(f, "shadow-nodules", "shadow-days")
	refuseZero(f, "shadow-nodules", "shadow-days")
	refuseNegative(f, "shadow-nodules", "shadow-days")
	return cmd
}

func (o *modelsOptions) runShadow(ctx context.Context, c shadowOptions, args []string, stdout io.Writer) error {
	folder, err := o.folder()
	if err != nil {
		return err
	}
	report := c.report || c.html != "" || !c.stop && len(args) == 0
	if asked := len(args); report && (c.stop || asked > 0) || c.stop && asked > 0 {
		return usageError(errors.New("a version, --stop and --report are three ways"), "give one of them")
	}
	if report {
		return o.reportShadow(folder, c.html, stdout)
	}
	change := plugin.ShadowChange{Stop: c.stop, By: (&promoteFlags{by: c.by}).change().By, Nodules: c.nodules, Days: c.days}
	if len(args) == 1 {
		change.Version = args[0]
	}
	run, err := plugin.ChangeShadow(ctx, folder, change)
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(stdout, run)
	}
	if c.stop {
		_, err = fmt.Fprintf(stdout, "%s is no longer in the shadow; it has scored %s.\n", run.Candidate.Version, counted(run.Counts.Nodules, "nodule"))
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s scores unseen beside %s, up to %d nodules or %d days. Next:\n  %s models shadow --report\n",
		run.Candidate.Version, run.Beside.Version, run.Nodules, run.Days, program())
	return err
}

func (o *modelsOptions) reportShadow(folder, html string, stdout io.Writer) error {
	run, records, err := shadow.Read(folder)
	if err != nil {
		return err
	}
	r := shadow.NewReport(run, records)
	if html != "" {
		var page bytes.Buffer
		if err := r.WriteHTML(&page); err != nil {
			return err
		}
		if err := atomicfile.WriteBytes(html, 0o600, page.Bytes()); err != nil {
			return err
		}
	}
	if o.json {
		return printJSON(stdout, r)
	}
	if run.Schema == 0 {
		_, err := fmt.Fprintln(stdout, "No version has been in the shadow.")
		return err
	}
	state := "since " + run.Started.Format(time.RFC3339)
	if !run.Runs() {
		state = "ended " + run.Ended.Format(time.RFC3339) + ": " + run.Why
	}
	n := run.Counts
	fmt.Fprintf(stdout, "%s beside %s, %s\n%s of %d series; not scored by both %d, given up for live jobs %d; series dropped %d\n\n",
		run.Candidate.Version, run.Beside.Version, state, counted(n.Nodules, "nodule"), n.Series, n.Failed, n.Interrupted, n.Dropped)
	var rows [][]string
	for _, a := range r.Scores {
		rows = append(rows, []string{
			a.Name, fmt.Sprint(a.Nodules), fmt.Sprint(a.Agree), fromTo(a.Flagged), fmt.Sprint(a.New), fmt.Sprint(a.Gone), fmt.Sprintf("%.3f", a.Rank), fmt.Sprintf("%.3f", a.Moved.Median),
		})
	}
	heads := []string{"SCORE", "NODULES", "FLAGS AGREE (95 %)", "FLAGGED", "NEW", "GONE", "RANK CORRELATION", "MEDIAN CHANGE"}
	if err := writeRows(stdout, heads, rows); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, use.Purpose)
	return err
}
