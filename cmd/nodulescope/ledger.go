package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin"
)

const ledgerHelp = `Fill the ledger of a service again from the bus.

The ledger is the file ledger.db in the data folder: which results exist, what is
shown for review, and what is yet to be sent to a PACS. The service fills it by
itself at its start where it is missing, empty or damaged beside results. This
command does the same without starting the service, which must be stopped, and
also for a ledger that only lacks some of it.

Results come from the stream RESULTS, decisions from REVIEWS. A damaged file is
put aside, not deleted. What a PACS was sent is known from the audit trail; the
rest is sent again, under the same UIDs, where --pacs names one that takes it.`

type ledgerOptions struct {
	outboxOptions
	site string
	bus  busFlags
	pacs pacsFlag
	send sendFlags
}

func newLedgerCommand(g *globals) *cobra.Command {
	cmd := newCommand("ledger", "Look after the ledger of a service", ledgerHelp, "  nodulescope ledger rebuild",
		cobra.NoArgs, func(cmd *cobra.Command, _ []string) error { return cmd.Help() })
	cmd.AddCommand(newLedgerRebuildCommand(g))
	return cmd
}

func newLedgerRebuildCommand(g *globals) *cobra.Command {
	var o ledgerOptions
	cmd := newCommand("rebuild", "Fill the ledger again from RESULTS and REVIEWS", ledgerHelp,
		`  nodulescope ledger rebuild
  nodulescope ledger rebuild --site hospital-1 --nats-url tls://bus.example:4222 --nats-creds-file site.creds`,
		cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
			return runLedgerRebuild(cmd.Context(), o, g, cmd.OutOrStdout())
		})
	o.register(cmd)
	siteFlag(cmd.Flags(), &o.site, "local", "`SITE` whose ledger it is")
	o.bus.register(cmd.Flags(), "the service's own, in the data folder")
	o.pacs.register(cmd.Flags())
	o.send.register(cmd.Flags())
	return cmd
}

func runLedgerRebuild(ctx context.Context, o ledgerOptions, g *globals, stdout io.Writer) error {
	folder, err := o.folder()
	if err != nil {
		return err
	}
	cfg := plugin.Config{Site: o.site, DataDir: folder, PACS: o.pacs.pacs, Logger: g.log, Software: software()}
	if cfg.Send, err = o.send.config(); err != nil {
		return err
	}
	if o.bus.url != "" {
		cfg.Bus = o.bus.options(g.log, bus.RoleService)
	} else {
		cfg.Server = bus.ServerOptions{DontListen: true}
	}
	r, aside, err := plugin.RebuildLedger(ctx, cfg)
	if aside != "" {
		fmt.Fprintf(stdout, "The ledger was damaged; it is now %s\n", filepath.Base(aside))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "added %s and %s\n", counted(r.Results, "result"), counted(r.Decisions, "decision"))
	if r.WithoutImages > 0 {
		fmt.Fprintf(stdout, "without a word where the images are: %s; review cannot show them\n", counted(r.WithoutImages, "result"))
	}
	if r.Unreadable > 0 {
		fmt.Fprintf(stdout, "could not use %s\n", counted(r.Unreadable, "message"))
	}
	return nil
}
