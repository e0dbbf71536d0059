package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/internal/background"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
	"github.com/nodulescope/nodulescope/plugin/retrain"
	"github.com/nodulescope/nodulescope/plugin/retrain/dataset"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

const retrainHelp = `Make a candidate that may replace the models in use: of the site's own nodules, and
of these models, the incumbent. Nothing is replaced by it.

DATA.npz is what 'dataset build' wrote; --with adds further sets. A patient is on one
side for ever: networks learn from nodules of the training side that look benign,
validation chooses epoch and rate, calibration gives probability and threshold. The
headline's rungs learn from these three sides, crossed by patient. The test side is
not looked at: it is there to compare candidate and incumbent.

Training goes on from the weights of the incumbent, which is the version that was promoted
unless --models or --model names another; --from-scratch forgets them. What
is learned of decisions:
  --mode normals             which nodules look benign
  --mode normals-unlabelled  these, and all others without their decisions
  --mode decisions           every decision; the default where there are enough
--recalibrate keeps all weights and makes probability, threshold and percentiles
anew: the way where nodules are few. docs/retraining.md says how many are enough.
--keep does that to single detectors and rungs, such as one that the gates refused,
while the rest learns.

The candidate is one folder, --out, written whole or not at all: detectors,
rungs.json, the network for outlines as it was, report.html, and candidate.json, which
names them with their digests and says where they come from. 'models import' takes it in,
'models compare' says whether it may score, 'models promote' has it score.

With --series or --pacs, results, decisions and series are looked at as 'dataset
check' does: a data set that is not what they say now is refused.

--dry-run says what would be used, whether the data are enough, and how long it will
take, which it measures by a few steps.

It may be stopped at any point: the same command goes on from the state in --dir, to
the same bytes. It gives way to live scoring on the same machine: see --priority.

` + use.Purpose + `
` + use.Meaning

type retrainOptions struct {
	retrain.Options
	site     siteDataOptions
	with     []string
	store    modelsOptions
	version  string // of the store
	models   []string
	rungs    string
	mode     string
	priority string
	threads  int
	dry      bool
	json     bool
	device   deviceFlag
}

const (
	priorityIdle   = "idle"
	priorityNormal = "normal"
)

func newRetrainCommand(g *globals) *cobra.Command {
	var o retrainOptions
	cmd := newCommand("retrain DATA.npz", "Make a candidate of the site's own nodules", retrainHelp,
		`  nodulescope retrain site.npz --dry-run
  nodulescope retrain site.npz --recalibrate --out candidates/2026-02
  nodulescope retrain site.npz --out candidates/2026-03
  nodulescope retrain site.npz --keep vae-ad,gan-ad --out candidates/headline`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return runRetrain(cmd.Context(), args[0], o, g, cmd.OutOrStdout(), cmd.ErrOrStderr())
		})
	f := cmd.Flags()
	f.StringVar(&o.Out, "out", "", "`FOLDER` for the candidate, which is not there yet (default: candidate in --dir's parent)")
	f.StringVar(&o.Dir, "dir", "runs/retrain", "`FOLDER` that keeps the state until the candidate is complete")
	f.StringArrayVar(&o.with, "with", nil, "`FILE` of a further data set; repeat it for more")
	f.BoolVar(&o.Recalibrate, "recalibrate", false, "keep all weights; only probability, threshold and percentiles are new")
	f.StringSliceVar(&o.Settings.Keep, "keep", nil, "`NAMES` of detectors and rungs that learn nothing and are only calibrated anew, such as vae-ad,gan-ad,normals-only")
	f.BoolVar(&o.Scratch, "from-scratch", false, "start anew in place of the incumbent's weights")
	f.StringVar(&o.mode, "mode", "", "`WHAT` is learned of decisions: normals, normals-unlabelled or decisions (default: what the data are enough for)")
	f.StringSliceVar(&o.models, "model", nil, "`FILE` of a detector of the incumbent, may be given several times (default: the detectors of --models; where files are named, the rest is of the binary)")
	f.StringVar(&o.version, "models", store.Promoted, "`VERSION` of the models to start from: promoted, shipped (those in the binary), or one of 'nodulescope models list'")
	f.StringVar(&o.rungs, "rungs", rungsAuto, "`WHICH` rungs are the incumbent's: auto (those of --models) or a file")
	o.site.register(cmd)
	o.store.register(cmd)
	markSettings(f, "model", "models", "rungs")
	f.IntVar(&o.Settings.Epochs, "epochs", 0, "passes of VAE-AD through the training normals (default: 60, from scratch 200)")
	f.IntVar(&o.Settings.GANSteps, "gan-steps", 0, "steps of GAN-AD's generator (default: 100, from scratch 200)")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of weights, order, augmentation and noise")
	f.StringVar(&o.Attribution, "attribution", "", "citation of the data, kept in the models")
	f.StringVar(&o.priority, "priority", priorityIdle, "`HOW` it shares the processor: idle (gives way to all others) or normal")
	f.IntVar(&o.threads, "threads", 0, "`THREADS` that compute; the result does not depend on it (default: as many as the machine has)")
	f.StringVar(&o.device.setting, "device", gpu.CPU, trainDeviceHelp)
	f.BoolVar(&o.dry, "dry-run", false, "only say what would be used, how long it takes, and whether the data are enough")
	f.BoolVar(&o.json, "json", false, "print JSON")
	refuseZero(f, "seed")
	refuseNegative(f, "epochs", "gan-steps", "threads")
	return cmd
}

func runRetrain(ctx context.Context, path string, o retrainOptions, g *globals, stdout, stderr io.Writer) error {
	if err := o.complete(path, g); err != nil {
		return err
	}
	if len(o.site.folders)+len(o.site.pacs.pacs) > 0 {
		if err := o.current(ctx, path, g, stderr); err != nil {
			return err
		}
	}
	ctx, device, err := o.device.demand(ctx, g.log)
	if err != nil {
		return err
	}
	defer device.close()
	o.Compute = device.options
	p, err := retrain.NewPlan(o.Options)
	if errors.Is(err, retrain.ErrOptions) {
		return usageError(err, "see 'nodulescope retrain --help'")
	}
	if err != nil {
		return err
	}
	if o.dry {
		if err := device.because(ctx, p.Measure(ctx)); err != nil {
			return err
		}
		if o.json {
			return printJSON(stdout, p)
		}
		return printPlan(stdout, path, p)
	}
	for _, w := range p.Warnings {
		fmt.Fprintln(stderr, "nodulescope: "+w)
	}
	bar := newShare(stderr)
	p.Tell(func(q retrain.Progress) {
		note := q.Text()
		if q.Left > 0 {
			note += ", " + roughly(q.Left) + " left"
		}
		bar.set(int(q.Share*shares), note)
	})
	c, err := p.Run(ctx)
	bar.done()
	if err = device.because(ctx, err); err != nil {
		return err
	}
	if o.json {
		return printJSON(stdout, c)
	}
	return printCandidate(stdout, path, o.Out, c)
}

// current refuses a data set that is not what the site's decisions say now.
func (o *retrainOptions) current(ctx context.Context, path string, g *globals, stderr io.Writer) error {
	bar := newStages(stderr)
	defer bar.done()
	now, err := o.site.plan(ctx, g, false, bar.show, stderr)
	if err != nil {
		return err
	}
	d, err := dataset.Check(path, now)
	if err != nil {
		return badInput(err, "name a data set that 'nodulescope dataset build' wrote")
	}
	if d.Any() {
		return coded.New(dataset.CodeChanged, "retrain", strings.Join(append(d.Files, d.Input...), "; ")+"; build anew", nil)
	}
	return nil
}

// complete reads data and incumbent, and lowers the priority.
func (o *retrainOptions) complete(path string, g *globals) (err error) {
	o.Mode = retrain.Mode(o.mode)
	if o.mode != "" && !isMode(o.Mode) {
		return usageError(fmt.Errorf("--mode %q", o.mode), "choose normals, normals-unlabelled or decisions")
	}
	if o.Out == "" {
		o.Out = filepath.Join(filepath.Dir(filepath.Clean(o.Dir)), "candidate")
	}
	if o.site.outline.setting == outlineOff || o.rungs == rungsOff {
		return usageError(errors.New("--outline off and --rungs off: the headline is part of a candidate"), "name files, or leave them auto")
	}
	switch o.priority {
	case priorityIdle:
		said, err := background.Enter()
		if err != nil {
			return usageError(err, "give --priority normal")
		}
		g.log.Debug("gives way to others", "by", said)
	case priorityNormal:
	default:
		return usageError(fmt.Errorf("--priority %q", o.priority), "choose idle or normal")
	}
	if o.threads > 0 {
		runtime.GOMAXPROCS(o.threads)
	}
	base, err := o.base()
	if err != nil {
		return err
	}
	if o.Incumbent, err = retrain.LoadSet(retrain.SetFiles{Detectors: o.models, Rungs: fileOf(o.rungs), Outline: fileOf(o.site.outline.setting), Base: base}); err != nil {
		return badInput(err, "name the models in use with --models, or with --model, --rungs and --outline")
	}
	o.Data, err = retrain.LoadData(path, o.with)
	o.Software = softwareVersion()
	return err
}

// base reads the version to start from; nil: the binary's.
func (o *retrainOptions) base() (*retrain.Base, error) {
	if len(o.models) > 0 || o.version == store.Shipped {
		return nil, nil //nolint:nilnil // the binary's is no error
	}
	s, _, err := o.store.open()
	if err != nil {
		return nil, err
	}
	m, err := s.Find(o.version)
	if err != nil || m.Version == store.Shipped {
		return nil, err
	}
	set, err := s.Load(m.Version)
	if err != nil {
		return nil, err
	}
	b := &retrain.Base{Version: m.Version, Detectors: set.Detectors, Rungs: set.Rungs, Outliner: set.Outliner, Outline: map[string][]byte{}}
	for _, role := range []string{store.RoleOutline, store.RoleTissue} {
		if b.Outline[role], err = s.File(m, role); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// fileOf is the file that a setting names; "": that in the binary.
func fileOf(setting string) string {
	if setting == rungsAuto {
		return ""
	}
	return setting
}

func isMode(m retrain.Mode) bool {
	for _, known := range retrain.Modes() {
		if m == known {
			return true
		}
	}
	return false
}

// printPlan says what would be done.
func printPlan(w io.Writer, path string, p *retrain.Plan) error {
	fmt.Fprintf(w, "%s: %s", path, p.Kind)
	if p.Kind == retrain.KindRetrain {
		fmt.Fprintf(w, ", %s, learns of %s", p.Start, p.Mode)
	}
	fmt.Fprintf(w, "\n  %-12s %s %s\n", "starts from", cmp.Or(p.From, "files"), shortDigest(p.Parent))
	for _, s := range p.Data.Sides {
		fmt.Fprintf(w, "  %-12s %s, %s, %s, %d unlabelled: %s\n", s.Name, counted(s.Patients, "patient"), counted(s.Normals, "normal"), counted(s.Anomalies, "anomaly"), s.Unlabelled, s.For)
	}
	printEnough(w, p.Enough)
	var rows [][]string
	for _, x := range p.Work {
		rows = append(rows, []string{"  " + x.Name, fmt.Sprint(x.Units), x.Unit, fmt.Sprint(roughly(x.Time())), x.About})
	}
	if err := writeRows(w, nil, rows); err != nil {
		return err
	}
	for _, text := range p.Warnings {
		fmt.Fprintf(w, "  warning      %s\n", text)
	}
	_, err := fmt.Fprintf(w, "It would take about %s here, as busy as the machine is now.\n%s\n", roughly(p.Expected()), use.Purpose)
	return err
}

func printEnough(w io.Writer, all []dataset.Enough) {
	for i, e := range all {
		verdict := "yes, " + e.Has
		if !e.OK {
			verdict = "no, " + e.Has + "; needs " + e.Needs
		}
		fmt.Fprintf(w, "  %-12s %s: %s\n", [2]string{"enough for", ""}[min(i, 1)], e.For, verdict)
	}
}

// printCandidate says what was made.
func printCandidate(w io.Writer, path, out string, c *retrain.Candidate) error {
	fmt.Fprintf(w, "%s: %s, from %s %s\n", out, c.Kind, cmp.Or(c.ParentVersion, "files"), shortDigest(c.Parent))
	for _, m := range c.Parts {
		fmt.Fprintf(w, "  %-12s %s\n", m.Name, m.Did)
		for _, r := range m.Rungs {
			name := string(r.Rung)
			if r.Diameter {
				name += " + diameter"
			}
			fmt.Fprintf(w, "    %-32s %s\n", name, r.Did)
		}
	}
	fmt.Fprintf(w, "  report       %s\n", filepath.Join(out, "report.html"))
	_, err := fmt.Fprintf(w, "Next:\n  %s models import %s\n  %[1]s models compare VERSION --data %[3]s\n%[4]s\n", program(), quoted(out), quoted(path), use.Purpose)
	return err
}
