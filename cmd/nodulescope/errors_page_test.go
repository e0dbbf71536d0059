package main

import (
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// codeConstant matches a code that a package names, typed or not.
var codeConstant = regexp.MustCompile(`(?m)^\s*(?:const )?Code\w+\s+(?:(?:\w+\.)?Code\s+)?=\s*"([a-z_]+)"`)

// TestErrorsPage wants every code of the sources in docs/errors.md, each once,
// with the exit code that commands give, and none that no source has.
func TestErrorsPage(t *testing.T) {
	source := map[string]bool{"internal_error": true}
	files := repository(t)
	for name, text := range files {
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, m := range codeConstant.FindAllSubmatch(text, -1) {
			source[string(m[1])] = true
		}
	}
	if len(source) < 80 {
		t.Fatalf("only %d codes are found: is the expression still right?", len(source))
	}
	page := map[string]bool{}
	for line := range strings.Lines(string(files["docs/errors.md"])) {
		cells := strings.Split(line, "|")
		if len(cells) < 6 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			continue
		}
		code, last := strings.Trim(cells[1], " `"), strings.TrimSpace(cells[len(cells)-2])
		if page[code] {
			t.Errorf("%s is on the page twice", code)
		}
		page[code] = true
		if !source[code] {
			t.Errorf("%s is on the page and no code of a package", code)
		}
		if exit, known := exitCodes[code]; known && last != strconv.Itoa(exit) {
			t.Errorf("%s has the exit code %d, the page says %s", code, exit, last)
		}
	}
	for code := range source {
		if !page[code] {
			t.Errorf("docs/errors.md lacks %s", code)
		}
	}
	for _, line := range strings.Split(exitCodesHelp, "\n") {
		if exit := strings.Fields(line)[0]; !strings.Contains(string(files["docs/errors.md"]), "\n| "+exit+" | ") {
			t.Errorf("docs/errors.md lacks the exit code %s", exit)
		}
	}
}
