package main

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

// TestTraceTiming: the stages follow one another from the start of the program to the
// end, none is left out between them, and the models stand below the scores.
func TestTraceTiming(t *testing.T) {
	dir := t.TempDir()
	if err := dicomtest.WriteSeries(dir, testSpec("1.2.826.0.1.3680043.10.9.10", "")); err != nil {
		t.Fatal(err)
	}
	_, text := command(t, exitOK, "score", dir, "--nodules", writeFile(t, "nodules.json", manyNodules(1)), "--data-dir", t.TempDir(),
		"--detectors", "vae-ad", "--outline", "off", "--device", "cpu", "--trace-timing")
	_, text, _ = strings.Cut(text, "STAGE ")
	var names []string
	var from, all float64
	for _, line := range strings.Split(text, "\n")[1:] {
		cells := strings.Fields(line)
		if len(cells) == 0 {
			break
		}
		names = append(names, cells[0])
		if cells[0] == "vae-ad" {
			continue
		}
		at, err1 := strconv.ParseFloat(cells[1], 64)
		took, err2 := strconv.ParseFloat(cells[2], 64)
		if err1 != nil || err2 != nil {
			t.Fatalf("no times in %q", line)
		}
		if cells[0] == "all" {
			all = took
		} else if math.Abs(at-from) > 0.2 { // rounded to 0.1
			t.Errorf("%s begins at %g, what came before ends at %g", cells[0], at, from)
		} else {
			from = at + took
		}
	}
	if want := []string{"start", "models", "candidates", "read", "cut", "score", "vae-ad", "write", "all"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if all <= 0 || math.Abs(all-from) > 0.2 {
		t.Errorf("all took %g ms, its stages %g", all, from)
	}
}
