package evaluation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/internal/detectortest"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/nodule"
)

var update = flag.Bool("update", false, "write the golden files anew")

// someScored are the twenty nodules of the other tests, scored by a detector
// whose score is scoreA, and four indeterminate ones.
func someScored() []Scored {
	nan := math.NaN()
	var out []Scored
	for i := range 24 {
		k := i % 20
		s := Scored{Data: "sha256:00", Seed: 1, Patient: fmt.Sprintf("P%02d", i/2), Unverified: i%5 == 0, Nodule: strconv.Itoa(i),
			Label: nodule.Normal, Malignancy: 2, DiameterMM: detectortest.Diameters[k]}
		switch {
		case i >= 20:
			s.Label, s.Malignancy = nodule.Indeterminate, 3
		case i >= 10:
			s.Label, s.Malignancy = nodule.Anomaly, 5
		}
		s.Predictions = []Prediction{{Detector: "vae-ad", Digest: "sha256:ab", Calibration: "natural-prevalence", Probability: detectortest.Probabilities[k], Percentile: 5 * float64(k), Threshold: 2.6, Sensitive: nan}}
		s.Values = []detector.Term{{Name: "vae-ad", Value: detectortest.ScoreA[k]}, {Name: "vae-ad: per voxel", Value: detectortest.ScoreA[k]}, {Name: "vae-ad: KL", Value: detectortest.ScoreB[k]}, {Name: RowDiameter, Value: detectortest.Diameters[k]}, {Name: RowMeanImage, Value: nan}, {Name: RowIntensity, Value: detectortest.Probabilities[k]}}
		if i%4 == 0 {
			s.Values[5].Value = nan
		}
		out = append(out, s)
	}
	return out
}

func tabulated(t *testing.T) *Evaluation {
	t.Helper()
	e, err := Tabulate(context.Background(), someScored(), TableOptions{Reasons: map[string]string{RowMeanImage: "no mean"}, Notes: []string{"a note"}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestTabulate(t *testing.T) {
	e := tabulated(t)
	if c := e.Counts; c != (Counts{Nodules: 20, Patients: 10, Unverified: 4, Normals: 10, Anomalies: 10, Prevalence: 0.5}) || e.Indeterminate != 4 {
		t.Errorf("%+v, %d indeterminate", c, e.Indeterminate)
	}
	var names []string
	for _, r := range e.Rows {
		names = append(names, r.Name)
	}
	if got := strings.Join(names, ", "); got != "vae-ad, vae-ad: KL, diameter only, intensity only: mean over the support" {
		t.Errorf("rows %s", got)
	}
	score := e.Row("vae-ad")
	detectortest.Near(t, "area", score.Overall.Value, 0.775, 1e-12)
	detectortest.Near(t, "average precision", score.Precision.Value, 0.8074598930481284, 1e-12)
	detectortest.Near(t, "area of the residuals", score.Regressed.Value, 0.44, 1e-12)
	if !score.Model || score.Note != "per voxel" || e.Row(RowDiameter).Model || len(score.Bands) != 4 {
		t.Errorf("%+v", score)
	}
	if th := score.Third; th == nil || th.Indeterminate.Nodules != 4 || th.Patients != 2 || th.Normal.Nodules != 10 || math.Abs(th.Anomaly.Median-2.9) > 1e-9 {
		t.Errorf("third group %+v", th)
	}
	if c := e.Row(RowIntensity).Counts; c.Nodules != 15 {
		t.Errorf("a row with values for some: %+v", c)
	}
	if fmt.Sprint(e.Missing) != "[{mean image: distance to the mean normal 20 no mean} {intensity only: mean over the support 5 not known}]" {
		t.Errorf("missing %v", e.Missing)
	}
	d := e.Detectors[0]
	detectortest.Near(t, "Brier", *d.Brier, 0.190375, 1e-12)
	detectortest.Near(t, "prior", d.BrierPrior, 0.25, 1e-12)
	if d.Fit == nil || math.Abs(d.Fit.Slope-1.05164543) > 1e-7 || len(d.Points) != 1 || d.Points[0].Sensitivity.Count != 6 || d.Reproduced.PerClass != 10 {
		t.Errorf("%+v", d)
	}
	if len(e.Comparisons) != 1 || e.Comparisons[0].B != RowDiameter || e.Comparisons[0].Patients != 10 {
		t.Errorf("comparisons %+v", e.Comparisons)
	}
	c, err := e.compare("vae-ad", "vae-ad: KL")
	if err != nil {
		t.Fatal(err)
	}
	detectortest.Near(t, "difference", c.Difference, -0.09, 1e-12)
	if _, err := e.compare("vae-ad", "a crystal ball"); !errors.Is(err, ErrScores) {
		t.Errorf("a row that is not there: %v", err)
	}
}

func TestTabulateRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func([]Scored) []Scored
		want  error
	}{
		"none":         {func([]Scored) []Scored { return nil }, ErrScores},
		"no anomalies": {func(s []Scored) []Scored { return s[:10] }, ErrOneClass},
		"no normals":   {func(s []Scored) []Scored { return s[10:] }, ErrOneClass},
		"undecided":    {func(s []Scored) []Scored { return s[20:] }, ErrOneClass},
		"other rows":   {func(s []Scored) []Scored { s[3].Values = s[3].Values[1:]; return s }, ErrScores},
		"other order": {func(s []Scored) []Scored {
			s[3].Values[0], s[3].Values[1] = s[3].Values[1], s[3].Values[0]
			return s
		}, ErrScores},
		"infinite":       {func(s []Scored) []Scored { s[3].Values[0].Value = math.Inf(1); return s }, ErrScores},
		"other detector": {func(s []Scored) []Scored { s[3].Predictions[0].Detector = "b"; return s }, ErrScores},
		"probability":    {func(s []Scored) []Scored { s[3].Predictions[0].Probability = 1.5; return s }, ErrScores},
		"diameter":       {func(s []Scored) []Scored { s[3].DiameterMM = math.NaN(); return s }, ErrScores},
		"label":          {func(s []Scored) []Scored { s[3].Label = 7; return s }, ErrScores},
		"no values": {func(s []Scored) []Scored {
			for i := range s {
				s[i].Values = nil
			}
			return s
		}, ErrScores},
	} {
		if _, err := Tabulate(context.Background(), c.spoil(someScored()), TableOptions{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Tabulate(ctx, someScored(), TableOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestOneClassOfARow: a row that only normals have is missing, not an error.
func TestOneClassOfARow(t *testing.T) {
	s := someScored()
	for i := range s {
		s[i].Values[5].Value = math.NaN()
		if i < 10 {
			s[i].Values[5].Value = 1
		}
	}
	e, err := Tabulate(context.Background(), s, TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if last := e.Missing[len(e.Missing)-1]; e.Row(RowIntensity) != nil || last.Nodules != 10 || !strings.Contains(last.Reason, "one class") {
		t.Errorf("%+v", last)
	}
}

// TestImages: what has neither patients nor sizes nor a calibration.
func TestImages(t *testing.T) {
	nan := math.NaN()
	s := someScored()
	for i := range s {
		s[i].Patient, s[i].DiameterMM, s[i].Unverified = "", 0, false
		s[i].Predictions[0] = Prediction{Detector: "vae-ad", Calibration: "uncalibrated", Probability: nan, Percentile: nan, Threshold: nan, Sensitive: nan}
		s[i].Values = s[i].Values[:3]
	}
	e, err := Tabulate(context.Background(), s, TableOptions{Unit: "images"})
	if err != nil {
		t.Fatal(err)
	}
	r := e.Row("vae-ad")
	if e.Counts.Patients != 20 || r.Matched != nil || r.Regressed != nil || r.Bands != nil || e.Detectors[0].Brier != nil || e.Detectors[0].Reproduced == nil {
		t.Errorf("%+v", e)
	}
	text := e.Markdown()
	for _, no := range []string{"Beyond size", "patients:", "by size", "Operating"} {
		if strings.Contains(text, no) {
			t.Errorf("%q stands in a table of images", no)
		}
	}
}

// TestJSON: every figure can be written, and the names of fields stay.
func TestJSON(t *testing.T) {
	e := tabulated(t)
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]any
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"data", "unit", "counts", "indeterminate", "match_mm", "rows", "missing", "detectors", "comparisons", "notes"} {
		if _, ok := back[name]; !ok {
			t.Errorf("no field %s", name)
		}
	}
	row := back["rows"].([]any)[0].(map[string]any)
	if area := row["overall"].(map[string]any); area["auroc"] != e.Rows[0].Overall.Value || area["low"] == nil || area["se"] == nil {
		t.Errorf("%v", area)
	}
	for _, name := range []string{"size_matched", "size_regressed", "average_precision", "size_bands", "counts", "indeterminate"} {
		if row[name] == nil {
			t.Errorf("a row has no field %s", name)
		}
	}
	one, err := stats.DeLong([]float64{1, 2, 3}, []bool{false, false, true})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := json.Marshal(one); err != nil || !strings.Contains(string(b), `"se":null`) {
		t.Errorf("a class of one: %s, %v", b, err)
	}
}

var figure = regexp.MustCompile(`[-+]?\d+(\.\d+)?([eE][-+]?\d+)?`)

// TestMarkdown compares with a golden file: words to the letter, figures to the
// last digit but one. go test -run TestMarkdown -update writes it anew.
func TestMarkdown(t *testing.T) {
	got := tabulated(t).Markdown()
	const path = "testdata/evaluation.md"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))
	if g, w := figure.ReplaceAllString(got, "#"), figure.ReplaceAllString(string(want), "#"); g != w {
		t.Fatalf("got:\n%s\nwant:\n%s", got, want)
	}
	g, w := figure.FindAllString(got, -1), figure.FindAllString(string(want), -1)
	for i := range g {
		a, _ := strconv.ParseFloat(g[i], 64)
		b, _ := strconv.ParseFloat(w[i], 64)
		if math.Abs(a-b) > 0.0015+1e-3*math.Abs(b) {
			t.Errorf("figure %d is %s, want %s", i, g[i], w[i])
		}
	}
}

// TestRungsBesideDetectors: all of them, with a diameter where the file has one,
// and what they are set beside; their table can be made again from the file.
func TestRungsBesideDetectors(t *testing.T) {
	trained, err := rungs.Pretrained()
	if err != nil {
		t.Fatal(err)
	}
	d := detectortest.Many(20)
	for i := range d.Malignancy { // some are undecided
		if i%5 == 0 {
			d.Malignancy[i] = 3
		}
	}
	ds := d.Load(t)
	evaluate := func() *Evaluation {
		e, err := Evaluate(context.Background(), []detector.Detector{shade{name: "a"}}, ds, Options{Rungs: trained, Outlines: rungs.ByThreshold})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := evaluate()
	var names []string
	for _, n := range rungs.Names() {
		names = append(names, string(n), string(n)+" + diameter")
	}
	for _, name := range names {
		row, s := e.Row(name), e.Scored[0].Prediction(name)
		if row == nil || !row.Model || s == nil || s.Digest != trained.Digest() || !(s.Probability >= 0 && s.Probability <= 1) || math.IsNaN(s.Threshold) {
			t.Fatalf("%s: %+v, %+v", name, row, s)
		}
		if !strings.Contains(e.Markdown(), "| **"+name+"**") {
			t.Errorf("%s is not in the table", name)
		}
	}
	for _, c := range e.Detectors[1:] {
		if len(c.Points) != 1 || c.Points[0].Name != PointSensitive90 || c.Points[0].Undecided.Of != 8 || c.ECE == nil {
			t.Errorf("%s: %+v", c.Detector, c.Points)
		}
	}
	against := map[string]bool{}
	for _, c := range e.Comparisons {
		against[c.A+" - "+c.B] = true
	}
	for _, want := range []string{RowDiameter, RowOutlineDiameter, RowPlain} {
		if !against["readers-ratings - "+want] || e.Row(want) == nil {
			t.Errorf("no comparison with %s", want)
		}
	}
	if !strings.Contains(strings.Join(e.Notes, " "), "as a detector might give it") {
		t.Errorf("notes: %q", e.Notes)
	}
	var b bytes.Buffer
	if err := e.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	read, err := ReadCSV(&b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Tabulate(context.Background(), read, TableOptions{Notes: e.Notes})
	if err != nil || cmp.Diff(again.Detectors, e.Detectors) != "" || len(again.Rows) != len(e.Rows) {
		t.Errorf("another table: %v", err)
	}
	if evaluate().Markdown() != e.Markdown() {
		t.Error("the second evaluation differs")
	}
}

// TestRungsWithoutDiameters: a file without diameters has no rows with one.
func TestRungsWithoutDiameters(t *testing.T) {
	trained, err := rungs.Pretrained()
	if err != nil {
		t.Fatal(err)
	}
	ds := detectortest.Many(20).Load(t)
	ds.Samples[3].DiameterMM = 0
	e, err := Evaluate(context.Background(), []detector.Detector{shade{name: "a"}}, ds, Options{Rungs: trained, Outlines: rungs.ByThreshold})
	if err != nil || len(e.Detectors) != 4 || e.Row("readers-ratings + diameter") != nil {
		t.Errorf("%v, %d detectors", err, len(e.Detectors))
	}
}
