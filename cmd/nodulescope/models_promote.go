package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"strings"
	"time"

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
trail.

Where the service has --promote-consent 2, this only asks: another person approves it within 72 hours,
with 'models approve' or on the review page.`,
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

func newModelsApprove() *cobra.Command {
	var p promoteFlags
	withdraw := false
	cmd, _ := modelsCommand("approve REQUEST", "Approve, as the second person, what another one has asked for",
		`Approve, as the second person, a promotion or rollback that another one has asked for: where the service has
--promote-consent 2. REQUEST is the name that 'models promote' printed; 'models list' does, too.

Who asked cannot approve. The version, what scores, and the comparison that allows it must
be what they were when it was asked for, to the byte, and a request is void after 72 hours. With --withdraw it is dropped,
by anybody.

Who somebody is on the command line is what they say: who may read the data folder may do all this. The review page
knows who is signed in.`,
		"  nodulescope models approve k3v9qm2x7d\n  nodulescope models approve k3v9qm2x7d --withdraw --reason 'compare again first'", cobra.ExactArgs(1),
		func(ctx context.Context, o *modelsOptions, args []string, stdout io.Writer) error {
			c := p.change()
			if c.Approve = args[0]; withdraw {
				c.Approve, c.Withdraw = "", args[0]
			}
			return o.changeModels(ctx, c, stdout)
		})
	p.register(cmd)
	cmd.Flags().BoolVar(&withdraw, "withdraw", false, "drop the request")
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
	if changed.Withdrawn {
		_, err = fmt.Fprintf(stdout, "The request to have %s score is withdrawn.\n", changed.Request.To.Version)
		return err
	}
	if changed.Waits() {
		r := changed.Request
		_, err = fmt.Fprintf(stdout, "Nothing has changed yet: a second person has to approve that %s scores in place of %s, until %s:\n  %s models approve %s\n",
			r.To.Version, r.From.Version, r.Expires.Format(time.RFC3339), program(), r.ID)
		return err
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
