package scoring

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// withoutTimings compares results as the ledger's identity means them.
var withoutTimings = cmpopts.IgnoreFields(bus.Result{}, "TimingsMS")

func request(t testing.TB, dir string) Request {
	t.Helper()
	return Request{JobID: "j", Source: "/test", Job: plugintest.Job(dir), Detectors: []detector.Detector{plugintest.Detector(t)}, Software: "test 1"}
}

// scoreInStages scores, and wants the stages to end in this order.
func scoreInStages(t *testing.T, req Request, want ...string) (bus.Result, []Detail) {
	t.Helper()
	var stages []string
	req.Progress = func(p Progress) {
		if p.Done == p.Total {
			stages = append(stages, p.Stage)
		}
	}
	r, details, err := Score(t.Context(), req)
	plugintest.Must(t, err)
	if d := cmp.Diff(want, stages); d != "" {
		t.Error(d)
	}
	return r, details
}

func TestScore(t *testing.T) {
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	r, details := scoreInStages(t, req, "read", "cut", "score")
	model := bus.Model{Name: "vae-ad", Digest: req.Detectors[0].Digest(), Calibration: "uncalibrated", Threshold: 0.15}
	want := bus.Result{
		JobID: "j", JobSource: "/test", StudyUID: "1.2.826.0.1.3680043.10.9.1", SeriesUID: "1.2.826.0.1.3680043.10.9.1.2",
		Software: "test 1", Preprocessing: nodule.PreprocessingVersion, IntendedUse: use.Statement, Models: []bus.Model{model},
		Geometry: bus.Geometry{SpacingMM: [3]float64{1, 1, 1}, Slices: 48, Verdict: "ok"},
	}
	if d := cmp.Diff(want, r, withoutTimings, cmpopts.IgnoreFields(bus.Result{}, "Identity", "Nodules")); d != "" {
		t.Error(d)
	}
	if !strings.HasPrefix(r.Identity, "sha256:") || len(r.Identity) != 71 {
		t.Errorf("identity %q", r.Identity)
	}
	n := r.Nodules[0]
	if n.Error != nil || n.PaddingPct != 0 || n.Applicability != nil || n.JobNodule != req.Job.Nodules[0] || len(n.Scores) != 1 {
		t.Fatalf("%+v", n)
	}
	s := n.Scores[0]
	if s.Model != model.Name || s.Digest != model.Digest || !(s.Raw > 0) || s.Raw != s.PerVoxel || s.Probability != nil {
		t.Errorf("%+v", s)
	}
	if len(details) != 1 || len(details[0].Scores) != 1 || len(details[0].Scores[0].Reconstruction) != nodule.PatchVoxels ||
		details[0].Patch.SupportCount() != nodule.PatchVoxels || details[0].ID != "n1" {
		t.Error("the detail is not complete")
	}
	again, none, err := Score(t.Context(), func() Request { req.NoDetails = true; return req }())
	if err != nil || none != nil {
		t.Fatal(err, none)
	}
	if d := cmp.Diff(r, again, withoutTimings); d != "" {
		t.Errorf("the second time gives another result:\n%s", d)
	}
}

// A bad nodule has an error in its place and changes nothing for the others.
func TestScoreKeepsNodulesApart(t *testing.T) {
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	alone, _, err := Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	req.Job.Nodules = []bus.JobNodule{
		{ID: "outside", PositionLPS: [3]float64{0, 0, 300}, DiameterMM: 5},
		{ID: "corner", PositionLPS: [3]float64{20, 20, 20}, DiameterMM: 5},
		req.Job.Nodules[0],
		{ID: "border", PositionLPS: [3]float64{0, 0, 10}},
		{ID: "absurd", DiameterMM: 900},
	}
	r, details, err := Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	wantCodes := []string{"candidate_outside_scan", "cube_padding", "", "", "candidate_invalid"}
	wantApply := [][]string{nil, {ApplyPartlyOutside}, nil, {ApplyPartlyOutside, ApplyDiameterUnknown}, {ApplyDiameter}}
	for i, n := range r.Nodules {
		code := ""
		if n.Error != nil {
			code = n.Error.Code
			if n.Error.Message == "" || details[i].Scores != nil || n.Scores != nil {
				t.Errorf("%s: %+v", n.ID, n)
			}
		}
		if code != wantCodes[i] || n.ID != req.Job.Nodules[i].ID {
			t.Errorf("%d: %s with code %q, want %q", i, n.ID, code, wantCodes[i])
		}
		if d := cmp.Diff(wantApply[i], n.Applicability); d != "" {
			t.Errorf("%s: %s", n.ID, d)
		}
	}
	if d := cmp.Diff(alone.Nodules[0], r.Nodules[2]); d != "" {
		t.Errorf("its company changes a score:\n%s", d)
	}
	if p := r.Nodules[3].PaddingPct; p < 5 || p > 10 { // 2.5 of 32 mm lie beyond the last slice and its half voxel
		t.Errorf("%g %% padding", p)
	}
}

func TestApplicability(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*dicomtest.Spec)
		want   []string
	}{
		"3 mm":   {func(s *dicomtest.Spec) { s.Slices, s.Spacing[0] = 17, 3 }, nil},
		"coarse": {func(s *dicomtest.Spec) { s.Slices, s.Spacing[0], s.Origin[2] = 14, 4, -26 }, []string{ApplySpacingCoarse}},
		"tilt": {func(s *dicomtest.Spec) {
			s.TiltDeg, s.Rows, s.Slices, s.Origin[1], s.Origin[2] = 10, 64, 64, -31.5, -26
		}, []string{ApplyTilt}},
		"gap": {func(s *dicomtest.Spec) { s.Skip = []int{11} }, []string{ApplyPartlyOutside, ApplyMissingSlices}},
		"lossy": {func(s *dicomtest.Spec) {
			s.Edit = func(z int, set dicomtest.Elements) {
				if z == 20 { // one is enough
					set[0x00282110] = dicomtest.Element{VR: "CS", Value: "01"}
				}
			}
		}, []string{ApplyLossy}},
		"gap far": {func(s *dicomtest.Spec) { s.Skip = []int{3} }, nil},
		"uneven":  {func(s *dicomtest.Spec) { s.Jitter = map[int]float64{30: 0.4} }, []string{ApplySpacingIrregular}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := plugintest.CT()
			tt.change(&spec)
			req := request(t, plugintest.WriteCT(t, spec))
			r, _, err := Score(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, r.Nodules[0].Applicability); d != "" || r.Nodules[0].Error != nil {
				t.Errorf("%s%+v", d, r.Nodules[0].Error)
			}
			if len(spec.Skip) != r.Geometry.MissingSlices || (len(r.Warnings) == 0) != (spec.Skip == nil && spec.Jitter == nil && spec.TiltDeg == 0 && spec.Edit == nil) {
				t.Errorf("geometry %+v, warnings %v", r.Geometry, r.Warnings)
			}
			if want := map[bool]string{true: "ok", false: "warned"}[len(r.Warnings) == 0]; r.Geometry.Verdict != want {
				t.Errorf("verdict %q, warnings %v", r.Geometry.Verdict, r.Warnings)
			}
		})
	}
}

func TestScoreRefusesSeries(t *testing.T) {
	good := plugintest.WriteCT(t, plugintest.CT())
	mr := plugintest.CT()
	mr.Modality, mr.SOPClass = "MR", "1.2.840.10008.5.1.4.1.1.4"
	cut := plugintest.CT()
	for z := range cut.Slices {
		cut.Truncate = append(cut.Truncate, z)
	}
	empty := plugintest.CT()
	for z := range empty.Slices {
		empty.NoPixels = append(empty.NoPixels, z)
	}
	two := plugintest.WriteCT(t, plugintest.CT())
	other := plugintest.CT()
	other.SeriesUID = "1.2.3"
	if err := dicomtest.WriteSeries(filepath.Join(two, "b"), other); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*Request)
		code   any
	}{
		"missing":      {func(r *Request) { r.Job = plugintest.Job(filepath.Join(good, "none")) }, dicomio.CodeFolderMissing},
		"empty":        {func(r *Request) { r.Job = plugintest.Job(t.TempDir()) }, dicomio.CodeFolderEmpty},
		"not CT":       {func(r *Request) { r.Job = plugintest.Job(plugintest.WriteCT(t, mr)) }, dicomio.CodeNotCT},
		"truncated":    {func(r *Request) { r.Job = plugintest.Job(plugintest.WriteCT(t, cut)) }, dicomio.CodeTruncated},
		"no pixels":    {func(r *Request) { r.Job = plugintest.Job(plugintest.WriteCT(t, empty)) }, dicomio.CodeNoPixelData},
		"other series": {func(r *Request) { r.Job.SeriesUID = "1.9" }, dicomio.CodeSeriesNotFound},
		"ambiguous":    {func(r *Request) { r.Job = plugintest.Job(two); r.Job.SeriesUID = "" }, dicomio.CodeSeriesAmbiguous},
		"study":        {func(r *Request) { r.Job.StudyUID = "1.9" }, series.CodeStudyMismatch},
		"frame":        {func(r *Request) { r.Job.FrameOfReferenceUID = "1.9" }, series.CodeFrameMismatch},
		"scheme":       {func(r *Request) { r.Job.URI = "https://pacs.example.org/studies/1" }, series.CodeURIUnsupported},
		"forbidden":    {func(r *Request) { r.Series.Roots = []string{t.TempDir()} }, series.CodeURIForbidden},
		"NaN":          {func(r *Request) { r.Job.Nodules[0].PositionLPS[1] = math.NaN() }, bus.CodeJobInvalid},
		"513":          {func(r *Request) { r.Job.Nodules = make([]bus.JobNodule, 513) }, bus.CodeTooManyNodules},
		"no detector":  {func(r *Request) { r.Detectors = nil }, codeSettings},
		"twice":        {func(r *Request) { r.Detectors = append(r.Detectors, r.Detectors[0]) }, codeSettings},
	} {
		t.Run(name, func(t *testing.T) {
			req := request(t, good)
			tt.change(&req)
			_, _, err := Score(t.Context(), req)
			plugintest.WantCode(t, err, tt.code)
			for _, secret := range []string{good, "1.9", "pacs.example"} {
				if strings.Contains(coded.Summary(err), secret) {
					t.Errorf("the summary tells %q: %s", secret, coded.Summary(err))
				}
			}
		})
	}
}

// With an empty series UID the only series of a folder is taken, and named in
// the result as if it had been asked for.
func TestScoreFindsTheOnlySeries(t *testing.T) {
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	named, _, err := Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	req.Job.SeriesUID = ""
	found, _, err := Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(named, found, withoutTimings); d != "" {
		t.Error(d)
	}
}

func TestScoreAllowsFolders(t *testing.T) {
	dir := plugintest.WriteCT(t, plugintest.CT())
	req := request(t, dir)
	req.Series.Roots = []string{t.TempDir(), filepath.Dir(dir)}
	if _, _, err := Score(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside.dcm")
	file := filepath.Join(dir, "00031-0.dcm")
	if err := os.Rename(file, outside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, file); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	_, _, err := Score(t.Context(), req)
	plugintest.WantCode(t, err, series.CodeURIForbidden)
}

// A detector that fails on one patch of a batch fails for that nodule alone.
func TestScoreDetectorFails(t *testing.T) {
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	req.Job.Nodules = append(req.Job.Nodules, bus.JobNodule{ID: "n2", PositionLPS: [3]float64{3, 2, 1}, DiameterMM: 6})
	good, _, err := Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	patch := func() nodule.Patch {
		_, details, err := Score(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return details[1].Patch
	}().Digest()
	second, err := plugintest.Untrained(7)
	if err != nil {
		t.Fatal(err)
	}
	req.Detectors = append(req.Detectors, plugintest.Wrapped{Detector: second, Before: func(_ context.Context, ps []nodule.Patch) error {
		for _, p := range ps {
			if p.Digest() == patch {
				return plugintest.ErrTest
			}
		}
		return nil
	}})
	r, _, err := Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if n := r.Nodules[0]; n.Error != nil || len(n.Scores) != 2 || !cmp.Equal(n.Scores[0], good.Nodules[0].Scores[0]) {
		t.Errorf("%+v", n)
	}
	if n := r.Nodules[1]; n.Error == nil || n.Error.Code != string(CodeDetectorFailed) || len(n.Scores) != 1 {
		t.Errorf("%+v", n)
	}
}

// A score that is not a number cannot travel as JSON, and is refused by code.
func TestScoreNotFinite(t *testing.T) {
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	req.Detectors = []detector.Detector{plugintest.NotANumber{Detector: req.Detectors[0]}}
	r, _, err := Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if n := r.Nodules[0]; n.Error == nil || n.Error.Code != string(CodeScoreNotFinite) || n.Scores != nil {
		t.Errorf("%+v", n)
	}
	if _, err := bus.EncodeResult("/test", r); err != nil {
		t.Error(err)
	}
}

func TestScoreEnds(t *testing.T) {
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	ctx, cancel := context.WithCancel(t.Context())
	req.Detectors = []detector.Detector{plugintest.Wrapped{Detector: req.Detectors[0], Before: func(context.Context, []nodule.Patch) error {
		cancel()
		return nil
	}}}
	if _, _, err := Score(ctx, req); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestScoreNoNodules(t *testing.T) {
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	req.Job.Nodules = nil
	r, details, err := Score(t.Context(), req)
	if err != nil || r.Nodules == nil || len(r.Nodules) != 0 || len(details) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
