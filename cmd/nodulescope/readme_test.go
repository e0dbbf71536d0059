package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
)

// The README is checked where it can be: a command, setting or message in it
// that is not there misleads everybody who reads it first.

func readme(t *testing.T) string {
	t.Helper()
	return string(repository(t)["README.md"])
}

func TestReadmeNamesCommands(t *testing.T) {
	text := readme(t)
	known := map[string]bool{"COMMAND": true}
	for _, cmd := range newRootCommand(&globals{}).Commands() {
		known[cmd.Name()] = true
		if !strings.Contains(text, "| `nodulescope "+cmd.Name()) {
			t.Errorf("the table of commands lacks %s", cmd.Name())
		}
	}
	for _, m := range regexp.MustCompile("`nodulescope ([A-Za-z]+(?:-[a-z]+)*)").FindAllStringSubmatch(text, -1) {
		if !known[m[1]] {
			t.Errorf("there is no command %s", m[1])
		}
	}
}

func TestReadmeNamesSettings(t *testing.T) {
	_, table, found := strings.Cut(readme(t), "| setting | default | for |")
	if !found {
		t.Fatal("the table of settings is gone")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	named := map[string]bool{}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(cells[1], -1) {
			named[m[1]] = true
		}
	}
	settings := allSettings(newRootCommand(&globals{}))
	for name := range settings {
		if !named[name] {
			t.Errorf("the table of settings lacks %s", name)
		}
	}
	for name := range named {
		if !settings[name] {
			t.Errorf("%s is no setting", name)
		}
	}
}

func TestReadmeMessagesAreUnderstood(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(readme(t), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d messages, want a job and a result", len(blocks))
	}
	env, job, err := bus.DecodeJob([]byte(blocks[0][1]))
	if err != nil {
		t.Fatalf("job: %v", err)
	}
	if env.ID != "study-17" || len(job.Nodules) != 1 || job.Nodules[0].PositionLPS[2] != -115.9 || job.Nodules[0].Confidence != 0.93 {
		t.Errorf("job %+v", job)
	}
	_, result, err := bus.DecodeResult([]byte(blocks[1][1]))
	if err != nil {
		t.Fatalf("result: %v", err)
	}
	if n := result.Nodules; len(n) != 1 || len(n[0].Scores) != 1 || n[0].Scores[0].Probability == nil || result.JobID != env.ID || result.JobSource != env.Source {
		t.Errorf("result %+v", result)
	}
	// Every field of the message is shown, but for those that the text explains.
	again, err := bus.EncodeResult("/nodulescope/local", result)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"([a-z_]+)":`).FindAllStringSubmatch(string(again), -1) {
		if !strings.Contains(blocks[1][1], `"`+m[1]+`"`) {
			t.Errorf("the result in the README lacks %s", m[1])
		}
	}
}
