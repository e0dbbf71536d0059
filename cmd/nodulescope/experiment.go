package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/detector/experiment"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
	"github.com/nodulescope/nodulescope/nodule/mnist"
)

const experimentHelp = `Run one of the paper's experiments with one detector, and report the outcome.

  mnist    2D: learns the digits 0 to 8 and looks for nines
  nodules  3D: learns the normal nodules of a labelled set

  vae        section V-B of the paper, 1/(2 sigma^2) = 1
  vae-sigma  the same with a learned sigma
  dcgan      section V-A, standard loss
  wgan       section V-A, Wasserstein loss with gradient penalty

A run trains several networks: seeds on one fixed split and, for nodules, the
folds of a cross-validation by patient. It ends with a table and a page,
report.html, in the folder that --out names, beside scores.csv.gz, results.json and
the figures. It may be stopped at any point (Ctrl-C): the same command resumes
where it stopped, with the same result. A whole run ends within an hour on two
cores; --quick is a try-out of a minute or two, and its figures mean nothing.

Settings come from the paper where it states them. --settings takes others from a
JSON or YAML file; settings.json in the run folder has all names. --rebuild makes
tables and figures again from a finished run, without data or training.
What is chosen between variants is chosen on the choice set; --test scores the
test files of MNIST, once, when nothing is left to choose.`

const experimentExample = `  nodulescope experiment mnist --detector vae --data data/mnist --out runs/mnist-vae
  nodulescope experiment nodules --detector wgan --data nodules.npz --out runs/wgan --model gan-ad.safetensors
  nodulescope experiment mnist --data data/mnist --check-data`

type experimentOptions struct {
	run        experiment.Options
	detector   string
	seeds      int
	folds      int
	settings   string
	quick      bool
	checkData  bool
	seedsGiven bool
	foldsGiven bool
	device     deviceFlag
}

func newExperimentCommand(g *globals) *cobra.Command {
	var o experimentOptions
	cmd := newCommand("experiment mnist|nodules", "Run one of the paper's experiments: train, score, report", experimentHelp, experimentExample,
		cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs), func(cmd *cobra.Command, args []string) error {
			o.seedsGiven, o.foldsGiven = cmd.Flags().Changed("seeds"), cmd.Flags().Changed("folds")
			o.run.Command = commandLine(cmd.Flags(), args[0])
			return runExperiment(cmd.Context(), args[0], o, g, cmd.OutOrStdout(), cmd.ErrOrStderr())
		})
	cmd.ValidArgs = []string{experiment.MNIST, experiment.Nodules}
	f := cmd.Flags()
	f.StringVar(&o.detector, "detector", "", "`NAME`: "+strings.Join(experiment.Detectors(), ", "))
	f.StringVar(&o.run.Data, "data", "", "mnist: `PATH` of the folder with the four IDX files ('make data-mnist'); nodules: of the .npz")
	f.StringVar(&o.run.Dir, "out", "", "`DIR` of the run; finished parts are not done again")
	f.IntVar(&o.seeds, "seeds", 5, "networks on the fixed split")
	f.IntVar(&o.folds, "folds", 5, "nodules: folds of the cross-validation, 0 for none")
	f.StringVar(&o.settings, "settings", "", "JSON or YAML `FILE` with settings that differ from the default")
	f.BoolVar(&o.quick, "quick", false, "a try-out of a minute or two: few networks, little training")
	f.BoolVar(&o.run.Test, "test", false, "mnist: also score the test files, once")
	f.BoolVar(&o.run.Rebuild, "rebuild", false, "make tables and figures of --out again; nothing is trained or scored")
	f.StringVar(&o.run.Model, "model", "", "nodules: also write the calibrated detector to `FILE`")
	f.IntVar(&o.run.Ship, "ship", 1, "seed of the detector that --model writes")
	f.StringVar(&o.run.Variants, "variants", "", "`FILE` that lists every variant tried (default: variants.csv beside --out)")
	f.StringVar(&o.run.Attribution, "attribution", "", "citation of the data, kept in the detector")
	f.StringVar(&o.device.setting, "device", gpu.CPU, trainDeviceHelp)
	f.BoolVar(&o.checkData, "check-data", false, "mnist: only verify the four files of --data")
	refuseZero(f, "ship")
	return cmd
}

// commandLine is the command that makes the run again. Paths are cut to their
// last part: where data lies is nobody's business.
func commandLine(flags *pflag.FlagSet, name string) string {
	parts := []string{"nodulescope", "experiment", name}
	flags.Visit(func(f *pflag.Flag) {
		value := f.Value.String()
		if strings.ContainsRune(value, filepath.Separator) {
			value = filepath.Base(value)
		}
		if f.Value.Type() == "bool" {
			parts = append(parts, "--"+f.Name)
			return
		}
		parts = append(parts, "--"+f.Name, quoted(value))
	})
	return strings.Join(parts, " ")
}

func runExperiment(ctx context.Context, name string, o experimentOptions, g *globals, stdout, stderr io.Writer) error {
	if o.checkData {
		return checkMNIST(name, o.run.Data, stdout)
	}
	if o.run.Dir == "" {
		return usageError(errors.New("--out is missing"), "name a folder for the run, such as --out runs/"+name)
	}
	if !o.run.Rebuild {
		if err := o.complete(name); err != nil {
			return err
		}
	}
	if err := o.device.open(g.log); err != nil {
		return err
	}
	if o.device.backend != nil {
		o.run.Compute.Backends = cpu.List(o.device.backend)
	}
	o.run.Software = softwareVersion()
	bar := newShare(stderr)
	o.run.Progress = func(p experiment.Progress) { tellExperiment(bar, p) }
	r, err := experiment.Run(ctx, o.run)
	bar.done()
	switch {
	case errors.Is(err, experiment.ErrSettings) || errors.Is(err, experiment.ErrFolder):
		return usageError(err, "see 'nodulescope experiment --help'")
	case errors.Is(err, os.ErrNotExist):
		return badInput(err, "check --data and --out")
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s\n%s\n", r.Text(), r.Report)
	if err == nil && o.run.Model != "" {
		_, err = fmt.Fprintf(stdout, "%s\n", o.run.Model)
	}
	return err
}

// complete makes the settings of defaults, file and flags.
func (o *experimentOptions) complete(name string) error {
	switch {
	case o.detector == "":
		return usageError(errors.New("--detector is missing"), "choose "+strings.Join(experiment.Detectors(), ", "))
	case o.run.Data == "":
		return usageError(errors.New("--data is missing"), "mnist: 'make data-mnist' makes data/mnist; nodules: name the .npz")
	}
	s, err := experiment.Defaults(name, o.detector, o.quick)
	if err == nil && o.settings != "" {
		s, err = experiment.LoadSettings(o.settings, s)
	}
	if err != nil {
		return usageError(err, "see 'nodulescope experiment --help'")
	}
	if s.Experiment != name || s.Detector != o.detector {
		return usageError(fmt.Errorf("%s is for %s with %s", o.settings, s.Experiment, s.Detector), "give both the same")
	}
	if o.seedsGiven {
		s.Seeds = o.seeds
	}
	if o.foldsGiven {
		s.Folds = o.folds
	}
	if err := s.Validate(); err != nil {
		return usageError(err, "see 'nodulescope experiment --help'")
	}
	o.run.Settings = s
	return nil
}

func checkMNIST(name, dir string, stdout io.Writer) error {
	if name != experiment.MNIST || dir == "" {
		return usageError(errors.New("--check-data verifies a folder of mnist"), "name it with --data")
	}
	if err := mnist.Check(dir); err != nil {
		return err
	}
	_, err := fmt.Fprintf(stdout, "%s: all four files of MNIST are the right ones\n", dir)
	return err
}
