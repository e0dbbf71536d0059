package audit

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// writeFiles writes a trail of small files with n records, the first ones old.
func writeFiles(t *testing.T, n int) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "audit.jsonl")
	var a *Trail
	for i := range n {
		var err error
		if i%3 == 0 { // some records in one run, some after a start
			if a != nil {
				plugintest.Must(t, a.Close())
			}
			a, err = Open(path)
			plugintest.Must(t, err)
			a.FileBytes = 200 // two records
		}
		plugintest.Must(t, a.Append(Record{Kind: KindScore, Identity: fmt.Sprint(i), Time: time.Now().Add(time.Duration(i-n) * time.Hour)}))
	}
	plugintest.Must(t, a.Close())
	return path
}

func filesOf(t *testing.T, path string) []string {
	t.Helper()
	files, err := Files(path)
	plugintest.Must(t, err)
	return files
}

func verified(t *testing.T, path string) (identities string) {
	t.Helper()
	n, _, err := VerifyFiles(filesOf(t, path), func(r Record) error {
		identities += r.Kind + r.Identity + " "
		return nil
	})
	if err != nil || n != strings.Count(identities, " ") {
		t.Fatalf("%d records, %v", n, err)
	}
	return identities
}

// A trail goes on in a new file, and its chain through all of them.
func TestFilesAreTurned(t *testing.T) {
	path := writeFiles(t, 7)
	files := filesOf(t, path)
	if len(files) < 3 || filepath.Base(files[0]) != "audit-000001.jsonl" || files[len(files)-1] != path {
		t.Errorf("%v", files)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 || info.Size() > 800 {
			t.Errorf("%v %v", info, err)
		}
	}
	const want = "score0 score1 score2 score3 score4 score5 score6 "
	if got := verified(t, path); got != want {
		t.Error(got)
	}
	// A process that ended after the former file got its name, before there was a new one.
	plugintest.Must(t, os.Rename(path, filepath.Join(filepath.Dir(path), fmt.Sprintf("audit-%06d.jsonl", len(files)))))
	a, err := Open(path)
	plugintest.Must(t, err)
	if !a.Continued() {
		t.Error("it is taken for a new trail")
	}
	plugintest.Must(t, a.Append(Record{Kind: KindScore, Identity: "7"}))
	plugintest.Must(t, a.Close())
	if got := verified(t, path); got != want+"score7 " {
		t.Error(got)
	}
}

// A trail whose middle, beginning or order was changed is not whole.
func TestFilesThatAreMissing(t *testing.T) {
	for name, change := range map[string]func(files []string) []string{
		"first":  func(f []string) []string { return f[1:] },
		"middle": func(f []string) []string { return append(f[:1:1], f[2:]...) },
		"order":  func(f []string) []string { return append([]string{f[1], f[0]}, f[2:]...) },
	} {
		_, _, err := VerifyFiles(change(filesOf(t, writeFiles(t, 7))), nil)
		plugintest.WantCode(t, err, CodeFailed)
		if err == nil {
			t.Error(name)
		}
	}
}

// Old files are removed, what is left is whole, and one file more may not be missing.
func TestOldFilesAreRemoved(t *testing.T) {
	path := writeFiles(t, 9)
	before := filesOf(t, path)
	a, err := Open(path)
	plugintest.Must(t, err)
	gone, err := a.Expire(time.Now().Add(-4 * time.Hour))
	if err != nil || gone < 2 || gone >= len(before)-1 {
		t.Fatalf("%d of %d files, %v", gone, len(before), err)
	}
	if again, err := a.Expire(time.Now().Add(-4 * time.Hour)); again != 0 || err != nil {
		t.Error(again, err)
	}
	plugintest.Must(t, a.Close())
	if got := verified(t, path); strings.Contains(got, "score0") || strings.Count(got, KindForgotten) != gone || !strings.Contains(got, "score8") {
		t.Error(got)
	}
	plugintest.Must(t, os.Remove(filesOf(t, path)[0]))
	_, _, err = VerifyFiles(filesOf(t, path), nil)
	plugintest.WantCode(t, err, CodeFailed)
}

// Copies are of the moment, whatever is written or removed later.
func TestCopies(t *testing.T) {
	path := writeFiles(t, 5)
	want := verified(t, path)
	a, err := Open(path)
	plugintest.Must(t, err)
	a.FileBytes = 1
	copies, err := a.Copies()
	plugintest.Must(t, err)
	for range 3 {
		plugintest.Must(t, a.Append(Record{Kind: KindLogin, User: "ann"}))
	}
	into := t.TempDir()
	for _, c := range copies {
		text, err := io.ReadAll(c)
		plugintest.Must(t, err)
		plugintest.Must(t, os.WriteFile(filepath.Join(into, c.Name), text, 0o600))
		plugintest.Must(t, c.Close())
	}
	plugintest.Must(t, a.Close())
	if got := verified(t, filepath.Join(into, "audit.jsonl")); got != want {
		t.Error(got)
	}
}

// Where no new file can be begun nothing is written, and it goes on when one can.
func TestTurningIsTriedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "audit.jsonl")
	plugintest.Must(t, os.Mkdir(filepath.Dir(path), 0o700))
	a, err := Open(path)
	plugintest.Must(t, err)
	a.FileBytes = 1
	plugintest.Must(t, a.Append(Record{Kind: KindScore, Identity: "0"}))
	away := filepath.Dir(path) + "-away"
	plugintest.Must(t, os.Rename(filepath.Dir(path), away))
	plugintest.WantCode(t, a.Append(Record{Kind: KindScore, Identity: "lost"}), CodeFailed)
	plugintest.Must(t, os.Rename(away, filepath.Dir(path)))
	for i := range 2 {
		plugintest.Must(t, a.Append(Record{Kind: KindScore, Identity: fmt.Sprint(i + 1)}))
	}
	plugintest.Must(t, a.Close())
	if got := verified(t, path); got != "score0 score1 score2 " {
		t.Error(got)
	}
}
