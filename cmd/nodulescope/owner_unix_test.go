//go:build unix

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What root's commands leave in the data folder of a service account can be read by
// that account: the service starts, and its users can sign in.
func TestRootLeavesFilesOfTheServiceAccount(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	const account = 65534
	dir := t.TempDir()
	unpack(t, filepath.Join(goldenDir, folderArchive), dir)
	data, users := filepath.Join(dir, "data"), filepath.Join(dir, "users.json")
	if err := os.Remove(filepath.Join(data, "ledger.db.attempts")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	owned := func(path string, give bool) {
		t.Helper()
		err := filepath.WalkDir(path, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if give {
				return os.Chown(path, account, account)
			}
			info, err := os.Stat(path)
			if err == nil && info.Sys().(*syscall.Stat_t).Uid != account {
				t.Errorf("%s is root's", path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	add := func(name string, args ...string) {
		t.Helper()
		if _, errs, code := goldenRun(t, dir, strings.Repeat("a long password ", 2), append([]string{"users", "add", name}, args...)...); code != exitOK {
			t.Fatal(errs)
		}
	}
	add("ann", "--review-users", users)
	owned(data, true)
	owned(users, true)
	add("bob", "--data-dir", data)
	add("bob", "--review-users", users)
	goldenOutput(t, dir, "ledger", "rebuild", "--data-dir", data)
	goldenOutput(t, dir, "backup", "a.tar", "--data-dir", data)
	restored := filepath.Join(dir, "restored")
	if err := os.Mkdir(restored, 0o700); err != nil {
		t.Fatal(err)
	}
	owned(restored, true)
	goldenOutput(t, dir, "restore", "a.tar", "--data-dir", restored)
	for _, path := range []string{data, users, restored} {
		owned(path, false)
	}
}
