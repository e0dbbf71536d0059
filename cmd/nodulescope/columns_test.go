package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/outbox"
)

// fitsNarrow wants no line of a table wider than 80 characters, and all its words.
func fitsNarrow(t *testing.T, what, printed string, words ...string) {
	t.Helper()
	for line := range strings.Lines(printed) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > narrow {
			t.Errorf("%s: a line of %d characters: %s", what, n, line)
		}
	}
	for _, word := range words {
		if !strings.Contains(printed, word) {
			t.Errorf("%s lacks %q:\n%s", what, word, printed)
		}
	}
}

// Whatever stands in a table, it fits 80 columns, and nothing of it is lost.
func TestTablesFit(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const letters = "abcdefghijklmnop_-,/: Ä±3."
	for range 500 {
		var rows [][]string
		columns := 1 + random.IntN(12)
		for range 1 + random.IntN(4) {
			var row []string
			for range columns {
				cell := strings.TrimSpace(text(random, letters, random.IntN(1+200/columns)))
				if cell == "-" { // nothing to tell
					cell = ""
				}
				row = append(row, cell)
			}
			rows = append(rows, row)
		}
		var b bytes.Buffer
		if err := writeRows(&b, nil, rows); err != nil {
			t.Fatal(err)
		}
		fitsNarrow(t, fmt.Sprint(rows), b.String())
		if got, want := sorted(b.String()), sorted(strings.Join(slices.Concat(rows...), "")); got != want {
			t.Fatalf("%q became\n%s", rows, b.String())
		}
	}
}

func text(random *rand.Rand, letters string, n int) string {
	runes, out := []rune(letters), make([]rune, n)
	for i := range out {
		out[i] = runes[random.IntN(len(runes))]
	}
	return string(out)
}

// sorted are the characters of a text without blanks.
func sorted(text string) string {
	runes := []rune(strings.Join(strings.Fields(text), ""))
	slices.Sort(runes)
	return string(runes)
}

// The tables of every command at their widest.
func TestCommandTablesFit(t *testing.T) {
	long, at := strings.Repeat("0123456789", 6), time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	r := exampleResult()
	r.JobID, r.Supersedes = "job-of-a-long-name", "x"
	p := 0.5
	r.Nodules[0].ID = "nodule-17-of-the-left-upper-lobe"
	r.Nodules[0].DiameterMM = 12.25
	r.Nodules[0].Disagreement = &bus.Disagreement{PercentileGap: 45.5, FlagsDiffer: true}
	r.Nodules[0].Scores = append(r.Nodules[0].Scores, bus.NoduleScore{Model: "readers-ratings", Raw: -12345.678, Probability: &p, Percentile: 100})
	r.Nodules[1].Error.Code = "candidate_outside_scan"
	r.Nodules[0].Headline = &bus.Headline{Parts: []bus.Part{{About: "spread of density inside", Value: 195, Typical: 85.3, Unit: "HU", Adds: -1.6}, {About: "given diameter", Value: 14.6, Typical: 6.64, Unit: "mm", Adds: 1.1}}}
	tables := map[string]func(w io.Writer) error{
		"score":   func(w io.Writer) error { return writeTable(w, resultColumns(r), resultRows(r)) },
		"places":  func(w io.Writer) error { return writeTable(w, placeColumns, placeRows(r)) },
		"because": func(w io.Writer) error { return writeHeadlines(w, r) },
		"results": func(w io.Writer) error {
			return (&resultPrinter{w: w}).print(bus.Envelope{Time: at}, r)
		},
		"outbox": func(w io.Writer) error {
			return printOutgoing(w, outbox.Letter{Number: 12, Time: at, Kind: "pacs", Attempts: 123, Code: "pacs_unreachable_for_a_while", Problem: "store report: " + long}, false, true)
		},
		"dead": func(w io.Writer) error {
			return printLetter(w, bus.DeadLetter{LetterAt: 7, Dead: bus.Dead{Time: at, Code: "unknown_schema_version", JobID: long, Message: "decode job: only org.nodulescope.job.v1 is understood here"}}, false, true)
		},
	}
	for name, print := range tables {
		var b bytes.Buffer
		if err := print(&b); err != nil {
			t.Fatal(err)
		}
		fitsNarrow(t, name, b.String())
		if b.Len() < 100 {
			t.Errorf("%s: %q", name, b.String())
		}
	}
}

// The name of what a row is about is copied: it stays in one piece as long as
// anything else can give way.
func TestNamesAreNotCut(t *testing.T) {
	var b bytes.Buffer
	row := []string{"*", "20260131-7aa8459c", "retrain", "2026-01-31", "471db9137c43", "20251201-00000000", "ed25519:" + strings.Repeat("Ab0", 15)}
	if err := writeRows(&b, nil, [][]string{row}); err != nil {
		t.Fatal(err)
	}
	fitsNarrow(t, "versions", b.String(), "*  20260131-7aa8459c  ")
}

// What is cut is cut between words; a digest stays in one piece.
// A code is copied: it stays in one piece where there is room to its right.
func TestCodesAreNotCut(t *testing.T) {
	var b bytes.Buffer
	if err := writeRow(&b, []int{14, 8, 9, 12, 10, 7, 3}, []string{"outside, 9.0 mm", "-", "refused", "candidate_outside_scan", "-", "-", "-"}); err != nil {
		t.Fatal(err)
	}
	fitsNarrow(t, "a refused nodule", b.String(), "candidate_outside_scan")
}

func TestWrap(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	for _, c := range []struct {
		text  string
		width int
		want  []string
	}{
		{"gantry_tilt,cube_partly_outside", 12, []string{"gantry_tilt,", "cube_partly_", "outside"}},
		{"-110.3 -4.1 -28.2", 11, []string{"-110.3 -4.1", "-28.2"}},
		{"a longestword", 4, []string{"a", "long", "estw", "ord"}},
		{digest, 65, []string{"sha256:", digest[7:]}},
		{"2026-11-30 09:12:13Z", 10, []string{"2026-11-30", "09:12:13Z"}},
		{"", 5, nil},
	} {
		if got := wrap(c.text, c.width); !slices.Equal(got, c.want) {
			t.Errorf("%q in %d: %q", c.text, c.width, got)
		}
	}
}

func TestCounted(t *testing.T) {
	for n, want := range map[int]string{0: "0 slices", 1: "1 slice", 2: "2 slices"} {
		if got := counted(n, "slice"); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
	if one, two := counted(1, "anomaly"), counted(2, "anomaly"); one != "1 anomaly" || two != "2 anomalies" {
		t.Errorf("%q %q", one, two)
	}
}
