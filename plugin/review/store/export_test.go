package store

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

func TestExport(t *testing.T) {
	s := newStore(t)
	r := sample("a", 1, 0.3, 0.9)
	r.Result.Nodules[0].ID = "=cmd|' /C calc'!A0"
	s.add(t, r)
	for _, d := range []NewDecision{{Verdict: bus.Suspicious, Comment: "+1, \"quoted\"\n-2"}, {Verdict: bus.NotNodule, Kind: "vessel", Comment: " @x", BaseVersion: 1}} {
		_, _, err := s.Decide(r, 1, d, "ann", time.Unix(1, 0))
		checktest.Must(t, err)
	}
	var all, current bytes.Buffer
	checktest.Must(t, s.WriteCSV(&all, false))
	checktest.Must(t, s.WriteCSV(&current, true))
	rows, err := csv.NewReader(&all).ReadAll()
	checktest.Must(t, err)
	if len(rows) != 3 || !slices.Equal(rows[0], exportColumns) || rows[1][7] != "false" || rows[2][7] != "true" ||
		rows[1][10] != "'+1, \"quoted\"\n'-2" || rows[2][10] != "' @x" || rows[1][5] != "'=cmd|' /C calc'!A0" || rows[1][16] != "0.3" {
		t.Errorf("%q", rows)
	}
	if rows, err := csv.NewReader(&current).ReadAll(); err != nil || len(rows) != 2 || rows[1][6] != "2" {
		t.Errorf("%q %v", rows, err)
	}
}

// An export of more decisions than a batch holds has each once.
func TestExportBatches(t *testing.T) {
	s := newStore(t)
	r := sample("a", 1, 0.3)
	s.add(t, r)
	const n = exportBatch + 20
	for v := range n {
		_, _, err := s.Decide(r, 1, NewDecision{Verdict: bus.Suspicious, Comment: strconv.Itoa(v), BaseVersion: v}, "ann", time.Unix(int64(v), 0))
		checktest.Must(t, err)
	}
	var b bytes.Buffer
	checktest.Must(t, s.WriteCSV(&b, false))
	if lines := strings.Count(b.String(), "\n"); lines != n+1 {
		t.Errorf("%d lines, want %d", lines, n+1)
	}
}

func TestHarmless(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "plain": "plain", "a=b": "a=b", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\t=1": "'\t=1", "  =1": "'  =1", "a\n=1": "a\n'=1",
		"a\r=1": "a\n'=1", "\u00a0=1": "'\u00a0=1", "＝1": "'＝1", "ann": "ann",
	} {
		if got := harmless(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
