package main

import (
	"os"
	"path/filepath"
	"testing"
)

func demoFolderIn(t *testing.T, dir string) *demoFolder {
	t.Helper()
	f, err := openDemoFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// makeIn writes a file of others.
func makeIn(t *testing.T, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("of others"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// demoWork is a demo folder with the folder of a run under way.
func demoWork(t *testing.T) (dir string, f *demoFolder, work string) {
	t.Helper()
	dir = t.TempDir()
	f = demoFolderIn(t, dir)
	work, err := f.workFolder()
	if err != nil {
		t.Fatal(err)
	}
	return dir, f, work
}

func TestDemoFolderCleansAfterAKilledRun(t *testing.T) {
	dir, _, work := demoWork(t)
	makeIn(t, work, "series", "1.dcm")
	makeIn(t, dir, workPrefix+"of-others", "file")
	demoFolderIn(t, dir) // the first run ended here
	if exists(work) {
		t.Error("what a killed run left is still there")
	}
	if !exists(filepath.Join(dir, workPrefix+"of-others", "file")) {
		t.Error("a folder that no run made is gone")
	}
}

func TestDemoFolderKeepsAccount(t *testing.T) {
	dir, f, work := demoWork(t)
	made := filepath.Join(work, "series")
	makeIn(t, made, "1.dcm")
	makeIn(t, made, "2.dcm")
	f.Series = "1.2.3"
	if err := f.adopt(made, "series"); err != nil {
		t.Fatal(err)
	}
	if err := f.put("index.html", []byte("page")); err != nil {
		t.Fatal(err)
	}
	if err := f.removeWork(); err != nil {
		t.Fatal(err)
	}

	f = demoFolderIn(t, dir)
	if !f.holds("1.2.3") || f.holds("1.2.4") {
		t.Error("the series is not known again, or another is")
	}
	if err := f.put("index.html", []byte("page, once more")); err != nil {
		t.Errorf("its own page is not replaced: %v", err)
	}
	if err := os.WriteFile(f.path("series/2.dcm"), []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if f.holds("1.2.3") {
		t.Error("a series with a changed slice counts as whole")
	}
	if err := f.remove("series"); err != nil {
		t.Fatal(err)
	}
	if exists(f.path("series/1.dcm")) || !exists(f.path("series/2.dcm")) {
		t.Error("what is unchanged was kept, or what was changed removed")
	}
	makeIn(t, dir, "new", "1.dcm")
	if err := f.adopt(filepath.Join(dir, "new"), "series"); err == nil {
		t.Error("a series was put beside files of others")
	}
	if err := f.put("series/2.dcm", nil); err == nil {
		t.Error("a file of others was replaced")
	}
}

func TestDemoFolderRefusesAForeignAccount(t *testing.T) {
	for name, account := range map[string]string{
		"text":              "notes",
		"outside":           `{"made": {"../index.html": ""}}`,
		"outside by series": `{"made": {"series/../../x": ""}}`,
		"dots":              `{"made": {"series/..": ""}}`,
		"absolute":          `{"made": {"/etc/passwd": ""}}`,
		"another folder":    `{"made": {"thesis/chapter1.tex": ""}}`,
		"work of others":    `{"made": {}, "work": ["series"]}`,
		"work below":        `{"made": {}, "work": [".demo-work-1/../../x"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, demoManifest), []byte(account), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := openDemoFolder(dir); err == nil || exitCode(t.Context(), err) != exitUsage {
				t.Errorf("error %v, want one with exit code %d", err, exitUsage)
			}
		})
	}
}

// FuzzDemoAccount wants that no account makes the demo touch what it did not
// make.
func FuzzDemoAccount(f *testing.F) {
	f.Add([]byte(`{"made": {"series/1.dcm": "00", "index.html": "00"}, "work": [".demo-work-1"]}`))
	f.Add([]byte(`{"made": {"pictures/../../kept": ""}, "work": ["../kept"]}`))
	f.Fuzz(func(t *testing.T, account []byte) {
		outer := t.TempDir()
		dir := filepath.Join(outer, "demo")
		makeIn(t, outer, "kept")
		makeIn(t, dir, "series", "1.dcm")
		makeIn(t, dir, "notes", "kept")
		if err := os.WriteFile(filepath.Join(dir, demoManifest), account, 0o644); err != nil {
			t.Fatal(err)
		}
		folder, err := openDemoFolder(dir)
		if err == nil {
			err = folder.remove("series")
		}
		for _, path := range []string{filepath.Join(outer, "kept"), filepath.Join(dir, "notes", "kept")} {
			if !exists(path) {
				t.Errorf("%s is gone (%v)", filepath.Base(path), err)
			}
		}
	})
}
