package main

import (
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestArchitecturePage compares the picture of packages with the imports: each
// arrow is one, or follows from several, and the picture has every room.
func TestArchitecturePage(t *testing.T) {
	const module = "github.com/nodulescope/nodulescope/"
	files := repository(t)
	imports := map[string]map[string]bool{}
	for name, text := range files {
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		dir := path.Dir(name)
		if imports[dir] == nil {
			imports[dir] = map[string]bool{}
		}
		for _, spec := range parse(t, name, text).Imports {
			if target, err := strconv.Unquote(spec.Path.Value); err == nil && strings.HasPrefix(target, module) {
				imports[dir][strings.TrimPrefix(target, module)] = true
			}
		}
	}
	var reaches func(from, to string, seen map[string]bool) bool
	reaches = func(from, to string, seen map[string]bool) bool {
		seen[from] = true
		for next := range imports[from] {
			if next == to || !seen[next] && reaches(next, to, seen) {
				return true
			}
		}
		return false
	}
	drawn := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^  (\S+) --> (\S+)$`).FindAllSubmatch(files["docs/architecture.md"], -1) {
		from, to := string(m[1]), string(m[2])
		drawn[from], drawn[to] = true, true
		if !reaches(from, to, map[string]bool{}) {
			t.Errorf("the picture has an arrow from %s to %s: there is no such import", from, to)
		}
	}
	for _, room := range []string{"dicomio", "nodule", "models", "detector", "bus", "plugin", "cmd/nodulescope"} {
		if !drawn[room] {
			t.Errorf("the picture lacks %s", room)
		}
	}
}
