package ledger

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// A large file that was found sound is looked at beside the work the next time, and one
// that was not since it was last opened at the start.
func TestLargeFilesAreVerifiedLater(t *testing.T) {
	defer func(was int64) { laterBytes = was }(laterBytes)
	path := filepath.Join(t.TempDir(), "ledger.db")
	texts := bucketResults
	reopen := func(l *Ledger) *Ledger {
		t.Helper()
		plugintest.Must(t, l.Close())
		l, err := Open(path, opened, texts)
		plugintest.Must(t, err)
		return l
	}
	l, err := Open(path, opened, texts)
	plugintest.Must(t, err)
	plugintest.Must(t, l.Verify(t.Context()))
	if l = reopen(l); l.later {
		t.Error("a small file is not looked at")
	}
	laterBytes = 1
	if l = reopen(l); l.later {
		t.Error("a file that was not verified is not looked at")
	}
	plugintest.Must(t, l.Verify(t.Context()))
	if l = reopen(l); !l.later {
		t.Error("a large file is looked at before the work")
	}
	damage := func(value string) {
		t.Helper()
		plugintest.Must(t, l.db.Update(func(tx *bbolt.Tx) error {
			return tx.Bucket(bucketResults).Put([]byte("a"), []byte(value))
		}))
	}
	damage(`{"state":`)
	plugintest.WantCode(t, l.Verify(t.Context()), CodeDamaged)
	plugintest.Must(t, l.Close())
	_, err = Open(path, opened, texts)
	plugintest.WantCode(t, err, CodeDamaged)
}

// Pages that turned are found beside the work, and by every later start.
func TestDamagedPagesAreFoundLater(t *testing.T) {
	defer func(was int64) { laterBytes = was }(laterBytes)
	laterBytes = 1
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := Open(path, opened)
	plugintest.Must(t, err)
	e := sampleEntry("line", "n1")
	var notes []Note
	for i := range 400 {
		id := string(rune('a'+i%26)) + string(bytes.Repeat([]byte("x"), i+1))
		notes = append(notes, Note{Identity: id, Entry: e, Sequence: uint64(i + 1), Keep: nothing})
	}
	plugintest.Must(t, l.PublishAll(notes, "local", Mark{}))
	plugintest.Must(t, l.Verify(t.Context()))
	var page int64
	plugintest.Must(t, l.db.View(func(tx *bbolt.Tx) error {
		for id := 2; ; id++ { // a leaf with more than a few entries is of the results
			info, err := tx.Page(id)
			if err != nil || info == nil {
				return err
			}
			if info.Type == "leaf" && info.Count > 8 {
				page = int64(id) * int64(tx.DB().Info().PageSize)
			}
		}
	}))
	plugintest.Must(t, l.Close())
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	plugintest.Must(t, err)
	_, err = f.WriteAt(make([]byte, 512), page)
	plugintest.Must(t, err)
	plugintest.Must(t, f.Close())
	l, err = Open(path, opened)
	if err == nil {
		plugintest.WantCode(t, l.Verify(t.Context()), CodeDamaged)
		_ = l.Close()
		_, err = Open(path, opened)
	}
	plugintest.WantCode(t, err, CodeDamaged)
}
