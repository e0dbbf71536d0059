package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/retrain/dataset"
)

// No file is replaced that 'dataset build' has not written.
func TestForeignFilesAreNotReplaced(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"site.npz", "site_masks.npz", "site_nodules.csv", "site_card.md", "site_card.json"} {
		dir := t.TempDir()
		path := filepath.Join(dir, "site.npz")
		if former, err := formerCard(path); former != nil || err != nil {
			t.Fatal(former, err)
		}
		plugintest.Must(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600))
		if _, err := formerCard(path); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a service has scored, and somebody has decided, is built from its bus, and
// from what 'results' and 'reviews' print of it to the same bytes.
func TestDatasetFromBus(t *testing.T) {
	dir, model := t.TempDir(), testModel(t)
	network := filepath.Join(dir, "unet.safetensors")
	plugintest.Must(t, plugintest.Network().Save(network))
	ct := filepath.Join(dir, "ct")
	command(t, exitOK, "phantom", ct, "--slices", "48", "--size", "96", "--nodule", "solid:14")
	s := startService(t, t.TempDir(), model, "--outline", network, "--rungs", "off")
	command(t, exitOK, "submit", ct, "--nodules", filepath.Join(ct, "truth.json"), "--nats-url", s.bus)
	var r bus.Result
	eventually(t, "a result", func() bool {
		out, _ := command(t, exitOK, "results", "--json", "--nats-url", s.bus)
		plugintest.Must(t, os.WriteFile(filepath.Join(dir, "results.jsonl"), []byte(out), 0o600))
		return json.Unmarshal([]byte(out), &r) == nil
	})
	b, err := bus.Connect(t.Context(), (&busFlags{url: s.bus}).options(nil, bus.RoleService)) // to publish what a reviewer decides
	plugintest.Must(t, err)
	defer b.Close()
	_, err = b.PublishReview(t.Context(), "local", "/test", bus.Review{
		Identity: r.Identity, NoduleID: r.Nodules[0].ID, Verdict: bus.Suspicious, Reviewer: "ann", Version: 1, Time: time.Unix(1700000000, 0).UTC()})
	plugintest.Must(t, err)
	out, _ := command(t, exitOK, "reviews", "--nats-url", s.bus)
	if !strings.Contains(out, "suspicious") || !strings.Contains(out, "ann") {
		t.Errorf("%s", out)
	}
	decisions, _ := command(t, exitOK, "reviews", "--json", "--nats-url", s.bus)
	plugintest.Must(t, os.WriteFile(filepath.Join(dir, "reviews.jsonl"), []byte(decisions), 0o600))

	build := func(name string, from ...string) string {
		path := filepath.Join(dir, name, "site.npz")
		plugintest.Must(t, os.Mkdir(filepath.Dir(path), 0o700))
		out, _ := command(t, exitOK, append([]string{"dataset", "build", path, "--series", ct, "--outline", network, "--key", filepath.Join(dir, "site.key"), "--json"}, from...)...)
		var card dataset.Card
		plugintest.Must(t, json.Unmarshal([]byte(out), &card))
		if card.Counts.Anomalies != 1 || card.Counts.Nodules != 1 || card.Inputs.Decisions.Count != 1 {
			t.Errorf("%s: %+v", name, card.Counts)
		}
		return path
	}
	one := build("bus", "--nats-url", s.bus)
	two := build("files", "--results", filepath.Join(dir, "results.jsonl"), "--reviews", filepath.Join(dir, "reviews.jsonl"))
	was, err := dataset.ReadCard(one)
	plugintest.Must(t, err)
	is, err := dataset.ReadCard(two)
	plugintest.Must(t, err)
	if was.Files["site.npz"] == "" || was.Files["site.npz"] != is.Files["site.npz"] || was.Inputs != is.Inputs {
		t.Errorf("bus and files differ: %v, %v", was, is)
	}
	ds, err := nodule.LoadNPZ(one)
	if err != nil || ds.Samples[0].Label != nodule.Anomaly || ds.Samples[0].MaskVolume < 500 {
		t.Errorf("%v", err)
	}
}
