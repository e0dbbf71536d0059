// Package checktest holds what tests of every room need: checks of errors, a
// context that ends, files and the folder of real data.
package checktest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Must ends the test where there is an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Context ends with the test, and after two minutes: well before the limit of
// the whole run.
func Context(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// Data is the absolute path of a file or folder of the real data, which
// NODULESCOPE_DATA names and which is no part of this repository. The test is
// skipped where that is not set, or lacks the part.
func Data(t testing.TB, parts ...string) string {
	t.Helper()
	root := os.Getenv("NODULESCOPE_DATA")
	if root == "" {
		t.Skip("NODULESCOPE_DATA is not set: no real data")
	}
	path, err := filepath.Abs(filepath.Join(append([]string{root}, parts...)...))
	Must(t, err)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the real data lacks %s", filepath.Join(parts...))
	}
	return path
}

// WriteFile writes a file into a folder of the test and returns its path.
func WriteFile(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	Must(t, os.WriteFile(path, content, 0o600))
	return path
}
