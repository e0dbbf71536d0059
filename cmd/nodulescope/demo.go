package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/nodule/phantom"
	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/series"
)

type demoOptions struct {
	dir     string
	models  detectorFlags
	phantom phantomOptions
	review  bool
	listen  string
}

const demoHelp = `Take a synthetic CT all the way, in one process: write the series,
start bus and worker, submit a job, wait for the result, print it.

In --dir it writes

  series/       the synthetic CT as DICOM, with truth.json
  pictures/     a picture of each nodule beside its reconstruction
  index.html    all of it in a page that opens in a browser
  made-by-demo.json  which files the demo made

A second run reuses the series and replaces the other files. Files that
the demo did not make are left alone.`

func newDemoCommand(g *globals) *cobra.Command {
	var o demoOptions
	cmd := newCommand("demo", "Score the nodules of a synthetic CT over the bus, and show how it was done", demoHelp,
		"  nodulescope demo\n  nodulescope demo --review\n  nodulescope demo --dir elsewhere --seed 7",
		cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
			return runDemo(cmd.Context(), o, g, cmd.OutOrStdout(), cmd.ErrOrStderr())
		})
	f := cmd.Flags()
	f.StringVar(&o.dir, "dir", "demo", "`FOLDER` for what the demo writes")
	o.models.register(f)
	o.models.outline.register(f)
	o.models.rungs.register(f)
	f.BoolVar(&o.review, "review", false, "then show the result on the review page, until Ctrl-C")
	f.StringVar(&o.listen, "listen-review", "127.0.0.1:0", "`ADDRESS` of that page, on this machine; port 0 for any")
	o.phantom.register(f)
	o.phantom.spacing, o.phantom.noise = phantom.DefaultZMM, phantom.DefaultNoiseHU
	return cmd
}

func runDemo(ctx context.Context, o demoOptions, g *globals, stdout, stderr io.Writer) (err error) {
	ds, err := o.models.load(g.log)
	if err != nil {
		return err
	}
	by := scorers{ds, o.models.outline.use, o.models.rungs.use}
	p, err := o.phantom.generate()
	if err != nil {
		return err
	}
	folder, err := openDemoFolder(o.dir)
	if err != nil {
		return err
	}
	work, err := folder.workFolder()
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { err = errors.Join(err, folder.removeWork()) }()

	fmt.Fprintf(stdout, "1. A synthetic chest CT: %s, %s. It is not a patient.\n", counted(p.Geometry().Slices, "slice"), counted(len(p.Nodules()), "nodule"))
	if err := folder.makeSeries(ctx, p, work, stderr); err != nil {
		return err
	}
	dir := folder.path("series")
	truth := filepath.Join(dir, phantom.TruthFile)
	job, series, err := readJob(ctx, dir, truth, "", series.Reader{}, stderr)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "2. Bus and worker in this process; a job goes in, its result comes out.")
	result, err := overTheBus(ctx, job, by, filepath.Join(work, "plugin"), quietInfo(g.log), stderr)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "3. The result:\n\n")
	if err := writeResult(stdout, result); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\n4. Pictures, from the same patches scored once more without the bus.\n")
	pictures, err := demoPictures(ctx, job, series, by, result, stderr)
	if err != nil {
		return err
	}
	if err := folder.publish(result, pictures, p.Nodules()); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\nWhere to look next:\n  %s\n  %s\n", folder.path("index.html"), folder.path("pictures"))
	fmt.Fprintf(stdout, "  %s score %s --nodules %s\n", program(), quoted(dir), quoted(truth))
	fmt.Fprintf(stdout, "  %s serve, and in another shell:\n", program())
	fmt.Fprintf(stdout, "    %[1]s submit %[2]s --nodules %[3]s\n    %[1]s results\n", program(), quoted(dir), quoted(truth))
	if o.review {
		if err := showReview(ctx, o.listen, dir, filepath.Join(work, "plugin"), by, quietInfo(g.log), stdout); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(stdout, "  %s demo --dir %s --review, for the review page in a browser\n", program(), quoted(o.dir))
	}
	return refusedNodules(result)
}

// makeSeries writes the phantom, unless it is there already.
func (f *demoFolder) makeSeries(ctx context.Context, p *phantom.Phantom, work string, stderr io.Writer) error {
	if f.holds(p.SeriesUID()) {
		return nil
	}
	if err := f.remove("series"); err != nil {
		return err
	}
	made := filepath.Join(work, "series") // a folder of its own, until it is whole
	if err := writePhantom(ctx, p, made, stderr); err != nil {
		return err
	}
	f.Series = p.SeriesUID()
	return f.adopt(made, "series")
}

// overTheBus runs the service with a bus of its own for one job.
func overTheBus(ctx context.Context, job bus.Job, by scorers, dataDir string, log *slog.Logger, stderr io.Writer) (bus.Result, error) {
	p, err := plugin.New(plugin.Config{
		DataDir: dataDir, Detectors: by.detectors, Outliner: by.outliner, Rungs: by.rungs, Software: software(), Logger: log,
		Server: bus.ServerOptions{DontListen: true}, MaxAttempts: 1, Grace: time.Second,
	})
	if err != nil {
		return bus.Result{}, err
	}
	id, err := jobID(job)
	if err != nil {
		return bus.Result{}, err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- p.Run(running) }()
	result, err := askPlugin(ctx, p, id, job, stderr)
	stop()
	return result, errors.Join(err, <-ended)
}

// askPlugin submits a job and waits for its result, or for the reason why
// there is none.
func askPlugin(ctx context.Context, p *plugin.Plugin, id string, job bus.Job, stderr io.Writer) (result bus.Result, err error) {
	b, err := p.Bus(ctx)
	if err != nil {
		return result, err
	}
	if _, err := b.SubmitJob(ctx, p.Site(), jobSource, id, job); err != nil {
		return result, err
	}
	bar := newProgress(stderr, "waiting for the result", -1)
	defer bar.done()
	wait, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-wait.Done():
				return
			case <-tick.C:
				bar.set(0, "")
				letters, err := b.DeadLetters(wait, p.Site(), bus.DeadOptions{})
				if err == nil && len(letters) > 0 {
					cancel(badInput(fmt.Errorf("the job was put aside: %s", letters[0].Message), ""))
				}
			}
		}
	}()
	err = b.FollowResults(wait, p.Site(), bus.FollowOptions{FromStart: true}, func(_ bus.Envelope, r bus.Result) error {
		if r.JobID != id {
			return nil
		}
		result = r
		return bus.ErrStop
	})
	if err != nil && wait.Err() != nil {
		err = context.Cause(wait)
	}
	return result, err
}

// demoPictures scores without the bus, checks that it gives the same, and
// draws.
func demoPictures(ctx context.Context, job bus.Job, scan *dicomio.Series, by scorers, result bus.Result, stderr io.Writer) ([]picture, error) {
	again, details, err := scoreJob(ctx, job, series.Reader{}, by, false, nil, stderr)
	if err != nil {
		return nil, err
	}
	again.TimingsMS = result.TimingsMS
	if same, err := equalJSON(again, result); err != nil || !same {
		return nil, errors.Join(errors.New("the result over the bus differs from that without it: this is a defect, please report it"), err)
	}
	return drawPictures(ctx, scan, result, details)
}

func equalJSON(a, b any) (bool, error) {
	x, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	y, err := json.Marshal(b)
	return string(x) == string(y), err
}

// publish writes pictures and page.
func (f *demoFolder) publish(result bus.Result, pictures []picture, nodules []phantom.Nodule) error {
	if err := f.remove("pictures"); err != nil {
		return err
	}
	for _, p := range pictures {
		if err := f.put("pictures/"+p.name, p.png); err != nil {
			return fmt.Errorf("demo: write pictures: %w", err)
		}
	}
	page, err := overviewPage(result, pictures, nodules)
	if err != nil {
		return err
	}
	return f.put("index.html", page)
}

// quietInfo drops what a service tells at its start, unless it was asked for.
func quietInfo(log *slog.Logger) *slog.Logger {
	if log.Enabled(context.Background(), slog.LevelDebug) || !log.Enabled(context.Background(), slog.LevelWarn) {
		return log
	}
	return slog.New(warnings{log.Handler()})
}

// warnings is a handler that passes on warnings and errors.
type warnings struct{ slog.Handler }

func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
