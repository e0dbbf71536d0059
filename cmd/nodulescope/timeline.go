package main

import (
	"fmt"
	"io"
	"time"

	"github.com/nodulescope/nodulescope/bus"
)

// timeline is where the time of a command goes, stage after stage. A nil one
// notes nothing.
type timeline struct{ stages []stage }

type stage struct {
	name string
	at   time.Time
	cpu  time.Duration // processor time of the process until then
}

// newTimeline begins with the start of the program, which nobody sees: it takes the
// processor time that the process has had when this is called.
func newTimeline() *timeline {
	now, cpu := time.Now(), processorTime() // zero on a system where it is not known
	return &timeline{stages: []stage{{name: "start", at: now.Add(-cpu)}}}
}

// enter begins a stage, unless it is the one that goes on.
func (t *timeline) enter(name string) {
	if t == nil || t.stages[len(t.stages)-1].name == name {
		return
	}
	t.stages = append(t.stages, stage{name, time.Now(), processorTime()})
}

// write ends the last stage and prints a line for each, and below that of the
// scores one for each model: these run side by side. Processor time is that of all
// threads; where it is not known it is left out.
func (t *timeline) write(w io.Writer, models []bus.ModelTiming) error {
	if t == nil {
		return nil
	}
	t.enter("end")
	end := t.stages[len(t.stages)-1]
	known := end.cpu > 0
	row := func(name string, at, took, cpu time.Duration) []string {
		cells := []string{name, fmt.Sprintf("%.1f", float64(at)/1e6), fmt.Sprintf("%.1f", float64(took)/1e6)}
		if known && cpu >= 0 {
			cells = append(cells, fmt.Sprintf("%.1f", float64(cpu)/1e6))
		}
		return cells
	}
	heads := []string{"STAGE", "FROM MS", "TOOK MS"}
	if known {
		heads = append(heads, "PROCESSOR MS")
	}
	var rows [][]string
	first := t.stages[0].at
	for i, s := range t.stages[:len(t.stages)-1] {
		next := t.stages[i+1]
		rows = append(rows, row(s.name, s.at.Sub(first), next.at.Sub(s.at), next.cpu-s.cpu))
		if s.name == "score" {
			for _, m := range models {
				rows = append(rows, []string{"  " + m.Model, "", fmt.Sprintf("%.1f", m.Score)})
			}
		}
	}
	return writeTable(w, heads, append(rows, row("all", 0, end.at.Sub(first), end.cpu)))
}
