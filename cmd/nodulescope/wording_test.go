package main

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestWording wants the standard terms wherever a text is shown: in strings of the
// program and in its templates. The page has a test of its own.
func TestWording(t *testing.T) {
	odd := regexp.MustCompile(`(?i)^(seen|rebuilt|take theirs|forget|replaced)$|\brebuilt (patch|image|nodule|picture)|confidence of the detector|no such series|larger than the training|[^a-z]seen, rebuilt`)
	looked := 0
	for name, text := range repository(t) {
		switch {
		case path.Ext(name) == ".go" && !strings.HasSuffix(name, "_test.go"):
			ast.Inspect(parse(t, name, text), func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if s, err := strconv.Unquote(lit.Value); err == nil && odd.MatchString(s) {
						t.Errorf("%s says %q", name, s)
					}
					looked++
				}
				return true
			})
		case (path.Ext(name) == ".html" || path.Ext(name) == ".tmpl") && !strings.Contains(name, "/dist/"):
			for line := range strings.Lines(string(text)) {
				words := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(line, "")
				if odd.MatchString(strings.TrimSpace(words)) {
					t.Errorf("%s says %q", name, strings.TrimSpace(words))
				}
			}
			looked++
		}
	}
	if looked < 1000 {
		t.Errorf("%d texts were looked at", looked)
	}
}
