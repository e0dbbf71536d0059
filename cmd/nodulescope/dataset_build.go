package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/plugin/retrain/dataset"
	"github.com/nodulescope/nodulescope/plugin/series"
)

const datasetHelp = `Make a data set of the site's own nodules, for 'train', 'rungs', 'outline' and
'evaluate', and tell whether it is still what the site's decisions say.

  dataset build  makes it of results, decisions and series
  dataset check  tells what has changed since

docs/retraining.md walks from the first decision to a trained model.`

func newDatasetCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{Use: "dataset", Short: "Make a data set of the site's own nodules", Long: datasetHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError(errors.New("dataset of what?"), seeHelp(cmd))
		}}
	cmd.AddCommand(newDatasetBuildCommand(g), newDatasetCheckCommand(g))
	return cmd
}

// siteDataOptions say what a data set is made of.
type siteDataOptions struct {
	bus     busFlags
	site    string
	results []string
	reviews []string
	folders []string
	pacs    pacsFlag
	kernels []string
	outline outlineFlag
	key     string
	json    bool
}

func (o *siteDataOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.folders, "series", nil, "`FOLDER` in which series are looked for, with all folders below it; repeat it for more. With --pacs, what the folders lack is fetched")
	f.StringArrayVar(&o.results, "results", nil, "`FILE` of results, as 'results --json' and 'score --json' print them; repeat it for more")
	f.StringArrayVar(&o.reviews, "reviews", nil, "`FILE` of decisions, as 'reviews --json' prints them or the review page exports them; repeat it for more")
	f.StringVar(&o.key, "key", "site.key", "`FILE` with the site's key for pseudonyms; made where there is none")
	siteFlag(f, &o.site, "local", "`SITE` whose results and decisions are taken from the bus")
	o.bus.registerClient(f)
	o.pacs.register(f)
	kernelsFlag(f, &o.kernels)
	o.outline.register(f)
}

const datasetBuildHelp = `Make a data set of the site's own nodules: of results, of what reviewers decided on
them, and of the series.

NAME.npz and NAME_masks.npz have the layout that 'train', 'rungs', 'outline' and
'evaluate' read: cubes of 32 mm and the outlines of the nodules, made again by the
network of the result. NAME_nodules.csv tells of every nodule the decision, what was
measured, where the candidate came from, scanner, kernel and thickness.
NAME_card.json and .md are the data card: counts, what was left out and why, nodules
on which readers disagree, distributions, and what the data are enough for.

Results and decisions come from the bus of 'serve', as 'results' and 'reviews' list
them. With --results or --reviews they come from files, and no bus is asked.

The newest decision on a nodule counts:
  suspicious      rating 4, an anomaly
  benign-looking  rating 2, normal
  not a nodule    left out
  unsure, none    unlabelled: rating 3, and no readers. 'rungs' learns from these as well
Labels are opinions of readers, not pathology.

No patient is named. Patients, series, nodules and readers have pseudonyms by a key
that is made at the first build and stays at the site: keep it (mode 0600, with the
backups), and never send it along. Another key would give every patient another name.
A patient's side of the split and fold follow from the name, so nobody changes side
when data are added. The same nodule in several series is one row, where the series
share a frame of reference: within 3 mm, or within half of its diameter. A later scan
of a patient is a row of its own, on the same side. Two patients under one id are left
out.

The same input gives the same files, to the bit. They replace former ones when all
are complete.`

func newDatasetBuildCommand(g *globals) *cobra.Command {
	var o siteDataOptions
	cmd := newCommand("build NAME.npz", "Make a data set of results, decisions and series", datasetBuildHelp,
		`  nodulescope dataset build site.npz --series /data/ct
  nodulescope dataset build site.npz --results results.jsonl --reviews decisions.csv --series /data/ct
  nodulescope dataset build site.npz --pacs https://pacs.example/dicom-web --key /secure/site.key --json`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return runDatasetBuild(cmd.Context(), args[0], o, g, cmd.OutOrStdout(), cmd.ErrOrStderr())
		})
	o.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the data card as JSON")
	return cmd
}

func runDatasetBuild(ctx context.Context, path string, o siteDataOptions, g *globals, stdout, stderr io.Writer) error {
	if filepath.Ext(path) != ".npz" {
		return usageError(fmt.Errorf("%q does not end in .npz", path), "name the data set, such as site.npz")
	}
	former, err := formerCard(path)
	if err != nil {
		return err
	}
	bar := newStages(stderr)
	defer bar.done()
	plan, err := o.plan(ctx, g, former == nil, bar.show, stderr)
	if err != nil {
		return err
	}
	if former != nil {
		if err := plan.SameKey(former); err != nil {
			return err
		}
	}
	set, err := plan.Build(ctx)
	if err != nil {
		return err
	}
	bar.done()
	if err := set.Save(path); err != nil {
		return fmt.Errorf("%w — the former files are as they were; name a folder with room that can be written", err)
	}
	if o.json {
		return printJSON(stdout, set.Card)
	}
	return printCard(stdout, path, &set.Card, former)
}

// formerCard is the card of the data set that will be replaced, nil where there is
// none. What 'dataset build' has not written is not replaced, and a folder that
// cannot be written is named before the work.
func formerCard(path string) (*dataset.Card, error) {
	probe, err := os.CreateTemp(filepath.Dir(path), ".nodulescope-*")
	if err != nil {
		return nil, usageError(fmt.Errorf("write data set: %w", err), "name a file in a folder that can be written")
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return nil, err
	}
	former, err := dataset.ReadCard(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return former, err
	}
	files := dataset.FilesOf(path)
	for _, name := range []string{files.Data, files.Masks, files.Table, files.CardText} {
		if _, err := os.Lstat(name); err == nil {
			return nil, usageError(fmt.Errorf("%s is there and has no data card: 'dataset build' has not written it", name), "name another file")
		}
	}
	return nil, nil
}

// plan reads what a data set is made of. Only a first build may make a key.
func (o *siteDataOptions) plan(ctx context.Context, g *globals, first bool, show func(string, int, int), stderr io.Writer) (*dataset.Plan, error) {
	if len(o.folders) == 0 && len(o.pacs.pacs) == 0 {
		return nil, usageError(errors.New("no series"), "name their folder with --series, or a PACS with --pacs")
	}
	if err := o.outline.load(g.log, nil); err != nil {
		return nil, err
	}
	archives, err := o.pacs.archives(g.log, "")
	if err != nil {
		return nil, err
	}
	in := dataset.Input{Folders: o.folders, Reader: series.Reader{Archives: archives, Kernels: o.kernels}}
	if err := o.read(ctx, g, &in); err != nil {
		return nil, err
	}
	var key dataset.Key
	made := false
	if first {
		key, made, err = dataset.LoadKey(o.key)
	} else {
		key, err = dataset.ReadKey(o.key)
	}
	if err != nil {
		return nil, err
	}
	if made {
		fmt.Fprintf(stderr, "nodulescope: made the key of the site, %s: keep it, and keep it here\n", o.key)
	}
	return dataset.NewPlan(ctx, in, dataset.Options{Key: key, Outliner: o.outline.use, Software: software(), Training: shippedTraining(), Progress: show})
}

// read takes results and decisions from files, or from the bus.
func (o *siteDataOptions) read(ctx context.Context, g *globals, in *dataset.Input) error {
	result := func(r bus.Result) { in.Results = append(in.Results, r) }
	review := func(r bus.Review) { in.Reviews = append(in.Reviews, r) }
	if len(o.results)+len(o.reviews) > 0 {
		if len(o.results) == 0 {
			return usageError(errors.New("--reviews without --results"), "name the results that they are about, which 'results --json' prints")
		}
		for _, path := range o.results {
			if err := dataset.ReadResults(path, result); err != nil {
				return err
			}
		}
		for _, path := range o.reviews {
			if err := dataset.ReadReviews(path, review); err != nil {
				return err
			}
		}
		return nil
	}
	b, err := o.bus.connect(ctx, g.log)
	if err != nil {
		return err
	}
	defer b.Close()
	if err := listResults(ctx, b, o.site, time.Time{}, func(_ bus.Envelope, r bus.Result) error { result(r); return nil }); err != nil {
		return err
	}
	return b.Reviews(ctx, o.site, 0, func(_ bus.Envelope, r bus.Review) error { review(r); return nil })
}

// shippedTraining is what the models in the binary say of their training.
func shippedTraining() []dataset.Training {
	all, err := detector.PretrainedAll()
	if err != nil {
		return nil // built without models
	}
	var out []dataset.Training
	for _, d := range all {
		t := dataset.Training{Model: d.Name(), Digest: d.Digest()}
		if c, ok := d.(interface{ Calibration() detector.Calibration }); ok {
			t.DiameterMM = c.Calibration().DiameterMM
		}
		out = append(out, t)
	}
	return out
}

// printCard tells the card in short.
func printCard(w io.Writer, path string, c, former *dataset.Card) error {
	n := c.Counts
	fmt.Fprintf(w, "%s: %s of %s in %d series\n", path, counted(n.Nodules, "nodule"), counted(n.Patients, "patient"), n.Series)
	fmt.Fprintf(w, "  labels      %d normal, %s, %d unlabelled, of these %d unsure\n", n.Normals, counted(n.Anomalies, "anomaly"), n.Unlabelled, n.Unsure)
	if former != nil {
		fmt.Fprintf(w, "  before      %s, %s; now %s\n", counted(former.Counts.Nodules, "nodule"), counted(former.Inputs.Decisions.Count, "decision"), counted(c.Inputs.Decisions.Count, "decision"))
	}
	if c.Noise.Several > 0 {
		fmt.Fprintf(w, "  readers     several read %s and disagree on %d\n", counted(c.Noise.Several, "nodule"), c.Noise.Disagree)
	}
	for i, x := range c.Exclusions {
		fmt.Fprintf(w, "  %-10s  %s, %d decided: %s (%s)\n", [2]string{"left out", ""}[min(i, 1)], counted(x.Nodules, "nodule"), x.Decided, x.Reason, x.Code)
	}
	for i, e := range c.Enough {
		verdict := "yes"
		if !e.OK {
			verdict = "no, needs " + e.Needs
		}
		fmt.Fprintf(w, "  %-10s  %s: %s\n", [2]string{"enough for", ""}[min(i, 1)], e.For, verdict)
	}
	for _, text := range c.Warnings {
		fmt.Fprintf(w, "  warning     %s\n", text)
	}
	files := dataset.FilesOf(path)
	_, err := fmt.Fprintf(w, "Card: %s\nNext: %s rungs %s --min-readers 1\n%s\n", files.CardText, program(), quoted(path), use.Purpose)
	return err
}

// stages shows the stages of work on one bar.
type stages struct {
	bar   *progress
	stage string
	w     io.Writer
}

func newStages(w io.Writer) *stages { return &stages{w: w} }

func (s *stages) show(stage string, done, total int) {
	if s.bar == nil || s.stage != stage {
		s.done()
		s.bar, s.stage = newProgress(s.w, stage, total), stage
	}
	s.bar.set(done, "")
}

func (s *stages) done() {
	if s.bar != nil {
		s.bar.done()
		s.bar = nil
	}
}
