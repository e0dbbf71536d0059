package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/series"
	"github.com/nodulescope/nodulescope/plugin/watch"
)

const watchedCandidates = `Candidates are in any file that score takes: a structured report (TID 1500 or
Chest CAD SR), CSV with the columns seriesuid, coordX, coordY, coordZ and
diameter_mm in any order, JSON with series_uid and nodules or a bare list of
nodules, the readers' XML of LIDC-IDRI; or in a job as it goes over the bus.
Nodulescope's own reports are skipped. A detector may also send its jobs ahead,
under the site of --hold-site: they are held until their series is complete.`

const watchedState = `A restart loses nothing: what was seen is kept in --watch-dir. The same images
with the same candidates make one job. A series that waits longer than
--wait is logged, with what is missing; --list prints everything that is waiting.
See docs/pacs.md.`

const watchOrthancHelp = `Follow an Orthanc server, and put a job on the bus for every CT series that is complete
and has candidates, in whichever order they come.

The server is the first of --pacs, by its DICOMweb address; jobs carry
that address. Its REST API is one level above, or at --orthanc. A series is
complete when Orthanc calls it stable (StableAge of its settings) and no slice
is missing.

` + watchedCandidates + ` Reports are taken from the
study in Orthanc; files of all these kinds from --candidates.

` + watchedState

const watchFolderHelp = `Watch a folder, and put a job on the bus for every CT series in it that is
complete and has candidates, in whichever order they come.

DIR holds a folder for each series. A series is complete when nothing in its
folder has changed for --quiet and no slice is missing.

` + watchedCandidates + ` The files are in
DIR, in the folder of their series (there JSON needs no series_uid), or in
--candidates.

` + watchedState

// watchOptions are what both watchers have.
type watchOptions struct {
	bus        busFlags
	site       string
	dir        string
	candidates string
	holdSite   string
	priority   string
	wait       time.Duration
	gaps       bool
	kernels    []string
	list       bool
}

func (o *watchOptions) register(f *pflag.FlagSet, fallback string) {
	siteFlag(f, &o.site, "local", "`SITE` whose service does the jobs")
	f.StringVar(&o.dir, "watch-dir", "", "`FOLDER` for what has been seen, one for each watcher (default: "+fallback+" beside the data of this user)")
	f.StringVar(&o.candidates, "candidates", "", "`FOLDER` of files with candidates")
	f.StringVar(&o.holdSite, "hold-site", "", "`SITE` whose jobs are held until their series is complete")
	f.StringVar(&o.priority, "priority", bus.PriorityRoutine, "`PRIORITY` of the jobs: stat or routine")
	f.DurationVar(&o.wait, "wait", 30*time.Minute, "`TIME` after which the log says what a series is waiting for; 0: at once")
	f.BoolVar(&o.gaps, "accept-gaps", false, "treat a series with missing slices as complete")
	f.BoolVar(&o.list, "list", false, "print what is waiting, as JSON, and exit")
	kernelsFlag(f, &o.kernels)
	o.bus.registerClient(f)
}

// folder is where the state lies.
func (o *watchOptions) folder(fallback string) (string, error) {
	if o.dir != "" {
		return o.dir, nil
	}
	data, err := plugin.DefaultDataDir()
	return filepath.Join(data, fallback), err
}

func newWatchOrthancCommand(g *globals) *cobra.Command {
	var o watchOptions
	var pacs pacsFlag
	var root string
	var fromStart bool
	const fallback = "watch-orthanc"
	cmd := newCommand("watch-orthanc", "Put a job on the bus for every series in an Orthanc that has candidates", watchOrthancHelp,
		`  nodulescope watch-orthanc --pacs "http://127.0.0.1:8042/dicom-web user=nodulescope password-file=pacs-password"
  nodulescope watch-orthanc --config nodulescope.yaml --candidates /data/candidates
  nodulescope watch-orthanc --list`,
		cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
			dir, err := o.folder(fallback)
			if err != nil {
				return err
			}
			if o.list {
				return printWaiting(dir, cmd.OutOrStdout())
			}
			source, stop, err := orthancSource(pacs, root, g)
			if err != nil {
				return err
			}
			defer stop()
			source.FromStart = fromStart
			return o.run(cmd.Context(), dir, source, g, cmd.OutOrStdout(), source.DICOMweb)
		})
	o.register(cmd.Flags(), fallback)
	pacs.register(cmd.Flags())
	cmd.Flags().StringVar(&root, "orthanc", "", "`URL` of Orthanc's REST API (default: that of --pacs without its last part)")
	cmd.Flags().BoolVar(&fromStart, "from-start", false, "at the first start, also take the series that are already there")
	return cmd
}

// orthancSource connects to the first PACS of the setting.
func orthancSource(pacs pacsFlag, root string, g *globals) (source *watch.Orthanc, stop func(), err error) {
	if len(pacs.pacs) == 0 {
		return nil, nil, usageError(errors.New("no Orthanc is named"), "give its DICOMweb address with --pacs, such as http://127.0.0.1:8042/dicom-web")
	}
	opts := pacs.pacs[0]
	opts.Logger = g.log
	archives, err := series.NewArchives(opts)
	if err != nil {
		return nil, nil, err
	}
	address := archives.URLs()[0]
	if opts.URL, opts.StoreURL = root, ""; root == "" {
		if opts.URL, err = web.RootOf(address); err != nil {
			return nil, nil, usageError(err, "give the DICOMweb address with --pacs")
		}
	}
	server, err := web.NewOrthanc(opts)
	if err != nil {
		return nil, nil, usageError(err, "check --orthanc and --pacs")
	}
	return &watch.Orthanc{Server: server, Archives: archives, DICOMweb: address}, server.Close, nil
}

func newWatchFolderCommand(g *globals) *cobra.Command {
	var o watchOptions
	var quiet time.Duration
	const fallback = "watch-folder"
	cmd := newCommand("watch-folder DIR", "Put a job on the bus for every series in a folder that has candidates", watchFolderHelp,
		`  nodulescope watch-folder /data/incoming
  nodulescope watch-folder /data/incoming --candidates /data/candidates --quiet 30s
  nodulescope watch-folder --list`,
		func(cmd *cobra.Command, args []string) error {
			if o.list {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		}, func(cmd *cobra.Command, args []string) error {
			dir, err := o.folder(fallback)
			if err != nil {
				return err
			}
			if o.list {
				return printWaiting(dir, cmd.OutOrStdout())
			}
			root, err := filepath.Abs(args[0])
			if err != nil {
				return usageError(err, "name the folder by its absolute path")
			}
			return o.run(cmd.Context(), dir, &watch.Folder{Root: root, Quiet: orAtOnce(quiet)}, g, cmd.OutOrStdout(), root)
		})
	o.register(cmd.Flags(), fallback)
	cmd.Flags().DurationVar(&quiet, "quiet", 10*time.Second, "`TIME` without a change after which a series counts as complete; 0: none")
	refuseNegative(cmd.Flags(), "quiet")
	return cmd
}

// run watches until the command is interrupted.
func (o *watchOptions) run(ctx context.Context, dir string, source watch.Source, g *globals, stdout io.Writer, what string) error {
	b, err := o.bus.connect(ctx, g.log)
	if err != nil {
		return err
	}
	defer b.Close()
	if err := b.EnsureStreams(ctx); err != nil {
		return err
	}
	w, err := watch.New(watch.Options{
		Source: source, Bus: b, Dir: dir, Site: o.site, Priority: o.priority, Candidates: o.candidates, HoldSite: o.holdSite,
		Timeout: orAtOnce(o.wait), AcceptGaps: o.gaps, Kernels: o.kernels, Keep: max(30*24*time.Hour, 2*o.wait), Logger: g.log,
	})
	if errors.Is(err, watch.ErrState) {
		return usageError(err, "name a folder of its own with --watch-dir")
	}
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stdout, "Watching.\n  source   %s\n  site     %s\n  state    %s\n", what, o.site, dir); err != nil {
		g.log.Warn("standard output is gone", "error", err)
	}
	return errors.Join(w.Run(ctx), w.Close())
}

// printWaiting prints what a watcher has listed, a line of JSON for each.
func printWaiting(dir string, stdout io.Writer) error {
	list, err := watch.ReadList(dir)
	if err != nil {
		return usageError(err, "name the folder of the watcher with --watch-dir")
	}
	for _, l := range list {
		if err := json.NewEncoder(stdout).Encode(l); err != nil {
			return err
		}
	}
	return nil
}
