package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/nodule/measure"
)

// messages is one message of each type, with every field set.
func messages(t *testing.T) map[string][]byte {
	t.Helper()
	now := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	must := func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	job := bus.Job{StudyUID: "1.2", SeriesUID: "1.2.3", URI: "file:///data/series", FrameOfReferenceUID: "1.2.4", Priority: bus.PriorityStat, Deadline: &now,
		Nodules: []bus.JobNodule{{ID: "n1", PositionLPS: [3]float64{1, -2, 3.5}, DiameterMM: 8, Confidence: 0.5}}}
	p, hu, problem := 0.4, -300.0, bus.Problem{Code: "cube_padding", Message: "too little data"}
	result := bus.Result{Identity: "sha256:1", Supersedes: "sha256:0", JobID: "j", JobSource: "/d", StudyUID: "1.2", SeriesUID: "1.2.3", Software: "s", Preprocessing: "p", IntendedUse: "u",
		Models:   []bus.Model{{Name: "vae-ad", Digest: "sha256:2", Calibration: "uncalibrated", DiameterMM: &[2]float64{3, 30}}},
		Outliner: &bus.Outliner{Name: "outline", Digest: "sha256:5", Preprocessing: "p"},
		Geometry: bus.Geometry{SpacingMM: [3]float64{1, 0.7, 0.7}, Slices: 100}, Warnings: []bus.Problem{problem}, Error: &problem, SRSOPUID: "1.2.5",
		Nodules: []bus.ResultNodule{{JobNodule: job.Nodules[0], Applicability: []string{"small"}, Error: &problem, Failed: []bus.ModelProblem{{Model: "gan-ad", Digest: "sha256:3", Problem: problem}},
			Outline: &bus.Outline{Digest: "sha256:5", Found: true, Codes: []string{"outline_cut"}, SpacingMM: 2, CentreLPS: [3]float64{1, -2, 4},
				Measurements: &measure.Measurements{VolumeMM3: 214, MeanHU: &hu, Type: measure.PartSolid}, ComputedBy: &bus.Machine{Device: "cpu", Precision: "float32"}},
			OutlineError: &problem,
			Disagreement: &bus.Disagreement{PercentileGap: 20, FlagsDiffer: true},
			Scores: []bus.NoduleScore{{Model: "vae-ad", Digest: "sha256:2", Raw: 0.1, Probability: &p, Calibration: "natural-prevalence", Terms: []bus.Term{{Name: "KL", Value: 1}},
				ComputedBy: &bus.Machine{Device: "cpu", Name: "avx2", Precision: "float32"}}}}},
		TimingsMS: bus.Timings{Total: 5, Outline: 1, Models: []bus.ModelTiming{{Model: "vae-ad", Digest: "sha256:2", Score: 4}}}}
	review := bus.Review{Identity: "sha256:1", NoduleID: "n1", Verdict: bus.NotNodule, Kind: "vessel", Decision: "reject", Reason: "vessel", Comment: "c", Reviewer: "ann", Time: now, Version: 1}
	dead := bus.Dead{Code: "not_json", Message: "m", Subject: "s", Sequence: 3, JobID: "j", Digest: "sha256:4", Size: 2, Payload: []byte("ab"), Headers: map[string][]string{"k": {"v"}}, Time: now}
	return map[string][]byte{
		bus.TypeJob:    must(bus.EncodeJob("/d", "1", job)),
		bus.TypeResult: must(bus.EncodeResult("/d", result)),
		bus.TypeReview: must(eventOf(bus.TypeReview, review)),
		bus.TypeDead:   must(eventOf(bus.TypeDead, dead)),
	}
}

// eventOf is a message of a kind that package bus alone writes.
func eventOf(typ string, data any) ([]byte, error) {
	return json.Marshal(map[string]any{"specversion": "1.0", "type": typ, "source": "/d", "id": "1", "datacontenttype": "application/json", "data": data})
}

// TestEmptyResultIsValid writes null where Go has no list and no number.
func TestEmptyResultIsValid(t *testing.T) {
	b, err := bus.EncodeResult("/d", bus.Result{Identity: "sha256:1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled(t)[bus.TypeResult].Validate(decoded(t, b)); err != nil {
		t.Error(err)
	}
}
