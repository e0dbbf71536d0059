package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/bus"
)

type reviewsOptions struct {
	bus  busFlags
	site string
	json bool
}

const reviewsHelp = `Print the decisions of reviewers that are on the bus, oldest first: a line per
decision, every version, or with --json the content of each message on a line of its
own, which 'dataset build --reviews' reads.`

func newReviewsCommand(g *globals) *cobra.Command {
	var o reviewsOptions
	cmd := newCommand("reviews", "Print the decisions of reviewers", reviewsHelp,
		`  nodulescope reviews
  nodulescope reviews --json > reviews.jsonl`,
		cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
			return runReviews(cmd.Context(), o, g, cmd.OutOrStdout())
		})
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print a line of JSON for each decision")
	siteFlag(f, &o.site, "local", "`SITE` whose decisions are meant")
	o.bus.registerClient(f)
	return cmd
}

// reviewWidths are those of the columns of reviewHeads.
var (
	reviewWidths = []int{10, 10, 12, 7, 10, 11, 8}
	reviewHeads  = []string{"TIME", "RESULT", "NODULE", "VERSION", "VERDICT", "KIND", "REVIEWER"}
)

func runReviews(ctx context.Context, o reviewsOptions, g *globals, stdout io.Writer) error {
	b, err := o.bus.connect(ctx, g.log)
	if err != nil {
		return err
	}
	defer b.Close()
	count := 0
	err = b.Reviews(ctx, o.site, 0, func(_ bus.Envelope, r bus.Review) error {
		if count++; o.json {
			return json.NewEncoder(stdout).Encode(r)
		}
		if count == 1 {
			if err := writeRow(stdout, lineWidths(stdout, reviewWidths), reviewHeads); err != nil {
				return err
			}
		}
		return writeRow(stdout, lineWidths(stdout, reviewWidths), []string{
			timeCell(r.Time), shorten(r.Identity, 10), r.NoduleID, fmt.Sprint(r.Version), string(r.Verdict), orDash(string(r.Kind)), r.Reviewer,
		})
	})
	if err == nil && count == 0 && !o.json {
		_, err = fmt.Fprintln(stdout, "No decisions. They are made on the review page of 'nodulescope serve'.")
	}
	return err
}
