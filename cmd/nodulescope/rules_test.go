package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The rules of the repository, held by tests so that nobody has to remember
// them. They read every file that git does not ignore.

const maxSourceLines = 400

// TestPackagesHaveDocs wants a package comment in every package.
func TestPackagesHaveDocs(t *testing.T) {
	documented := map[string]bool{}
	for name, text := range repository(t) {
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		dir := path.Dir(name)
		file := parse(t, name, text)
		documented[dir] = documented[dir] || file.Doc.Text() != ""
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment: say in %s/doc.go what it is for", dir, dir)
		}
	}
	if len(documented) == 0 {
		t.Error("no package was found")
	}
}

// TestPackagesHaveTests wants a test file in every package with functions.
// Generators (a folder gen) are tested by what they make, helpers of tests (a
// folder that ends in test) by the tests they help.
func TestPackagesHaveTests(t *testing.T) {
	needs, has := map[string]bool{}, map[string]bool{}
	for name, text := range repository(t) {
		if path.Ext(name) != ".go" {
			continue
		}
		dir := path.Dir(name)
		if strings.HasSuffix(name, "_test.go") {
			has[dir] = true
			continue
		}
		for _, decl := range parse(t, name, text).Decls {
			if _, ok := decl.(*ast.FuncDecl); ok {
				needs[dir] = true
			}
		}
	}
	for dir := range needs {
		if helper := path.Base(dir) == "gen" || strings.HasSuffix(dir, "test"); !has[dir] && !helper {
			t.Errorf("package %s has no tests", dir)
		}
	}
}

// TestFilesAreShort wants source files that are one thing each.
func TestFilesAreShort(t *testing.T) {
	for name, text := range repository(t) {
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || generated(name, text) {
			continue
		}
		if lines := bytes.Count(text, []byte("\n")); lines > maxSourceLines {
			t.Errorf("%s has %d lines, more than %d: split it", name, lines, maxSourceLines)
		}
	}
	main := repository(t)["cmd/nodulescope/main.go"]
	if lines := bytes.Count(main, []byte("\n")); lines == 0 || lines >= 50 {
		t.Errorf("main.go has %d lines, want fewer than 50", lines)
	}
}

// TestFilesNameNoMachine wants no path that exists on one machine only.
func TestFilesNameNoMachine(t *testing.T) {
	for name, text := range repository(t) {
		if bytes.IndexByte(text, 0) >= 0 { // not a text
			continue
		}
		if found := machinePath.Find(text); found != nil {
			t.Errorf("%s names a path of one machine: %q", name, found)
		}
		if name != ".ci/run" && bytes.Contains(text, []byte("../"+"shared")) {
			t.Errorf("%s names a folder beside the checkout: only .ci/run may, all else reads NODULESCOPE_DATA", name)
		}
	}
}

// machinePath matches absolute paths below the folders where people and
// machines keep checkouts.
var machinePath = regexp.MustCompile("(?m)(^|[\\s\"'`=(:,])/(work|root|home|Users)/[\\w.-]+")

func TestMachinePath(t *testing.T) {
	for text, want := range map[string]bool{
		"data: /" + "work/data":               true,
		"cd \"/" + "home/ann/src\"":           true,
		"/" + "root/go\n":                     true,
		"#!/usr/bin/python3":                  false,
		"https://example.org/home/page":       false,
		"a framework/rootless/homework/ file": false,
	} {
		if got := machinePath.MatchString(text); got != want {
			t.Errorf("%q: matched %t, want %t", text, got, want)
		}
	}
}

// TestSourceIsFinished wants no marks of what is left to do: an issue holds
// them.
func TestSourceIsFinished(t *testing.T) {
	mark := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b`)
	for name, text := range repository(t) {
		if path.Ext(name) != ".go" {
			continue
		}
		if found := mark.Find(text); found != nil {
			t.Errorf("%s says %s: finish it or open an issue", name, found)
		}
	}
}

// TestHouseIsComplete wants the files that people look for, and no top-level
// folder beside those of the layout.
func TestHouseIsComplete(t *testing.T) {
	files := repository(t)
	for _, name := range []string{
		".ci/run", ".golangci.yml", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "NOTICE", "README.md", "SECURITY.md", "go.mod", "go.sum",
	} {
		if len(files[name]) == 0 {
			t.Errorf("%s is missing or empty", name)
		}
	}
	if !bytes.Contains(files["LICENSE"], []byte("Apache License")) {
		t.Error("LICENSE is not the Apache License")
	}
	folders := []string{".ci", "bus", "cmd", "detector", "dicomio", "docs", "findings", "internal", "models", "nodule", "plugin"}
	for name := range files {
		if top, _, below := strings.Cut(name, "/"); below && !slices.Contains(folders, top) {
			t.Errorf("%s lies in a top-level folder that the layout does not know", name)
		}
	}
}

// repository reads the files of the repository that git does not ignore, by
// slash-separated path.
func repository(t *testing.T) map[string][]byte {
	t.Helper()
	root := filepath.Join("..", "..")
	ignored := ignoredPatterns(t, filepath.Join(root, ".gitignore"))
	files := map[string][]byte{}
	err := filepath.WalkDir(root, func(full string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(relative)
		switch {
		case name == ".":
			return nil
		case entry.IsDir() && (name == ".git" || isIgnored(ignored, name+"/")):
			return fs.SkipDir
		case !entry.Type().IsRegular() || isIgnored(ignored, name):
			return nil
		}
		files[name], err = os.ReadFile(full)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func ignoredPatterns(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var patterns []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			patterns = append(patterns, line)
		}
	}
	return patterns
}

// isIgnored knows the patterns that this repository uses: "/name/" and
// "/name" at the top, "name/" and "*.ext" anywhere. A folder's name ends in a
// slash.
func isIgnored(patterns []string, name string) bool {
	for _, pattern := range patterns {
		top, anchored := strings.CutPrefix(pattern, "/")
		if anchored && name == top {
			return true
		}
		folder := strings.HasSuffix(name, "/")
		if folder != strings.HasSuffix(pattern, "/") {
			continue
		}
		if match, _ := path.Match(strings.TrimSuffix(pattern, "/"), path.Base(name)); !anchored && match {
			return true
		}
	}
	return false
}

func parse(t *testing.T, name string, text []byte) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// generated tells files that a program wrote.
func generated(name string, text []byte) bool {
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.PackageClauseOnly|parser.ParseComments)
	return err == nil && ast.IsGenerated(file)
}
