package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/outbox"
)

const outboxHelp = `List the documents that a PACS does not have yet, with the reason for each.

The service retries what is waiting until the PACS takes it. What the PACS
refused for good is kept and not retried; when the cause is gone (a setting, a
permission, a class of documents that it now takes), have it sent again:

  nodulescope outbox resend NUMBER...
  nodulescope outbox resend --all

The data folder is that of the service, which need not be running.`

type outboxOptions struct {
	dataDir string
	json    bool
	all     bool
}

func (o *outboxOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.dataDir, "data-dir", "", "`FOLDER` of the service's data (default: this user's)")
	markSettings(cmd.Flags(), "data-dir")
}

func (o *outboxOptions) folder() (string, error) {
	if o.dataDir != "" {
		return o.dataDir, nil
	}
	return plugin.DefaultDataDir()
}

func newOutboxCommand(*globals) *cobra.Command {
	var o outboxOptions
	cmd := newCommand("outbox", "List documents that a PACS does not have yet, and have them sent again", outboxHelp,
		`  nodulescope outbox
  nodulescope outbox resend --all`,
		cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
			return runOutbox(cmd.Context(), o, cmd.OutOrStdout())
		})
	o.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print a line of JSON for each")
	cmd.AddCommand(newOutboxResendCommand())
	return cmd
}

func newOutboxResendCommand() *cobra.Command {
	var o outboxOptions
	cmd := newCommand("resend NUMBER...", "Have the service send again", "Have the service send again what a PACS refused. NUMBER is what 'nodulescope outbox' prints.",
		`  nodulescope outbox resend 17
  nodulescope outbox resend --all`,
		nil, func(cmd *cobra.Command, args []string) error {
			return runResend(cmd.Context(), args, o, cmd.OutOrStdout())
		})
	o.register(cmd)
	cmd.Flags().BoolVar(&o.all, "all", false, "all that were refused")
	return cmd
}

func runOutbox(ctx context.Context, o outboxOptions, stdout io.Writer) error {
	folder, err := o.folder()
	if err != nil {
		return err
	}
	list, err := plugin.Outbox(ctx, folder)
	if err != nil {
		return err
	}
	for i, l := range list {
		if err := printOutgoing(stdout, l, o.json, i == 0); err != nil {
			return err
		}
	}
	if len(list) == 0 && !o.json {
		_, err = fmt.Fprintln(stdout, "The outbox is empty.")
	}
	return err
}

func printOutgoing(w io.Writer, l outbox.Letter, asJSON, first bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(l)
	}
	widths := lineWidths(w, []int{6, 10, 7, 9, 8, 12, 16})
	if first {
		if err := writeRow(w, widths, []string{"NUMBER", "SINCE", "STATE", "KIND", "ATTEMPTS", "CODE", "REASON"}); err != nil {
			return err
		}
	}
	state := "waiting"
	if l.Refused {
		state = "refused"
	}
	return writeRow(w, widths, []string{
		fmt.Sprint(l.Number), timeCell(l.Time), state, fmt.Sprint(l.Kind), fmt.Sprint(l.Attempts), orDash(l.Code), orDash(l.Problem),
	})
}

func runResend(ctx context.Context, args []string, o outboxOptions, stdout io.Writer) error {
	if o.all == (len(args) > 0) {
		return usageError(errors.New("no document was named"), "give numbers that 'nodulescope outbox' prints, or --all")
	}
	numbers, err := listed(args, "nodulescope outbox")
	if err != nil {
		return err
	}
	folder, err := o.folder()
	if err != nil {
		return err
	}
	n, err := plugin.Resend(ctx, folder, numbers...)
	if errors.Is(err, outbox.ErrNotThere) {
		return usageError(err, "take the numbers from 'nodulescope outbox'")
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%d will be sent again\n", n)
	return err
}
