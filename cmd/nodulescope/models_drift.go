package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/retrain/drift"
)

const modelsDriftHelp = `Say whether what the service scores has moved away from what its models learned from:
scanners, kernels, thickness, spacing and noise, measurements, and scores.

The series of the last 28 days are compared with those of the data set of the training,
which a retrained version holds. What that does not tell, and the models in the binary, are
compared with the first 100 series that the version scored. A series counts once.

A value alarms where the change is large (distance or index of 0.25 or more) and no
chance (p below 0.01, corrected by Holm for all values that are looked at). At least 30 series
are needed. About one look in a hundred at a site that has not changed alarms all the same.`

func newModelsDrift() *cobra.Command {
	html := ""
	cmd, _ := modelsCommand("drift", "Say whether the site has moved away from what the models learned from", modelsDriftHelp,
		`  nodulescope models drift
  nodulescope models drift --html drift.html`, cobra.NoArgs,
		func(_ context.Context, o *modelsOptions, _ []string, stdout io.Writer) error {
			folder, err := o.folder()
			if err != nil {
				return err
			}
			r, err := plugin.Drift(folder, time.Now())
			if err != nil {
				return err
			}
			if html != "" {
				var page bytes.Buffer
				if err := r.WriteHTML(&page); err != nil {
					return err
				}
				if err := atomicfile.WriteBytes(html, 0o644, page.Bytes()); err != nil {
					return err
				}
			}
			if o.json {
				return printJSON(stdout, r)
			}
			return printDrift(stdout, r)
		})
	cmd.Flags().StringVar(&html, "html", "", "`FILE` for the report as a page, with a picture of each value")
	return cmd
}

func printDrift(stdout io.Writer, r *drift.Report) error {
	fmt.Fprintf(stdout, "%d series of the last %d days, scored by %s, beside %s\n", r.Series, drift.Days, r.Version, r.Reference)
	var rows [][]string
	for _, c := range r.Values {
		verdict, median := "", "-"
		switch {
		case c.Alarm:
			verdict = "moved"
		case !c.Enough:
			verdict = "too few"
		}
		if c.Number {
			median = fmt.Sprintf("%.4g > %.4g", c.Before, c.After)
		}
		rows = append(rows, []string{c.Name, fmt.Sprint(c.Reference), fmt.Sprint(c.Window), median, fmt.Sprintf("%.2f", c.Distance), fmt.Sprintf("%.2g", c.P), verdict})
	}
	if err := writeRows(stdout, []string{"VALUE", "REFERENCE", "WINDOW", "MEDIAN", "DISTANCE", "P", ""}, rows); err != nil {
		return err
	}
	verdict := "No value has moved."
	if r.Alarm {
		verdict = "Look at the data before the scores: what was changed at the scanner? docs/retraining.md says what to do."
	}
	_, err := fmt.Fprintf(stdout, "%s\n%s\n", verdict, use.Purpose)
	return err
}
