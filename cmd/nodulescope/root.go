package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/internal/ownership"
	"github.com/nodulescope/nodulescope/internal/use"
)

const rootHelp = `Nodulescope scores lung nodule candidates on CT.

A detector or a PACS says "this series has these candidates". Nodulescope reads
the series, cuts a 32 mm cube around every candidate, and reports how far each one
deviates from the normal nodules that its detectors were trained on.

` + use.Purpose + `
` + use.Meaning + `

The path of one scan:

  submit ──► bus (jobs) ──► serve: read series ─► cut cubes ─► score ──► bus (results) ──► results

  demo does all of this with a synthetic scan, score without the bus.

Settings:

  A flag that is a setting (see the help of a command) can also be in the
  environment or in a YAML file. The first one found applies:
  flag, environment, file, default.
    flag         --log-level debug
    environment  NODULESCOPE_LOG_LEVEL=debug
    file         log-level: debug        (named by --config)

Exit codes:

` + exitCodesHelp

const rootExample = `  nodulescope demo
  nodulescope score /data/series --nodules nodules.json
  nodulescope serve --config nodulescope.yaml
  nodulescope submit /data/series --nodules annotations.csv
  nodulescope results`

// globals is what every command shares. It is complete when RunE starts.
type globals struct {
	configPath string
	logLevel   string
	logFormat  string

	environ []string     // KEY=value, as of os.Environ
	log     *slog.Logger // writes to standard error
	started bool         // the command line was accepted and the command runs
}

// commands lists the constructors of all commands.
func commands() []func(*globals) *cobra.Command {
	return []func(*globals) *cobra.Command{
		newAuditCommand,
		newBackupCommand,
		newDatasetCommand,
		newRetrainCommand,
		newDeadCommand,
		newDemoCommand,
		newDevicesCommand,
		newInspectCommand,
		newLedgerCommand,
		newModelsCommand,
		newOutboxCommand,
		newPhantomCommand,
		newRestoreCommand,
		newResultsCommand,
		newReviewsCommand,
		newScoreCommand,
		newServeCommand,
		newSubmitCommand,
		newUsersCommand,
		newWatchFolderCommand,
		newWatchOrthancCommand,
		newTrainCommand,
		newOutlineCommand,
		newRungsCommand,
		newEvaluateCommand,
		newExperimentCommand,
		newExportCommand,
		newBenchCommand,
		newVersionCommand,
	}
}

// execute runs one command line and returns the exit code of the process. An
// error is printed to stderr on one line.
func execute(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	g := &globals{environ: environ, log: slog.New(slog.DiscardHandler)}
	root := newRootCommand(g)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if g.started {
		adopt(cmd, g.log)
	}
	if coded := (*cliError)(nil); err != nil && !g.started && !errors.As(err, &coded) {
		err = usageError(err, seeHelp(cmd)) // what fails before a command runs is its command line
	}
	code := exitCode(ctx, err)
	if err != nil {
		fmt.Fprintln(stderr, errorLine(err, code))
	}
	return code
}

// adopt gives what root has written in the data folder of a service to the account
// that the service runs as: it could not read, or not start with, root's files.
func adopt(cmd *cobra.Command, log *slog.Logger) {
	folder := dataFolder(cmd)
	if cmd.Flag("data-dir") == nil || folder == "" {
		return
	}
	err := ownership.Adopt(folder, ".")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("the data folder has files of root that the service may not be able to read", "folder", folder, "error", err)
	}
}

func newRootCommand(g *globals) *cobra.Command {
	root := &cobra.Command{
		Use:           "nodulescope",
		Short:         "Score lung nodule candidates on CT. " + use.Purpose,
		Long:          rootHelp,
		Example:       rootExample,
		Version:       softwareVersion(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return g.prepare(cmd)
		},
	}
	root.SetVersionTemplate("nodulescope {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError(err, seeHelp(cmd))
	})
	flags := root.PersistentFlags()
	flags.StringVar(&g.configPath, "config", "", "YAML `FILE` with settings (environment: NODULESCOPE_CONFIG)")
	flags.StringVar(&g.logLevel, "log-level", "info", "lowest `LEVEL` to log: debug, info, warn or error")
	flags.StringVar(&g.logFormat, "log-format", "text", "`FORMAT` of the log on standard error: text or json")
	markSettings(flags, "log-level", "log-format")
	for _, newCommand := range commands() {
		root.AddCommand(newCommand(g))
	}
	complete(root)
	return root
}

// prepare runs before every command: it completes the flags from environment
// and file, checks them, and sets up the log.
func (g *globals) prepare(cmd *cobra.Command) error {
	unknown, err := loadSettings(cmd, g.configPath, g.environ)
	if err != nil {
		return err
	}
	if err := errors.Join(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups(), checkNumbers(cmd.Flags())); err != nil {
		return err
	}
	g.log, err = newLogger(cmd.ErrOrStderr(), g.logLevel, g.logFormat)
	if err != nil {
		return err
	}
	for _, name := range unknown {
		g.log.Warn("environment variable is not a setting and was ignored", "variable", name)
	}
	g.started = true
	return nil
}

// newLogger logs to w. level is debug, info, warn or error; format text or json.
func newLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var options slog.HandlerOptions
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, usageError(fmt.Errorf("log-level %q is unknown", level), "choose debug, info, warn or error")
	}
	options.Level = least
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, &options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, &options)), nil
	}
	return nil, usageError(fmt.Errorf("log-format %q is unknown", format), "choose text or json")
}

// seeHelp is the hint of last resort.
func seeHelp(cmd *cobra.Command) string {
	return fmt.Sprintf("see '%s --help'", cmd.CommandPath())
}

// knownCommand refuses what is no command, and names what was perhaps meant.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := seeHelp(root)
	root.SuggestionsMinimumDistance = 2
	if close := root.SuggestionsFor(args[0]); len(close) > 0 {
		hint = "did you mean " + strings.Join(close, " or ") + "? " + hint
	}
	return usageError(fmt.Errorf("unknown command %q", args[0]), hint)
}
