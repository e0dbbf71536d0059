package disk

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

// What is free shrinks by what is written, where it can be known at all.
func TestFree(t *testing.T) {
	dir := t.TempDir()
	before, err := Free(dir)
	if err != nil || before <= 0 {
		t.Fatalf("%d bytes are free, %v", before, err)
	}
	if before == math.MaxInt64 {
		t.Skip("what is free is not known on this system")
	}
	if _, err := Free(filepath.Join(dir, "missing")); !os.IsNotExist(err) {
		t.Errorf("a folder that is not there: %v", err)
	}
}
