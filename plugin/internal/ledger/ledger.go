package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/nodulescope/nodulescope/internal/boltdb"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/together"
)

// Codes of this package.
const (
	CodeFailed  coded.Code = "ledger_failed"
	CodeLocked  coded.Code = "ledger_locked"  // another process has it open
	CodeDamaged coded.Code = "ledger_damaged" // it cannot be read, or not trusted
)

var (
	bucketResults  = []byte("results/v1")  // identity -> Entry
	bucketLineage  = []byte("lineage/v1")  // Lineage -> []heir, oldest first
	bucketAnswers  = []byte("answers/v2")  // site, 0, identity -> sequence in RESULTS, of any worker's results
	bucketMarks    = []byte("marks/v2")    // site -> Mark
	bucketPromises = []byte("promises/v1") // identity -> message of a result that was published here, packed
	bucketHoldings = []byte("holdings/v1") // stream -> bus.Holding
	bucketEnded    = []byte("ended/v1")    // sequence in JOBS -> nothing: it may have left the queue
	bucketDue      = []byte("rebuild/v1")  // keyDue -> anything: see Ledger.New

	keyDue = []byte("due")
)

// former are buckets of versions before this one: what was in the first two is taken in
// anew from RESULTS, and attempts are counted anew.
var former = [][]byte{[]byte("answers/v1"), []byte("marks/v1"), []byte("attempts/v1")}

// Ledger is an open ledger. It may be used from several goroutines.
type Ledger struct {
	db      *bbolt.DB
	changes together.Queue[func(*bbolt.Tx) error]

	attempts *attempts
	texts    [][]byte // buckets whose values are JSON
	later    bool     // Verify has still to look at the file

	// New tells that the file was not there, had nothing in it, or is to be filled
	// again (see Refill), and that it was not filled since: see Rebuilt.
	New bool
}

// Open opens or makes the file at path and calls more, which opens what others
// keep in the same file. Where more fails, its error is returned and the file
// is closed. A second process is refused with CodeLocked, and a damaged file
// with CodeDamaged: every page of it is looked at, in a large file that was found sound
// before by [Ledger.Verify]. texts are buckets of others whose values are JSON.
func Open(path string, more func(*bbolt.DB) error, texts ...[]byte) (l *Ledger, err error) {
	const op = "open ledger"
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, coded.New(CodeFailed, op, "the data folder cannot be created", err)
	}
	var db *bbolt.DB
	l = &Ledger{texts: append(texts, bucketResults, bucketLineage, bucketMarks, bucketHoldings)}
	damage := guarded(func() (err error) {
		if db, err = boltdb.Open(path); err != nil {
			return err
		}
		if l.later, err = checkLater(db); err != nil || l.later {
			return err
		}
		return check(db, l.texts)
	})
	if damage == nil {
		l.use(db)
		damage = guarded(func() error { err = l.prepare(); return nil })
	}
	switch {
	case errors.Is(damage, boltdb.ErrLocked):
		return nil, coded.New(CodeLocked, op, "another process uses this data folder: stop it, or name another folder", damage)
	case Refused(damage):
		return nil, errors.Join(coded.New(CodeFailed, op, "the file cannot be opened", damage), closeDamaged(db))
	case damage != nil:
		return nil, errors.Join(coded.New(CodeDamaged, op, "the file is damaged: start the service, or 'nodulescope ledger rebuild', makes it anew from RESULTS and REVIEWS", damage), closeDamaged(db))
	}
	if err == nil {
		l.attempts, err = openAttempts(path + attemptsSuffix)
	}
	if err == nil {
		err = errors.Join(l.forgetEndedAttempts(), l.attempts.rewrite())
	}
	if err != nil {
		return nil, errors.Join(coded.New(CodeFailed, op, "the file cannot be written; is the disk full?", err), closeDamaged(db))
	}
	if err := guarded(func() error { return more(db) }); err != nil {
		return nil, errors.Join(err, l.attempts.close(), closeDamaged(db))
	}
	return l, nil
}

// Refused tells whether the operating system is why a file could not be read or
// written, as where the disk is full: what is in it may be good.
func Refused(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) || errors.Is(err, fs.ErrPermission)
}

// prepare makes the buckets that are missing, and drops those of former
// versions. That a file without results is to be filled is noted in the
// transaction that makes it one of ours: who is interrupted before it is filled
// finds that again.
func (l *Ledger) prepare() error {
	return l.db.Update(func(tx *bbolt.Tx) error {
		fresh := tx.Bucket(bucketResults) == nil
		for _, name := range [][]byte{bucketResults, bucketLineage, bucketAnswers, bucketMarks, bucketPromises, bucketHoldings, bucketEnded, bucketDue} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		due := tx.Bucket(bucketDue)
		if fresh {
			if err := due.Put(keyDue, []byte{1}); err != nil {
				return err
			}
		}
		if err := due.Delete(keySound); err != nil { // until it is found so again
			return err
		}
		l.New = due.Get(keyDue) != nil
		for _, name := range former {
			if err := tx.DeleteBucket(name); err != nil && !errors.Is(err, berrors.ErrBucketNotFound) {
				return err
			}
		}
		return nil
	})
}

// Rebuilt notes that the ledger has all that the streams could fill it with.
func (l *Ledger) Rebuilt() error {
	err := l.update("note that the ledger is filled", func(tx *bbolt.Tx) error { return tx.Bucket(bucketDue).Delete(keyDue) })
	l.New = l.New && err != nil
	return err
}

// Refill has the next start fill the ledger as a new one: the streams may have what
// came after it.
func (l *Ledger) Refill() error {
	return l.update("note that the ledger is to be filled", func(tx *bbolt.Tx) error { return tx.Bucket(bucketDue).Put(keyDue, []byte{1}) })
}

// guarded makes an error of what a damaged file does to who reads it: it is
// mapped into memory, and what is wrong in it panics or faults.
func guarded(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return do()
}

// closeDamaged closes a file that may not even bear that.
func closeDamaged(db *bbolt.DB) error {
	if db == nil {
		return nil
	}
	return guarded(db.Close)
}

// Close closes the file, and with it what others keep there.
func (l *Ledger) Close() error { return errors.Join(l.attempts.close(), l.db.Close()) }

// Check reads the ledger: for readiness.
func (l *Ledger) Check() error {
	return l.view("check ledger", func(*bbolt.Tx) error { return nil })
}

// Keep changes what others keep in the same file; op names it in an error. Like every
// change it may share a transaction with others, and be made again where one of these
// fails: it must bear that.
func (l *Ledger) Keep(op string, change func(*bbolt.Tx) error) error { return l.update(op, change) }

// Still calls do while nothing is written to the ledger, which waits meanwhile.
// copy writes the whole file as it is then.
func (l *Ledger) Still(do func(copy func(io.Writer) error) error) error {
	lock, err := l.db.Begin(true)
	if err != nil {
		return coded.New(CodeFailed, "copy ledger", "the ledger cannot be written; is the disk full?", err)
	}
	defer func() { _ = lock.Rollback() }() // nothing was written
	return do(func(w io.Writer) error {
		return l.view("copy ledger", func(tx *bbolt.Tx) error {
			_, err := tx.WriteTo(w)
			return err
		})
	})
}

func (l *Ledger) view(op string, fn func(*bbolt.Tx) error) error {
	if err := l.db.View(fn); err != nil {
		return coded.New(CodeFailed, op, "the ledger cannot be read", err)
	}
	return nil
}

func (l *Ledger) update(op string, fn func(*bbolt.Tx) error) error {
	if err := l.changes.Add(fn); err != nil {
		return coded.New(CodeFailed, op, "the ledger cannot be written; is the disk full?", err)
	}
	return nil
}
