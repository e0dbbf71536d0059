package plugin

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/retrain/drift"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

// What a service scores is kept without names, and what has moved is in its metrics.
func TestDriftOfService(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.ModelVersion = store.Shipped
	p := start(t, cfg)
	p.submitAnother(t, 0)
	p.results(1)
	p.idle(1)
	records, err := drift.Read(cfg.DataDir)
	plugintest.Must(t, err)
	if len(records) != 1 || records[0].Version != store.Shipped || records[0].Numbers["score "+cfg.Detectors[0].Name()] == 0 {
		t.Fatalf("%+v", records)
	}
	if _, known := records[0].Numbers[drift.NoiseHU]; !known {
		t.Error("no noise was measured")
	}
	p.noise.mu.Lock()
	if n := len(p.noise.all); n != 0 {
		t.Errorf("the noise of %d results is held for ever", n)
	}
	p.noise.mu.Unlock()
	now := time.Now()
	for i := range drift.Baseline + drift.MinWindow {
		one := records[0]
		one.Names = map[string]string{drift.Kernel: "a"}
		one.Numbers = map[string]float64{drift.Diameter: float64(i % 7)}
		if one.Day = "2020-01-01"; i >= drift.Baseline-1 {
			one.Day, one.Names[drift.Kernel] = now.UTC().Format(time.DateOnly), "b"
		}
		plugintest.Must(t, drift.Append(cfg.DataDir, one))
	}
	p.lookDrift(now)
	m := gather(t, p.Plugin)
	if m["nodulescope_drift_alarm/"+drift.Kernel] != 1 || m["nodulescope_drift_alarm/"+drift.Diameter] != 0 || m["nodulescope_drift_series"] < drift.MinWindow {
		t.Error(fmt.Sprint(m))
	}
	r, err := Drift(cfg.DataDir, now)
	if err != nil || !r.Alarm {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestDriftFromItsTraining: a version is compared with the data that it says it learned
// from, not with the first series that it scored.
func TestDriftFromItsTraining(t *testing.T) {
	t.Parallel()
	data, now := t.TempDir(), time.Now()
	records := func(n int, kernel string) (all []drift.Record) {
		for i := range n {
			all = append(all, drift.Record{Day: now.UTC().Format(time.DateOnly), Names: map[string]string{drift.Kernel: kernel}, Numbers: map[string]float64{drift.Diameter: float64(i % 7)}})
		}
		return all
	}
	reference, err := json.Marshal(drift.Reference{Schema: 1, Records: records(50, "B31f")})
	plugintest.Must(t, err)
	folder := plugintest.Candidate(t, 51, nil)
	plugintest.AddFile(t, folder, "reference.json", store.RoleReference, reference)
	s := store.Open(data)
	m, _, err := s.Import(folder)
	plugintest.Must(t, err)
	_, _, err = s.Apply(store.Change{Version: m.Version, By: "ann", Forced: true}, func(store.Changed, store.Set) error { return nil })
	plugintest.Must(t, err)
	for _, r := range records(drift.MinWindow, "B70f") {
		r.Version = m.Version
		plugintest.Must(t, drift.Append(data, r))
	}
	r, err := Drift(data, now)
	plugintest.Must(t, err)
	if r.Reference != "50 series of its training" || !r.Alarm {
		t.Errorf("%+v", r)
	}
	for _, c := range r.Values {
		if c.Baseline || c.Reference != 50 || c.Alarm != (c.Name == drift.Kernel) {
			t.Errorf("%+v", c)
		}
	}
}
