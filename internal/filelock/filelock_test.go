package filelock_test

import (
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/internal/filelock"
)

func TestTakeAndHeld(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.lock")
	if filelock.Held(path) {
		t.Error("a file that is not there is held")
	}
	f, err := filelock.Take(path)
	if err != nil {
		t.Fatal(err)
	}
	if !filelock.Held(path) {
		t.Error("it is not held")
	}
	if _, err := filelock.Take(path); err == nil {
		t.Error("it was taken twice")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if filelock.Held(path) {
		t.Error("it is held after its end")
	}
}
