package main

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/series"
)

const inspectHelp = `Tell what of a folder or a PACS can be read, before anything is scored.

DIR is searched with all folders below it; it may also be a series in a PACS, by
its DICOMweb address (see --pacs). For every CT series: the volumes that were
found in it, which one is taken and why, slices, spacing and tilt, what was
tolerated, transfer syntaxes, and the range of HU, for which every slice is
decoded. For what is refused: the reason, with its code.

DIGEST is a SHA-256 over all HU: the same volume has the same one on every
machine, in whatever transfer syntax it is stored.

The exit code is 3 where nothing can be read. Nothing of the patient is shown but
what the pictures of --montage show.`

type inspectOptions struct {
	series  string
	kernels []string
	headers bool
	json    bool
	montage string
	pacs    pacsFlag
}

func newInspectCommand(g *globals) *cobra.Command {
	var o inspectOptions
	cmd := newCommand("inspect DIR", "Tell which series and volumes can be read, and what is refused", inspectHelp,
		`  nodulescope inspect /data/study
  nodulescope inspect /data/study --json --headers
  nodulescope inspect https://pacs.example/dicom-web/studies/1.2.3/series/1.2.3.4 --montage pictures`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return runInspect(cmd.Context(), args[0], o, g, cmd.OutOrStdout())
		})
	f := cmd.Flags()
	f.StringVar(&o.series, "series", "", "series instance `UID`; others are left out")
	f.BoolVar(&o.headers, "headers", false, "read headers only, no pixels")
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.StringVar(&o.montage, "montage", "", "write a picture of every series, as a PNG named after its UID, into `FOLDER`")
	o.pacs.register(f)
	kernelsFlag(f, &o.kernels)
	return cmd
}

func runInspect(ctx context.Context, place string, o inspectOptions, g *globals, stdout io.Writer) error {
	if o.montage != "" && o.headers {
		return usageError(fmt.Errorf("--montage needs pixels"), "leave out --headers")
	}
	survey, err := o.look(ctx, place, g)
	if err != nil {
		return err
	}
	r := inspection{Series: []inspectedSeries{}, OtherFiles: survey.Others, LeftOut: survey.LeftOut}
	for _, s := range survey.Series {
		if o.series == "" || o.series == s.SeriesUID {
			one, err := o.inspect(ctx, s)
			if err != nil {
				return err
			}
			r.Series = append(r.Series, one)
		}
	}
	for _, e := range survey.Refused {
		if o.series == "" || o.series == e.SeriesUID {
			r.Refused = append(r.Refused, refusal{SeriesUID: e.SeriesUID, Code: string(e.Err.Code), Message: e.Err.Hint})
		}
	}
	for _, e := range survey.Files {
		r.Files = append(r.Files, refusal{File: filepath.Base(e.Path), Code: string(e.Code), Message: e.Hint})
	}
	if o.json {
		err = printJSON(stdout, r)
	} else {
		err = r.write(stdout)
	}
	if err == nil && !slices.ContainsFunc(r.Series, func(s inspectedSeries) bool { return s.Error == nil }) {
		hint := "the reasons are listed"
		if len(r.Series)+len(r.Refused)+len(r.Files) == 0 && r.LeftOut == "" {
			hint = "the folder holds no DICOM image; name the folder of a CT series"
		}
		err = badInput(fmt.Errorf("inspect: no CT series can be read"), hint)
	}
	return err
}

// look finds what there is.
func (o inspectOptions) look(ctx context.Context, place string, g *globals) (*dicomio.Survey, error) {
	uri, err := placeURI(place)
	if err != nil {
		return nil, err
	}
	if !series.IsArchiveURI(uri) {
		dir, err := series.FolderOf(uri, nil)
		if err != nil {
			return nil, err
		}
		return dicomio.Look(ctx, dir, dicomio.Options{Kernels: o.kernels})
	}
	archives, err := o.pacs.archives(g.log, place)
	if err != nil {
		return nil, err
	}
	client, study, uid, err := archives.Client(uri)
	if err != nil {
		return nil, err
	}
	s, err := client.Open(ctx, study, uid, dicomio.Options{Kernels: o.kernels})
	if err != nil {
		return nil, err
	}
	return &dicomio.Survey{Series: []*dicomio.Series{s}}, nil
}

// inspect looks at one series. What its pixels are refused for is part of the
// answer.
func (o inspectOptions) inspect(ctx context.Context, s *dicomio.Series) (inspectedSeries, error) {
	g := s.Geometry
	r := inspectedSeries{
		SeriesUID: s.SeriesUID, StudyUID: s.StudyUID, Verdict: s.Verdict(), Slices: g.Slices, Rows: g.Rows, Cols: g.Cols,
		SpacingMM: g.SpacingMM, TiltDeg: g.TiltDeg, OriginLPS: g.Origin, Images: s.InstanceDigest(), Syntaxes: map[string]int{},
	}
	for _, gap := range g.Missing {
		r.Missing += gap.Count
	}
	for uid, n := range s.Syntaxes() {
		r.Syntaxes[codec.SyntaxOf(uid).Name] += n
	}
	for _, v := range s.Volumes {
		r.Volumes = append(r.Volumes, inspectedVolume{
			Images: v.Images, Slices: v.Slices, SpacingMM: v.SpacingMM, ThicknessMM: v.ThicknessMM, Kernel: v.Kernel, Type: v.Type,
			Taken: v.Why == "", Differs: v.Differs, Why: v.Why,
		})
	}
	r.LeftOut = s.LeftOut
	for _, sl := range s.Slices {
		r.Instances = append(r.Instances, sl.SOPInstanceUID)
		if dicomio.MultiFrame(sl.SOPClassUID) {
			r.Frames = append(r.Frames, sl.Frame+1)
		}
	}
	for _, w := range s.Warnings {
		r.Warnings = append(r.Warnings, refusal{Code: string(w.Code), Message: w.Detail})
	}
	if o.headers {
		return r, nil
	}
	p, err := s.LookAtPixels(ctx, o.montage != "")
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	if err != nil {
		why := &dicomio.Error{Code: coded.Internal, Hint: "the pixels cannot be read"}
		_ = errors.As(err, &why)
		r.Verdict, r.Error = "refused", &refusal{Code: string(why.Code), Message: why.Hint}
		return r, nil
	}
	r.Pixels = &inspectedPixels{MinHU: p.MinHU, MaxHU: p.MaxHU, PaddingPct: p.PaddingPct, Digest: p.Digest}
	if o.montage != "" {
		err = saveMontage(filepath.Join(o.montage, s.SeriesUID+".png"), p)
	}
	return r, err
}

func saveMontage(path string, p *dicomio.Pixels) error {
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = atomicfile.Write(path, 0o644, func(w io.Writer) error { return png.Encode(w, p.Montage) })
	}
	if err != nil {
		return usageError(err, "name a folder for --montage that can be written")
	}
	return nil
}
