package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/plugin/scoring"
	"github.com/nodulescope/nodulescope/plugin/series"
)

type scoreOptions struct {
	nodules   string
	series    string
	models    detectorFlags
	dataDir   string
	json      bool
	pictures  string
	pacs      pacsFlag
	documents documentFlags
	csv       string
	kernels   []string
	timing    bool
}

const scoreHelp = `Score the nodule candidates of one CT series, without the bus.

DIR is searched with all folders below it. It may also be a series in a PACS, by
its DICOMweb address (see --pacs): then only the images that the nodules need are
fetched. If it holds several CT series, name one with --series. ` + nodulesHelp + `

The output is what 'nodulescope serve' answers to the same job, to the last
digit: a table, or with --json the content of the result message. A nodule that
cannot be scored is refused with a code and does not affect the others; the exit
code is then 3.

With several detectors, each nodule has a line for each. GAP is the difference between
their percentiles among reference nodules, in points; if one flags a nodule
and another does not, a line below the table says so. Neither overrules the
other, and a large gap is a reason to look.

Every nodule is outlined and measured, where this program has a network for that
(see --outline): diameter, axes, volume and mean HU with their uncertainty, and
type. Where no nodule is recognised at the place of a candidate, that is said in
place of a score. The outline is a proposal to be looked at: it is drawn on --pictures.

With --sr the result is written as a DICOM structured report of the study, for the
PACS: a point and the scores for every nodule. It names the patient as the images
do. The same result has the same UIDs; a file that already holds it is left as it is.
With --seg the outlines are written as a DICOM segmentation of the same series. The
report then refers to its segments and holds what was measured of them; without
--seg it has the measurements as text.

` + use.Purpose + `
` + use.Meaning

func newScoreCommand(g *globals) *cobra.Command {
	var o scoreOptions
	cmd := newCommand("score DIR --nodules FILE", "Score the nodules of one series, without the bus", scoreHelp,
		`  nodulescope score /data/series --nodules nodules.json
  nodulescope score /data/study --series 1.2.840.1 --nodules annotations.csv --json
  nodulescope score https://pacs.example/dicom-web/studies/1.2.3/series/1.2.3.4 --nodules nodules.json
  nodulescope score /data/series --nodules readers.xml --pictures pictures
  nodulescope score /data/series --nodules nodules.json --sr report.dcm --seg outlines.dcm
  nodulescope score /data/series --nodules nodules.json --csv nodules.csv --outline unet.safetensors`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return runScore(cmd.Context(), args[0], o, g, cmd.OutOrStdout(), cmd.ErrOrStderr())
		})
	f := cmd.Flags()
	f.StringVar(&o.nodules, "nodules", "", "`FILE` with the candidates: JSON, LUNA16 CSV or LIDC XML")
	f.StringVar(&o.series, "series", "", "series instance `UID`, if the folder holds several series")
	o.models.register(f)
	f.StringVar(&o.dataDir, "data-dir", "", "`FOLDER` of the service's data, in which the model store is (default: this user's)")
	markSettings(f, "data-dir")
	o.models.registerStore(f, &o.dataDir)
	o.models.outline.register(f)
	o.models.rungs.register(f)
	f.StringVar(&o.csv, "csv", "", "also write a table with one line per nodule to `FILE`")
	f.BoolVar(&o.json, "json", false, "print the result message as JSON")
	f.StringVar(&o.pictures, "pictures", "", "write a picture of each nodule and its reconstruction into `FOLDER`")
	o.documents.register(f)
	o.pacs.register(f)
	kernelsFlag(f, &o.kernels)
	f.BoolVar(&o.timing, "trace-timing", false, "tell on standard error where the time went, from the start of the program on")
	mustRequire(cmd, "nodules")
	return cmd
}

func runScore(ctx context.Context, folder string, o scoreOptions, g *globals, stdout, stderr io.Writer) error {
	var times *timeline
	if o.timing {
		times = newTimeline()
	}
	times.enter("models")
	ds, err := o.models.load(g.log)
	if err != nil {
		return err
	}
	if o.documents.outlines != "" && o.models.outline.use == nil {
		return usageError(errors.New("--seg without a network for outlines"), "name one with --outline, or leave --seg out")
	}
	archives, err := o.pacs.archives(g.log, folder)
	if err != nil {
		return err
	}
	reader := series.Reader{Archives: archives, Kernels: o.kernels}
	times.enter("candidates")
	job, series, err := readJob(ctx, folder, o.nodules, o.series, reader, stderr)
	if err != nil {
		return err
	}
	result, details, err := scoreJob(ctx, job, reader, scorers{ds, o.models.outline.use, o.models.rungs.use}, o.pictures == "" && o.documents.outlines == "", times, stderr)
	if err != nil {
		return err
	}
	times.enter("write")
	if o.pictures != "" {
		pictures, err := drawPictures(ctx, series, result, details)
		if err != nil {
			return err
		}
		if err := savePictures(o.pictures, pictures); err != nil {
			return usageError(err, "name a folder for --pictures that can be written")
		}
	}
	if o.csv != "" {
		if err := saveCSV(o.csv, result); err != nil {
			return err
		}
	}
	if o.documents.any() {
		if err := o.documents.save(ctx, g.log, result, details, series); err != nil {
			return err
		}
	}
	if o.json {
		err = printJSON(stdout, result)
	} else {
		err = writeResult(stdout, result)
	}
	if err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	if err := times.write(stderr, result.TimingsMS.Models); err != nil {
		return fmt.Errorf("print timeline: %w", err)
	}
	return refusedNodules(result)
}

// scorers are what scores and outlines.
type scorers struct {
	detectors []detector.Detector
	outliner  *outline.Outliner // nil: nodules are not outlined
	rungs     *rungs.Rungs      // nil: they have no headline
}

// scoreJob takes the journey that the service takes.
func scoreJob(ctx context.Context, job bus.Job, reader series.Reader, by scorers, noDetails bool, times *timeline, stderr io.Writer) (bus.Result, []scoring.Detail, error) {
	id, err := jobID(job)
	if err != nil {
		return bus.Result{}, nil, err
	}
	bar := newProgress(stderr, "reading", 1)
	defer bar.done()
	return scoring.Score(ctx, scoring.Request{
		JobID: id, Source: jobSource, Job: job, Software: software(), Detectors: by.detectors, Outliner: by.outliner, Rungs: by.rungs, Series: reader,
		NoDetails: noDetails, Progress: func(p scoring.Progress) { times.enter(p.Stage); showProgress(bar, p) },
	})
}

// showProgress puts the stages of scoring.Score on one bar.
func showProgress(bar *progress, p scoring.Progress) {
	words := map[string]string{"read": "reading", "cut": "cutting cubes", "outline": "outlining", "score": "scoring"}
	bar.total(max(p.Total, 1))
	bar.set(p.Done, words[p.Stage])
}

// software is what results carry.
func software() string { return "nodulescope " + softwareVersion() }
