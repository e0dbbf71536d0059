package web_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// The outline of a nodule is drawn on the planes until a key takes it away, and
// measured beside them; a place without a nodule says so in the list and in
// place of scores.
func TestOutlines(t *testing.T) {
	browser := newBrowser(t)
	dir := phantom(t, "--seed", "8", "--slices", "60", "--size", "256", "--count", "1")
	nodules := addCandidate(t, dir, map[string]any{"id": "air", "position_lps_mm": []float64{88.65, -38.76, 52.73}})
	network := filepath.Join(t.TempDir(), "network.safetensors")
	if err := plugintest.Network().Save(network); err != nil {
		t.Fatal(err)
	}
	s := serve(t, append([]string{"--outline", network}, quick...)...)
	run(t, "", "submit", dir, "--nodules", nodules, "--nats-url", s.bus)
	ann := annSees(browser, t, s)
	ann.press("o")
	ann.opened()
	ann.press("e")

	// The length of the line on every plane, by its colour.
	const drawn = `[...document.querySelectorAll(".view svg.overlay")].map((e) => e.querySelector('path[stroke="#ff7ad9"]')?.getTotalLength() ?? 0)`
	ann.until("the outline on three planes", drawn+`.filter((n) => n > 60).length === 3`)
	ann.text("[data-test=outline]", "Axes")
	ann.text("[data-test=outline]", "mm³")
	ann.text("[data-test=outline]", "±")
	ann.text("[data-test=outline]", "solid")
	ann.text(".findings [aria-current]", "mm")
	ann.shot("outline")
	ann.press("t")
	ann.until("no outline", drawn+`.every((n) => n === 0)`)
	ann.press("t")
	ann.until("the outline again", drawn+`.filter((n) => n > 60).length === 3`)

	ann.press("n")
	ann.text("[data-test=no-nodule]", "No nodule found here")
	ann.text(".findings [aria-current]", "no nodule found")
	ann.until("no outline of another finding", drawn+`.every((n) => n === 0)`)
	ann.until("no scores", `!document.querySelector(".side table.scores")`)
	ann.check("body", ".side [data-test=no-nodule]", ".findings em.none")
	ann.shot("no-nodule")
}

// addCandidate writes the candidates of a phantom with one more.
func addCandidate(t *testing.T, dir string, candidate map[string]any) (path string) {
	t.Helper()
	var truth struct {
		Nodules []map[string]any `json:"nodules"`
	}
	text, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err == nil {
		err = json.Unmarshal(text, &truth)
	}
	if err == nil {
		text, err = json.Marshal(map[string]any{"nodules": append(truth.Nodules, candidate)})
	}
	path = filepath.Join(t.TempDir(), "nodules.json")
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}
