package shadow

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
)

func record(series string, before, after float64) Record {
	value := func(p float64) Value { return Value{Raw: p, Probability: &p, Flagged: p > 0.5} }
	return Record{Result: series, Finding: 1, Pairs: []Pair{{Name: "vae-ad", Before: value(before), After: value(after)}}}
}

// A run keeps what was scored, also beside a line that a crash has cut, holds the scans of
// large changes alone, and ends at its number of nodules.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	asked := Run{Candidate: Named{"a", "1"}, Beside: Named{"b", "2"}, By: "ann", Nodules: 14, Days: 1}
	for _, wrong := range []Run{{}, {Candidate: asked.Candidate, Beside: asked.Candidate, Nodules: 1, Days: 1}, {Candidate: asked.Candidate, Nodules: MaxNodules + 1, Days: 1}} {
		if _, err := Start(dir, wrong); coded.CodeOf(err) != CodeInvalid {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	l, err := Start(dir, asked)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(dir, asked); coded.CodeOf(err) != CodeInvalid {
		t.Errorf("a second run: %v", err)
	}
	scan := make([]float32, nodule.PatchVoxels)
	for i := range 12 {
		if over, err := l.Add([]Record{record(string(rune('a'+i)), 0.9, 0.9-0.05*float64(i%11))}, [][]float32{scan}, Counts{Series: 1}); over || err != nil {
			t.Fatal(over, err)
		}
	}
	f, err := os.OpenFile(recordsFile(l.dir), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString("{\"time\": \"2026\n")
	_ = f.Close()
	if l, err = Open(dir); err != nil || l == nil {
		t.Fatal(l, err)
	}
	if over, err := l.Add([]Record{record("y", 0.1, 0.1), record("z", 0.1, 0.8)}, [][]float32{scan, scan}, Counts{Series: 2, Failed: 1}); !over || err != nil {
		t.Fatal(over, err)
	}
	run, records, err := Read(dir)
	if err != nil || run.Runs() || len(records) != 14 || run.Counts != (Counts{Series: 14, Nodules: 14, Failed: 1}) || records[12].Scan != nil || records[13].Scan == nil {
		t.Errorf("%+v, %d records, %v", run, len(records), err)
	}
	if l, err = Open(dir); l != nil || err != nil {
		t.Errorf("a run that is over is opened: %v", err)
	}
	r := NewReport(run, records)
	if a := r.Scores[0]; a.New != 1 || a.Gone != 3 || a.Agree.Count != 10 || a.Agree.Low > 0.6 || r.Largest[0].Result != "z" {
		t.Errorf("%+v, largest %s", a, r.Largest[0].Result)
	}
	var page bytes.Buffer
	if err := r.WriteHTML(&page); err != nil || strings.Count(page.String(), "data:image/png") == 0 {
		t.Errorf("%v", err)
	}
}

// Scores that only one of both has are not compared.
func TestPairs(t *testing.T) {
	before := bus.ResultNodule{Scores: []bus.NoduleScore{{Model: "vae-ad", Raw: 1}, {Model: "gan-ad"}}, Headline: &bus.Headline{}}
	after := bus.ResultNodule{Scores: []bus.NoduleScore{{Model: "vae-ad", Raw: 2}}}
	if p := Pairs(&before, &after); len(p) != 1 || p[0].Before.Raw != 1 || p[0].After.Raw != 2 {
		t.Errorf("%+v", p)
	}
	after.Headline = &bus.Headline{RungScore: bus.RungScore{Probability: 0.7}}
	if p := Pairs(&before, &after); len(p) != 2 || p[1].Name != "headline" || p[1].moved() != 0.7 {
		t.Errorf("%+v", p)
	}
}
