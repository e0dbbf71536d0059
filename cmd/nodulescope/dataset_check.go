package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/retrain/dataset"
)

const datasetCheckHelp = `Tell whether a data set is still what 'dataset build' wrote, and what the site's
decisions say.

The files are compared with the digests of the card. With --series or --pacs, results,
decisions and series are looked at as 'dataset build' would, without pixels, and
compared with what the data set was made of. Exit code 3 and site_data_changed say
that something differs: build anew.`

func newDatasetCheckCommand(g *globals) *cobra.Command {
	var o siteDataOptions
	cmd := newCommand("check NAME.npz", "Tell whether a data set is still what the site's decisions say", datasetCheckHelp,
		`  nodulescope dataset check site.npz
  nodulescope dataset check site.npz --series /data/ct`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return runDatasetCheck(cmd.Context(), args[0], o, g, cmd.OutOrStdout(), cmd.ErrOrStderr())
		})
	o.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the differences as JSON")
	return cmd
}

func runDatasetCheck(ctx context.Context, path string, o siteDataOptions, g *globals, stdout, stderr io.Writer) error {
	var plan *dataset.Plan
	if len(o.folders)+len(o.pacs.pacs) > 0 {
		bar := newStages(stderr)
		defer bar.done()
		var err error
		if plan, err = o.plan(ctx, g, false, bar.show, stderr); err != nil {
			return err
		}
		bar.done()
	}
	d, err := dataset.Check(path, plan)
	if err != nil {
		return badInput(err, "name a data set that 'nodulescope dataset build' wrote")
	}
	if o.json {
		if err := printJSON(stdout, d); err != nil {
			return err
		}
	}
	if d.Any() {
		return coded.New(dataset.CodeChanged, "check data set", strings.Join(append(d.Files, d.Input...), "; ")+"; build anew", nil)
	}
	if o.json {
		return nil
	}
	what := "its files are as they were written"
	if plan != nil {
		what += ", and results, decisions and series are those that it was made of"
	}
	_, err = fmt.Fprintf(stdout, "%s: %s\n", path, what)
	return err
}
