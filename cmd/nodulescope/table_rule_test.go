package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A table that is printed in another way than by columns.go is not known to fit a
// terminal, and a number with a plural beside it is wrong for one.
func TestOneWayToPrintTables(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	plural := regexp.MustCompile(`(F|S)printf\(.*"[^"]*%d (slices|nodules|patients|files|messages|results|decisions|versions|images|records|workers|folds|anomalies|normals)\b`)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(name) //nolint:gosec // our own source
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), `"text/tabwriter"`) {
			t.Errorf("%s prints a table without columns.go", name)
		}
		for line := range strings.Lines(string(b)) {
			if plural.MatchString(line) && !strings.Contains(line, "Error") && !strings.Contains(line, "%d of %d") && !strings.Contains(line, "up to %d") {
				t.Errorf("%s: wrong for one: %s", name, strings.TrimSpace(line))
			}
		}
	}
}
