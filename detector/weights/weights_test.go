package weights

import (
	"io/fs"
	"testing"
)

// TestFiles: what is in the binary has a name that somebody looks for.
func TestFiles(t *testing.T) {
	known := map[string]bool{Name("vae-ad"): true, Name("gan-ad"): true, Name("outline"): true, "outline-tissue.json": true, "rungs.json": true}
	files, err := fs.Glob(Files, "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		if !known[name] {
			t.Errorf("nobody reads %s", name)
		}
	}
}
