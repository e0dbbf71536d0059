package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/internal/smallfile"
	"github.com/nodulescope/nodulescope/plugin/audit"
)

const auditHelp = `Check the audit trail of a service.

Every line of audit.jsonl holds the digest of the one before, so that a line that
was changed, added or taken out is found. A trail that was cut at its end is
whole by itself: keep the digest that is printed elsewhere, and give it with --expect the
next time; it must then be that of one of the lines.

FILE is audit.jsonl of the data folder where none is named.`

type auditOptions struct {
	outboxOptions
	expect string
}

func newAuditCommand(*globals) *cobra.Command {
	cmd := newCommand("audit", "Check the audit trail of a service", auditHelp, "  nodulescope audit verify",
		cobra.NoArgs, func(cmd *cobra.Command, _ []string) error { return cmd.Help() })
	var o auditOptions
	verify := newCommand("verify [FILE]", "Check that no line was changed, added or taken out", auditHelp,
		`  nodulescope audit verify
  nodulescope audit verify /backup/audit.jsonl --expect 5f0c…`,
		cobra.MaximumNArgs(1), func(cmd *cobra.Command, args []string) error { return runAuditVerify(args, o, cmd.OutOrStdout()) })
	o.register(verify)
	verify.Flags().StringVar(&o.expect, "expect", "", "`DIGEST` that was printed before and must be that of a line")
	cmd.AddCommand(verify)
	return cmd
}

func runAuditVerify(args []string, o auditOptions, stdout io.Writer) error {
	path := ""
	if len(args) > 0 {
		path = args[0]
	} else {
		folder, err := o.folder()
		if err != nil {
			return err
		}
		path = filepath.Join(folder, "audit.jsonl")
	}
	f, err := smallfile.Open(path) //nolint:gosec // the user names it
	if err != nil {
		return usageError(fmt.Errorf("audit trail: %w", err), "name the file, or the service's data folder with --data-dir")
	}
	defer f.Close()
	var first, latest time.Time
	seen := o.expect == ""
	n, last, err := audit.Verify(f, func(r audit.Record) error {
		if first.IsZero() {
			first = r.Time
		}
		latest, seen = r.Time, seen || r.Prev == o.expect
		return nil
	})
	if err != nil {
		return err
	}
	if !seen && last != o.expect {
		return badInput(errors.New("no line of the audit trail has the expected digest: its end was cut off, or it is another trail"), "compare it with a backup")
	}
	fmt.Fprintf(stdout, "%s, none changed\n", counted(n, "record"))
	if n > 0 {
		fmt.Fprintf(stdout, "  first   %s\n  last    %s\n  digest  %s\n", first.UTC().Format(time.RFC3339), latest.UTC().Format(time.RFC3339), last)
	}
	return nil
}
