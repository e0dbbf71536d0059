package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a data folder holds is there again after backup and restore, settings
// and users among it.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	unpack(t, filepath.Join(goldenDir, folderArchive), dir)
	data, target, other := filepath.Join(dir, "data"), filepath.Join(dir, "a.tar"), filepath.Join(dir, "other")
	settings := filepath.Join(dir, "site.yaml")
	if err := os.WriteFile(settings, []byte("data-dir: "+data+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := goldenOutput(t, dir, "backup", target, "--config", settings)
	if !strings.Contains(out, "RESULTS  2 messages") {
		t.Error(out)
	}
	if _, _, code := goldenRun(t, dir, "", "backup", target, "--data-dir", data); code != exitUsage {
		t.Errorf("over another backup: exit code %d", code)
	}
	if out := goldenOutput(t, dir, "restore", target, "--data-dir", other); !strings.Contains(out, "RESULTS  2 messages") {
		t.Error(out)
	}
	for _, name := range []string{"settings.yaml", "ledger.db", "bus"} {
		if _, err := os.Stat(filepath.Join(other, name)); err != nil {
			t.Error(err)
		}
	}
	if before, after := goldenOutput(t, dir, "outbox", "--data-dir", data), goldenOutput(t, dir, "outbox", "--data-dir", other); before != after {
		t.Errorf("outbox was\n%s\nand is\n%s", before, after)
	}
	goldenOutput(t, dir, "audit", "verify", "--data-dir", other)
	if out := goldenOutput(t, dir, "ledger", "rebuild", "--data-dir", other); !strings.Contains(out, "added 0 results and 1 decision") {
		t.Error(out)
	}
	if _, _, code := goldenRun(t, dir, "", "restore", target, "--data-dir", other); code != exitUsage {
		t.Errorf("into a folder that is not empty: exit code %d", code)
	}
	if err := os.Truncate(target, 5000); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := goldenRun(t, dir, "", "restore", target, "--data-dir", filepath.Join(dir, "third")); code != exitBadInput || !strings.Contains(errs, "backup_damaged") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}
