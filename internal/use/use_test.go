package use

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// otherWording is what a second wording of the intended use would hold.
var otherWording = regexp.MustCompile(`(?i)\btriag\w*|for research\b|not (meant |intended )?(to be used )?for (clinical|diagnos)\w*`)

// allowed are texts that may say it otherwise: what changed, and answers of an
// earlier version that are compared with.
var allowed = []string{"CHANGELOG.md", "internal/use/", "cmd/nodulescope/testdata/golden/", "cmd/nodulescope/golden_test.go"}

// TestOneWording reads the texts of the repository: where the intended use is
// said, it is said in these words.
func TestOneWording(t *testing.T) {
	root := filepath.Join("..", "..")
	texts := []string{".go", ".md", ".html", ".ts", ".tsx", ".yaml", ".json", ".txtar"}
	seen := 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		name = filepath.ToSlash(name)
		if e.IsDir() {
			skip := name != "." && strings.HasPrefix(e.Name(), ".") || slices.Contains([]string{"node_modules", "dist", "shared", "demo", "bin", "data", "runs"}, e.Name())
			if skip {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.Contains(texts, filepath.Ext(path)) || slices.ContainsFunc(allowed, func(a string) bool { return strings.HasPrefix(name, a) }) {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := plain(string(b))
		seen += strings.Count(text, Purpose)
		for _, said := range []string{Purpose, Meaning, "never for triage or diagnosis", "; " + Label} {
			text = strings.ReplaceAll(text, said, "")
		}
		for _, said := range otherWording.FindAllString(text, -1) {
			t.Errorf("%s says %q: the intended use is said in the words of this package", name, said)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 4 { // README, model card, review page, examples
		t.Errorf("the intended use is said %d times in texts and examples", seen)
	}
}

// plain is text without line breaks, emphasis and comment marks.
func plain(s string) string {
	fields := strings.Fields(strings.ReplaceAll(s, "**", ""))
	fields = slices.DeleteFunc(fields, func(f string) bool { return f == "//" })
	return strings.Join(fields, " ")
}

func TestLabelFits(t *testing.T) {
	if n := len("Nodule scores, pictures, " + Label); n > 64 {
		t.Errorf("a series description of %d characters, at most 64 fit", n)
	}
}
