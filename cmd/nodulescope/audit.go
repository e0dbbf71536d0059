package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
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

A trail goes on in a new file when one is full: audit-000001.jsonl is the first that was
closed, audit.jsonl the one that is written to. All of them are read, those of the data folder
where none is named; FILEs are read in the order of their names. The first ones may
be missing only where the trail tells that the service removed them (keep-audit).`

type auditOptions struct {
	outboxOptions
	expect string
}

func newAuditCommand(*globals) *cobra.Command {
	cmd := newCommand("audit", "Check the audit trail of a service", auditHelp, "  nodulescope audit verify",
		cobra.NoArgs, func(cmd *cobra.Command, _ []string) error { return cmd.Help() })
	var o auditOptions
	verify := newCommand("verify [FILE...]", "Check that no line was changed, added or taken out", auditHelp,
		`  nodulescope audit verify
  nodulescope audit verify /backup/audit*.jsonl --expect 5f0c…`,
		cobra.ArbitraryArgs, func(cmd *cobra.Command, args []string) error { return runAuditVerify(args, o, cmd.OutOrStdout()) })
	o.register(verify)
	verify.Flags().StringVar(&o.expect, "expect", "", "`DIGEST` that was printed before and must be that of a line")
	cmd.AddCommand(verify)
	return cmd
}

func runAuditVerify(args []string, o auditOptions, stdout io.Writer) error {
	files := slices.Clone(args)
	slices.SortStableFunc(files, func(a, b string) int { return cmp.Compare(filepath.Base(a), filepath.Base(b)) }) // - is before .
	if len(files) == 0 {
		folder, err := o.folder()
		if err != nil {
			return err
		}
		if files, err = audit.Files(filepath.Join(folder, "audit.jsonl")); err == nil && len(files) == 0 {
			err = fmt.Errorf("%s holds none", folder)
		}
		if err != nil {
			return auditMissing(err)
		}
	}
	var first, latest time.Time
	seen := o.expect == ""
	n, last, err := audit.VerifyFiles(files, func(r audit.Record) error {
		if first.IsZero() {
			first = r.Time
		}
		latest, seen = r.Time, seen || r.Prev == o.expect
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, smallfile.ErrNotRegular) {
		return auditMissing(err)
	}
	if err != nil {
		return err
	}
	if !seen && last != o.expect {
		return badInput(errors.New("no line of the audit trail has the expected digest: its end was cut off, or it is another trail"), "compare it with a backup")
	}
	in := ""
	if len(files) > 1 {
		in = " in " + counted(len(files), "file")
	}
	fmt.Fprintf(stdout, "%s%s, none changed\n", counted(n, "record"), in)
	if n > 0 {
		fmt.Fprintf(stdout, "  first   %s\n  last    %s\n  digest  %s\n", first.UTC().Format(time.RFC3339), latest.UTC().Format(time.RFC3339), last)
	}
	return nil
}

func auditMissing(err error) error {
	return usageError(fmt.Errorf("audit trail: %w", err), "name its files, or the service's data folder with --data-dir")
}
