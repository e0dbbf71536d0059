package store

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/plugin/review/internal/reviewtest"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func openDB(t testing.TB, path string) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true})
	checktest.Must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func newStore(t testing.TB) *Store {
	t.Helper()
	s, err := Open(openDB(t, filepath.Join(t.TempDir(), "ledger.db")))
	checktest.Must(t, err)
	return s
}

func (s *Store) add(t testing.TB, records ...Record) {
	t.Helper()
	for _, r := range records {
		checktest.Must(t, s.db.Update(func(tx *bbolt.Tx) error { return s.Add(tx, r) }))
	}
}

// sample is a record with findings of some probabilities.
func sample(name string, at int, probabilities ...float64) Record {
	result := reviewtest.Result(name, at, probabilities...)
	return Record{
		ID: IDOf(result.Identity), Site: "local", Source: "/test", StudyUID: "1.2", SeriesUID: result.SeriesUID, URI: "file:///x",
		Priority: bus.PriorityRoutine, Time: time.Unix(int64(1000+at), 0).UTC(), Result: result, Nodules: len(probabilities),
	}
}
