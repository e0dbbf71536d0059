package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A ledger that is lost is filled again from the bus in the data folder, and
// the audit trail is found whole, or not.
func TestLedgerRebuildAndAuditVerify(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	unpack(t, filepath.Join(goldenDir, folderArchive), dir)
	data := filepath.Join(dir, "data")
	verified := goldenOutput(t, dir, "audit", "verify", "--data-dir", data)
	digest := verified[strings.LastIndexByte(verified, ' ')+1:]
	if !strings.Contains(verified, "none changed") {
		t.Error(verified)
	}
	goldenOutput(t, dir, "audit", "verify", filepath.Join(data, "audit.jsonl"), "--expect", strings.TrimSpace(digest))
	if err := os.Remove(filepath.Join(data, "ledger.db")); err != nil {
		t.Fatal(err)
	}
	if out := goldenOutput(t, dir, "ledger", "rebuild", "--data-dir", data); !strings.Contains(out, "added 2 results and 1 decision") {
		t.Error(out)
	}
	if out := goldenOutput(t, dir, "ledger", "rebuild", "--data-dir", data); !strings.Contains(out, "added 0 results and 1 decision") {
		t.Error(out)
	}
	if err := os.WriteFile(filepath.Join(data, "ledger.db"), []byte(strings.Repeat("rubbish ", 8192)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := goldenOutput(t, dir, "ledger", "rebuild", "--data-dir", data); !strings.Contains(out, "ledger.db.damaged-") {
		t.Error(out)
	}
	empty := t.TempDir()
	if _, errs, code := goldenRun(t, dir, "", "ledger", "rebuild", "--data-dir", empty); code != exitUsage || !strings.Contains(errs, "holds no bus") {
		t.Errorf("of a folder that is no service's: exit code %d, %s", code, errs)
	}
	trail := filepath.Join(data, "audit.jsonl")
	text, err := os.ReadFile(trail)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	if err := os.WriteFile(trail, []byte(strings.Join(append(lines[:1], lines[2:]...), "")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := goldenRun(t, dir, "", "audit", "verify", "--data-dir", data); code != exitFailure || !strings.Contains(errs, "line 2 does not follow") {
		t.Errorf("%d %s", code, errs)
	}
	if err := os.WriteFile(trail, []byte(lines[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := goldenRun(t, dir, "", "audit", "verify", "--data-dir", data, "--expect", strings.TrimSpace(digest)); code != exitBadInput {
		t.Errorf("%d %s", code, errs)
	}
}
