package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/internal/boltdb"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// Codes of this package.
const (
	CodeFailed coded.Code = "ledger_failed"
	CodeLocked coded.Code = "ledger_locked" // another process has it open
)

var (
	bucketResults  = []byte("results/v1")  // identity -> Entry
	bucketLineage  = []byte("lineage/v1")  // Lineage -> []heir, oldest first
	bucketAttempts = []byte("attempts/v1") // delivery -> number
	bucketAnswers  = []byte("answers/v1")  // identity -> sequence in RESULTS, of any worker's results
	bucketMarks    = []byte("marks/v1")    // site -> Mark
)

// Ledger is an open ledger. It may be used from several goroutines.
type Ledger struct {
	db *bbolt.DB

	mu   sync.Mutex
	owed map[string]int // attempts, by delivery, that do not count and are still to be taken back
}

// Open opens or makes the file at path and calls more, which opens what others
// keep in the same file. Where more fails, its error is returned and the file
// is closed. A second process is refused with CodeLocked.
func Open(path string, more func(*bbolt.DB) error) (l *Ledger, err error) {
	const op = "open ledger"
	defer func() {
		if r := recover(); r != nil { // a damaged file
			l, err = nil, coded.New(CodeFailed, op, "the file is damaged: move it away; what RESULTS holds stays", fmt.Errorf("%v", r))
		}
	}()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, coded.New(CodeFailed, op, "the data folder cannot be created", err)
	}
	db, err := boltdb.Open(path, bucketResults, bucketLineage, bucketAttempts, bucketAnswers, bucketMarks)
	if errors.Is(err, boltdb.ErrLocked) {
		return nil, coded.New(CodeLocked, op, "another process uses this data folder: stop it, or name another folder", err)
	}
	if err != nil {
		return nil, coded.New(CodeFailed, op, "the file cannot be opened; if it is damaged, move it away: what RESULTS holds stays", err)
	}
	if err := more(db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Ledger{db: db, owed: map[string]int{}}, nil
}

// Close closes the file, and with it what others keep there.
func (l *Ledger) Close() error { return l.db.Close() }

// Check reads the ledger: for readiness.
func (l *Ledger) Check() error {
	return l.view("check ledger", func(*bbolt.Tx) error { return nil })
}

// Keep changes what others keep in the same file; op names it in an error.
func (l *Ledger) Keep(op string, change func(*bbolt.Tx) error) error { return l.update(op, change) }

func (l *Ledger) view(op string, fn func(*bbolt.Tx) error) error {
	if err := l.db.View(fn); err != nil {
		return coded.New(CodeFailed, op, "the ledger cannot be read", err)
	}
	return nil
}

func (l *Ledger) update(op string, fn func(*bbolt.Tx) error) error {
	if err := l.db.Update(fn); err != nil {
		return coded.New(CodeFailed, op, "the ledger cannot be written; is the disk full?", err)
	}
	return nil
}
