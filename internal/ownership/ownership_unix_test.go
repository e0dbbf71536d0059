//go:build unix

package ownership

import (
	"os"
	"path/filepath"
	"testing"
)

// TestAdopt: what root writes below a folder belongs to the owner of the folder.
func TestAdopt(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := Adopt(dir, "."); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || !of(info, 65534) {
		t.Errorf("the file is still root's: %v", err)
	}
}
