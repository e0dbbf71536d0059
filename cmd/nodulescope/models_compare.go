package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/retrain/gate"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

const modelsCompareHelp = `Compare a version with the one that scores now, and say whether it may take its place.

Both score the same nodules:

  --data       the test side of the site's data set, whose patients no training has seen
  phantoms     synthetic scans of this program, whose truth no label of a site can move
  --reference  further labelled data sets that the site trusts whatever its readers decide

For every score (each detector, each rung) the AUROC of the version is compared with that of
the incumbent, patient by patient. It is allowed where the lower bound of the change, 95 %, is above
-0.02 on every side, and its flags do not clearly tell less. With fewer than 20 normals
and 20 anomalies held back only a recalibration is allowed, which changes no ranking. Where labels
are wrong on all sides, a wrong version looks good on --data, and the phantoms refuse it.

The report is kept, signed, and 'models promote' asks for it. A version that is refused ends
with exit code 3 and model_not_better; all reasons are printed before, and kept. Expect some
5 min on two cores, most of it for detectors that search, such as gan-ad.`

type compareOptions struct {
	data       string
	references []string
	with       string
	phantoms   int
	dataset    datasetFlags
}

func newModelsCompare(g *globals) *cobra.Command {
	var c compareOptions
	o := &modelsOptions{}
	cmd := newCommand("compare VERSION", "Compare a version with the one that scores: may it take its place?", modelsCompareHelp,
		`  nodulescope models compare 20260131-5f0c2a1b --data site.npz
  nodulescope models compare 20260131-5f0c2a1b --data site.npz --reference biopsies.npz --json`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return runModelsCompare(cmd.Context(), g, o, c, args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		})
	o.register(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print the report as JSON")
	f.StringVar(&c.data, "data", "", "`FILE` of the site's data set: its test side is used")
	f.StringSliceVar(&c.references, "reference", nil, "`FILES` of data sets that the site's readers do not label, all of them used; in the layout of the data set")
	f.StringVar(&c.with, "with", store.Promoted, "`VERSION` to compare with")
	f.IntVar(&c.phantoms, "phantoms", gate.DefaultPhantoms, "synthetic scans in the reference, of four nodules each")
	c.dataset.register(f)
	refuseZero(f, "phantoms")
	refuseNegative(f, "phantoms")
	return cmd
}

func runModelsCompare(ctx context.Context, _ *globals, o *modelsOptions, c compareOptions, version string, stdout, stderr io.Writer) error {
	s, _, err := o.open()
	if err != nil {
		return err
	}
	candidate, err := s.Load(version)
	if err != nil {
		return err
	}
	incumbent, err := s.Load(c.with)
	if err != nil {
		return err
	}
	m, err := s.Find(version)
	if err != nil {
		return err
	}
	learned, err := learnedFrom(s, m)
	if err != nil {
		return err
	}
	data, err := c.read(learned)
	if err != nil {
		return err
	}
	bar := newProgress(stderr, "phantoms", c.phantoms)
	phantoms, digest, err := gate.Phantoms(ctx, c.phantoms, func(done, _ int) { bar.set(done, "") })
	bar.done()
	if err != nil {
		return err
	}
	data = append(data, gate.Data{Name: "phantoms", Digest: digest, Fixed: true, Nodules: phantoms})
	bar = newShare(stderr)
	report, err := gate.Compare(ctx, &incumbent, &candidate, data, gate.Options{Software: software(), Progress: func(p gate.Progress) {
		bar.set(int(p.Share*shares), "scoring "+p.Side+", "+roughly(p.Left)+" left")
	}})
	bar.done()
	if err != nil {
		return err
	}
	text, err := json.Marshal(report)
	if err != nil {
		return fmt.Errorf("models compare: %w", err)
	}
	if o.json {
		err = printJSON(stdout, report)
	} else {
		err = printComparison(stdout, report)
	}
	if err := errors.Join(err, s.KeepComparison(text)); err != nil { // told even where it cannot be kept
		return err
	}
	if !report.Allowed {
		return coded.New(store.CodeNotBetter, "compare models", fmt.Sprintf("%s may not take the place of %s: %s", report.Candidate.Version, report.Incumbent.Version, store.Because(report.Reasons)), nil)
	}
	return nil
}

// learnedFrom are the digests of the data sets that a version was trained on, as far
// as its training named them.
func learnedFrom(s *store.Store, m store.Manifest) (digests []string, err error) {
	text, err := s.Details(m)
	if err != nil || text == nil {
		return nil, err
	}
	var c struct {
		Data struct {
			Digest string `json:"digest"`
			Sets   []struct {
				Digest string `json:"digest"`
			} `json:"sets"`
		} `json:"data"`
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, badInput(fmt.Errorf("models compare: what the version was trained on cannot be read: %w", err), "import it again")
	}
	digests = append(digests, c.Data.Digest)
	for _, set := range c.Data.Sets {
		digests = append(digests, set.Digest)
	}
	return digests, nil
}

// read reads the data sets that are named. A reference is neither the site's data nor
// those with the digests learned, of which the candidate was made. The test side is that
// of every training, whose split has always the same seed.
func (c *compareOptions) read(learned []string) (data []gate.Data, err error) {
	if c.data != "" {
		ds, _, err := c.dataset.load(c.data, "")
		if err != nil {
			return nil, err
		}
		split, err := detector.Protocol{}.Split(ds)
		if err != nil {
			return nil, err
		}
		data = append(data, gate.Data{Name: "test side", Digest: ds.Digest(), Nodules: split.Test})
	}
	for _, path := range c.references {
		ds, err := nodule.LoadNPZ(path)
		if err != nil {
			return nil, err
		}
		if slices.Contains(learned, ds.Digest()) || slices.ContainsFunc(data, func(d gate.Data) bool { return d.Digest == ds.Digest() }) {
			return nil, badInput(fmt.Errorf("the reference %s is what the version was trained on, or is named twice", filepath.Base(path)), "name data that the site's readers do not label, or none")
		}
		data = append(data, gate.Data{Name: filepath.Base(path), Digest: ds.Digest(), Fixed: true, Nodules: ds})
	}
	return data, nil
}

// printComparison prints a report for people.
func printComparison(out io.Writer, r *gate.Report) error {
	fmt.Fprintf(out, "%s in place of %s\n", r.Candidate.Version, r.Incumbent.Version)
	for _, s := range r.Sides {
		fmt.Fprintf(out, "\n%s: %s and %s of %s\n", s.Name, counted(s.Normals, "normal"), counted(s.Anomalies, "anomaly"), counted(s.Patients, "patient"))
		var rows [][]string
		for i := range s.Rows {
			row := &s.Rows[i]
			rows = append(rows, []string{
				row.Name, fromTo(row.AUROC), fmt.Sprintf("%+.3f (%+.3f to %+.3f)", row.AUROC.Difference, row.AUROC.Low, row.AUROC.High),
				fromTo(row.Matched), fromTo(row.Moved), fromTo(row.Sensitivity), fromTo(row.Specificity),
				fits(row, func(f *gate.Fit) *float64 { return f.Slope }), fits(row, func(f *gate.Fit) *float64 { return &f.ECE }),
				fmt.Sprintf("%.3g > %.3g", 1000*row.Seconds[0], 1000*row.Seconds[1]),
			})
		}
		heads := []string{"SCORE", "AUROC", "CHANGE (95 %)", "SIZE-MATCHED", "MOVED 2 MM", "SENSITIVITY", "SPECIFICITY", "SLOPE", "ECE", "MS"}
		if err := writeRows(out, heads, rows); err != nil {
			return err
		}
	}
	fmt.Fprintln(out)
	for _, note := range r.Notes {
		fmt.Fprintf(out, "note     %s\n", note)
	}
	for _, reason := range r.Reasons {
		fmt.Fprintf(out, "refused  %s\n", reason)
	}
	verdict := "It may not be promoted."
	if r.Allowed {
		verdict = fmt.Sprintf("It may be promoted:\n  %s models promote %s", program(), r.Candidate.Version)
	}
	_, err := fmt.Fprintf(out, "%s\n%s\n", verdict, use.Purpose)
	return err
}

func fromTo(c stats.Change) string {
	if !c.Known {
		return "-"
	}
	return fmt.Sprintf("%.3f > %.3f", c.Before, c.After)
}

func fits(row *gate.Row, of func(*gate.Fit) *float64) string {
	var texts [2]string
	for i, f := range row.Calibration {
		if f == nil || of(f) == nil {
			texts[i] = "-"
			continue
		}
		texts[i] = fmt.Sprintf("%.2f", *of(f))
	}
	return texts[0] + " > " + texts[1]
}
