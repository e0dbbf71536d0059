package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

// promoteFlags say who changes what scores, and why.
type promoteFlags struct{ by, reason string }

func (p *promoteFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.by, "by", "", "`NAME` of who decides this, for the audit trail (default: the user's)")
	cmd.Flags().StringVar(&p.reason, "reason", "", "`TEXT` why, for the audit trail; no patient's data")
}

func (p *promoteFlags) change() store.Change {
	by := p.by
	if u, err := user.Current(); by == "" && err == nil {
		by = u.Username
	}
	return store.Change{By: cmp.Or(by, "unknown"), Reason: p.reason}
}

func newModelsPromote() *cobra.Command {
	var p promoteFlags
	force := false
	cmd, _ := modelsCommand("promote VERSION", "Have a version score from now on",
		`Have a version score from now on: at once where the service runs, without a restart, otherwise from its
next start on. Jobs in work end with the models that they began with.

It must have been compared with what scores now, and the gates must have allowed it: see
'models compare'. With --force it scores all the same, and --reason says why.
"shipped" needs no comparison. Who, when, what before and after, and why are in the audit
trail.`,
		"  nodulescope models promote 20260131-5f0c2a1b\n  nodulescope models promote shipped --reason 'the scanner was changed'", cobra.ExactArgs(1),
		func(ctx context.Context, o *modelsOptions, args []string, stdout io.Writer) error {
			c := p.change()
			c.Version, c.Forced = args[0], force
			if force && strings.TrimSpace(p.reason) == "" {
				return usageError(errors.New("--force without --reason"), "say why with --reason TEXT: it is kept in the audit trail")
			}
			return o.changeModels(ctx, c, stdout)
		})
	p.register(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "promote what the gates do not allow; needs --reason")
	return cmd
}

func newModelsRollback() *cobra.Command {
	var p promoteFlags
	cmd, _ := modelsCommand("rollback", "Go back to what scored before the last promotion",
		`Go back to what scored before the last promotion; again, to what scored before that, down to the
shipped models. It takes effect as a promotion does, and is in the audit trail. Results
stay as they are: each names the models that made it.`,
		"  nodulescope models rollback --reason 'flags too many vessels'", cobra.NoArgs,
		func(ctx context.Context, o *modelsOptions, _ []string, stdout io.Writer) error {
			c := p.change()
			c.Rollback = true
			return o.changeModels(ctx, c, stdout)
		})
	p.register(cmd)
	return cmd
}

func (o *modelsOptions) changeModels(ctx context.Context, c store.Change, stdout io.Writer) error {
	folder, err := o.folder()
	if err != nil {
		return err
	}
	changed, err := plugin.ChangeModels(ctx, folder, c)
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(stdout, changed)
	}
	then := "No service runs; the next one scores with it."
	switch changed.Service {
	case store.ServiceSwitched:
		then = "The service scores new jobs with it."
	case store.ServiceFixed:
		then = "The service that runs does not: its settings (model, models) name others."
	}
	_, err = fmt.Fprintf(stdout, "%s scores in place of %s. %s\n", changed.To.Version, changed.From.Version, then)
	return err
}
