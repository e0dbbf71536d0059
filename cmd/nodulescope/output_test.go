package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/use"
)

// exampleResult has everything that a table can show.
func exampleResult() bus.Result {
	p := 0.125
	return bus.Result{
		SeriesUID: "1.2.3", IntendedUse: "For tests.",
		Models:   []bus.Model{{Name: "vae-ad", Digest: "sha256:0123456789abcdef", Calibration: "natural-prevalence", Prevalence: 0.3, Threshold: 0.02}},
		Geometry: bus.Geometry{SpacingMM: [3]float64{2.5, 0.7, 0.7}, TiltDeg: 12.5, Slices: 120, MissingSlices: 2},
		Warnings: []bus.Problem{{Code: "gantry_tilt", Message: "the gantry was tilted"}},
		Nodules: []bus.ResultNodule{
			{
				JobNodule: bus.JobNodule{ID: "a", PositionLPS: [3]float64{1, -2.25, 300}, DiameterMM: 8},
				Scores: []bus.NoduleScore{{
					Model: "vae-ad", Digest: "sha256:0123456789abcdef", Raw: 0.0123456, Probability: &p,
					Calibration: "natural-prevalence", Percentile: 87.5, Anomalous: true,
					ComputedBy: &bus.Machine{Device: "cpu", Name: "avx2", Precision: "float32"},
				}},
				Applicability: []string{"gantry_tilt", "cube_partly_outside"},
			},
			{
				JobNodule: bus.JobNodule{ID: "<b>"},
				Error:     &bus.Problem{Code: "cube_padding", Message: "60 % of the cube has no data"},
			},
		},
	}
}

func TestWriteResult(t *testing.T) {
	var b bytes.Buffer
	if err := writeResult(&b, exampleResult()); err != nil {
		t.Fatal(err)
	}
	want := `series 1.2.3: 120 slices, 2.5 x 0.7 x 0.7 mm, tilt 12.5 degrees, 2 missing

NODULE  SCORE     PROBABILITY   PERCENTILE  FLAG
a       0.012346  0.125         87.5        flagged
<b>     refused   cube_padding  -           -

NODULE  POSITION LPS MM  DIAMETER  LIMITS
a       1.0 -2.2 300.0   8.0 mm    gantry_tilt,cube_partly_outside
<b>     0.0 0.0 0.0      -         -

refused  <b>: 60 % of the cube has no data (cube_padding)
warning  the gantry was tilted (gantry_tilt)
model    vae-ad sha256:0123456789ab, flag above 0.02, calibrated at the prevalence of its data, 0.30
computed by cpu avx2 float32: vae-ad
For tests.
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestSeveralModelsAreNamed(t *testing.T) {
	r := exampleResult()
	r.Models = append(r.Models, bus.Model{Name: "gan-ad", Digest: "sha256:ff"})
	r.Nodules[0].Scores = append(r.Nodules[0].Scores, bus.NoduleScore{Model: "gan-ad", Digest: "sha256:ff", Calibration: "uncalibrated"})
	rows := resultRows(r)
	if len(rows) != 3 || rows[0][1] != "vae-ad" || rows[1][1] != "gan-ad" || rows[2][1] != "-" {
		t.Errorf("rows %q", rows)
	}
	for _, row := range rows {
		if len(row) != len(resultColumns(r)) {
			t.Errorf("%d cells under %d heads", len(row), len(resultColumns(r)))
		}
	}
}

// TestDisagreementIsTold wants the gap in every row, a line where flags differ,
// and a row for a detector that failed.
func TestDisagreementIsTold(t *testing.T) {
	r := exampleResult()
	r.Models = append(r.Models, bus.Model{Name: "gan-ad", Digest: "sha256:ff", Calibration: "uncalibrated"})
	both := r.Nodules[0]
	both.ID = "both"
	both.Scores = append(both.Scores, bus.NoduleScore{Model: "gan-ad", Digest: "sha256:ff", Raw: 0.5, Calibration: "uncalibrated", Percentile: 12.3})
	both.Disagreement = &bus.Disagreement{PercentileGap: 75.2, FlagsDiffer: true}
	same := both
	same.ID, same.Disagreement = "same", &bus.Disagreement{PercentileGap: 3}
	part := r.Nodules[0]
	part.ID = "part"
	part.Failed = []bus.ModelProblem{{Model: "gan-ad", Digest: "sha256:ff", Problem: bus.Problem{Code: "detector_failed", Message: "gan-ad gave no score"}}}
	part.Error = &part.Failed[0].Problem
	r.Nodules, r.Warnings, r.Models[0].Calibration = []bus.ResultNodule{both, same, part, r.Nodules[1]}, nil, "uncalibrated"

	var b bytes.Buffer
	if err := writeResult(&b, r); err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(b.String(), "\n\n")
	want := `NODULE  MODEL   SCORE     PROBABILITY      PERCENTILE  FLAG     GAP
both    vae-ad  0.012346  0.125            87.5        flagged  75.2, flags
                                                                differ
both    gan-ad  0.5       uncalibrated     12.3        -        75.2, flags
                                                                differ
same    vae-ad  0.012346  0.125            87.5        flagged  3.0
same    gan-ad  0.5       uncalibrated     12.3        -        3.0
part    vae-ad  0.012346  0.125            87.5        flagged  -
part    gan-ad  failed    detector_failed  -           -        -
<b>     -       refused   cube_padding     -           -        -

NODULE  POSITION LPS MM  DIAMETER  LIMITS
both    1.0 -2.2 300.0   8.0 mm    gantry_tilt,cube_partly_outside
same    1.0 -2.2 300.0   8.0 mm    gantry_tilt,cube_partly_outside
part    1.0 -2.2 300.0   8.0 mm    gantry_tilt,cube_partly_outside
<b>     0.0 0.0 0.0      -         -

differ   both: vae-ad flags it (percentile 87.5), gan-ad does not flag it (percentile 12.3)
failed   part by gan-ad: gan-ad gave no score (detector_failed)
refused  <b>: 60 % of the cube has no data (cube_padding)
model    vae-ad sha256:0123456789ab, flag above 0.02, uncalibrated: the percentile is among reference nodules, there is no probability
model    gan-ad sha256:ff, flag above 0, uncalibrated: the percentile is among reference nodules, there is no probability
computed by cpu avx2 float32: vae-ad
For tests.
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	err := refusedNodules(r)
	if err == nil || exitCode(t.Context(), err) != exitBadInput ||
		!strings.Contains(err.Error(), "1 of 4 nodules without a score, 1 of 4 nodules without the score of a detector") {
		t.Errorf("error %v", err)
	}
	page, err := overviewPage(r, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"75.2, flags differ", "the detectors differ: vae-ad flags it", "gan-ad gave no score (detector_failed)"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%q is not in the page", want)
		}
	}
	b.Reset()
	p := resultPrinter{w: &b}
	if err := p.print(bus.Envelope{}, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"gan-ad    0.5        uncalibrated  12.3        -        75.2,", "gan-ad    failed     detector_failed"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in the list of results:\n%s", want, b.String())
		}
	}
}

func TestOverviewPage(t *testing.T) {
	page, err := overviewPage(exampleResult(), []picture{{noduleID: "a", png: []byte("png")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{use.Statement, "0.012346", "data:image/png;base64,cG5n", "&lt;b&gt;", "60 % of the cube has no data", "gantry_tilt"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%q is not in the page", want)
		}
	}
	if strings.Contains(string(page), "<b>") || strings.Contains(string(page), "<script") {
		t.Error("an id of a nodule became part of the page's markup")
	}
}

func TestFileName(t *testing.T) {
	used := map[string]bool{}
	for i, test := range []struct{ id, want string }{
		{"n1", "n1.png"}, {"N1", "N1-2.png"}, {"../../etc/passwd", "etc-passwd-3.png"}, {".hidden", "hidden-4.png"},
		{"a b", "a-b-5.png"}, {"…", "-6.png"}, {"lidc-1", "lidc-1.png"},
	} {
		if got := fileName(test.id, i+1, used); got != test.want {
			t.Errorf("%q became %q, want %q", test.id, got, test.want)
		}
	}
}

func TestQuoted(t *testing.T) {
	for argument, want := range map[string]string{
		"demo/series": "demo/series", "my scan": "'my scan'", "it's": `'it'\''s'`, "": "''", "$(rm)": "'$(rm)'",
	} {
		if got := quoted(argument); got != want {
			t.Errorf("%q became %s, want %s", argument, got, want)
		}
	}
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "90m": now.Add(-90 * time.Minute), "2026-01-30T00:00:00Z": time.Date(2026, 1, 30, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := parseSince(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q became %v (%v), want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"-1h", "yesterday", "2026-01-30"} {
		if _, err := parseSince(text, now); err == nil {
			t.Errorf("%q is taken for a time", text)
		}
	}
}

func TestJobIDFollowsFromContent(t *testing.T) {
	job := bus.Job{SeriesUID: "1.2.3", URI: "file:///a", Nodules: []bus.JobNodule{{ID: "a", PositionLPS: [3]float64{1, 2, 3}}}}
	id := func(change func(*bus.Job)) string {
		other := job
		other.Nodules = append([]bus.JobNodule(nil), job.Nodules...)
		change(&other)
		got, err := jobID(other)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	same := id(func(*bus.Job) {})
	if again := id(func(*bus.Job) {}); again != same || strings.Contains(same, "1.2.3") {
		t.Errorf("ids %q and %q of one job", same, again)
	}
	for name, change := range map[string]func(*bus.Job){
		"position": func(j *bus.Job) { j.Nodules[0].PositionLPS[0] = 1.5 },
		"id":       func(j *bus.Job) { j.Nodules[0].ID = "b" },
		"series":   func(j *bus.Job) { j.SeriesUID = "1.2.4" },
		"folder":   func(j *bus.Job) { j.URI = "file:///b" },
		"priority": func(j *bus.Job) { j.Priority = bus.PriorityStat },
	} {
		if id(change) == same {
			t.Errorf("another %s has the same id", name)
		}
	}
}

// TestProgressIsQuietInLogs wants no bar where nobody can see it move.
func TestProgressIsQuietInLogs(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b, "scoring", 10)
	p.set(1, "")
	if b.Len() > 0 {
		t.Errorf("work that has just begun wrote %q", b.String())
	}
	p.told = p.told.Add(-2 * plainEvery)
	p.set(7, "cutting")
	p.set(8, "")
	p.done()
	if got := b.String(); got != "cutting: 7 of 10\n" {
		t.Errorf("long work wrote %q", got)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if newProgress(file, "scoring", 10).bar != nil {
		t.Error("a file gets a bar")
	}
}

// TestCodeIsPrintedOnce: the message of a problem may end with its code.
func TestCodeIsPrintedOnce(t *testing.T) {
	r := exampleResult()
	r.Nodules[1].Error.Message = "cut cube: 60 % of the cube has no data (cube_padding)"
	r.Warnings[0].Message += " (gantry_tilt)"
	var b strings.Builder
	if err := writeResult(&b, r); err != nil {
		t.Fatal(err)
	}
	page, err := overviewPage(r, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for place, text := range map[string]string{"table": b.String(), "page": string(page)} {
		for _, code := range []string{"(cube_padding)", "(gantry_tilt)"} {
			if n := strings.Count(text, code); n != 1 {
				t.Errorf("%s: %s stands %d times", place, code, n)
			}
		}
	}
}
