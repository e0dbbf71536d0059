package ledger

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/boltdb"
	"github.com/nodulescope/nodulescope/internal/coded"
)

const (
	attemptsSuffix   = ".attempts"
	attemptsSyncTime = time.Second // after which what was written outlives a loss of power, too
	attemptsLimit    = 1 << 20     // bytes of the file, beyond which it is written anew
)

// attempts counts attempts at jobs, by delivery, in a file of lines that each give a
// delivery and its number; the last one counts. A line is written before the attempt
// is made, and outlives the process. It is not waited for until it is on the disk,
// which most jobs would wait longer for than for their scores: a job that takes the whole
// machine with it counts from attemptsSyncTime on.
type attempts struct {
	mu     sync.Mutex
	path   string
	file   *os.File
	size   int64
	counts map[string]int
	timer  *time.Timer // of a sync that is to come
}

func openAttempts(path string) (*attempts, error) {
	a := &attempts{path: path, counts: map[string]int{}}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	a.file = f
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		delivery, number, _ := strings.Cut(lines.Text(), " ")
		if n, err := strconv.Atoi(number); err == nil { // otherwise a loss of power has cut it
			a.keep(delivery, n)
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, bufio.ErrTooLong) { // damaged: it counts anew
		return nil, errors.Join(err, f.Close())
	}
	return a, nil
}

func (a *attempts) keep(delivery string, n int) {
	if a.counts[delivery] = n; n <= 0 {
		delete(a.counts, delivery)
	}
}

// rewrite makes the file anew, of what still counts.
func (a *attempts) rewrite() error {
	var text bytes.Buffer
	for delivery, n := range a.counts {
		fmt.Fprintf(&text, "%s %d\n", delivery, n)
	}
	if err := a.file.Close(); err != nil { // some systems replace no file that is open
		return err
	}
	err := atomicfile.WriteBytes(a.path, 0o600, text.Bytes())
	f, openErr := os.OpenFile(a.path, os.O_RDWR|os.O_CREATE, 0o600)
	if openErr != nil {
		return errors.Join(err, openErr)
	}
	info, statErr := f.Stat()
	if statErr == nil {
		a.size = info.Size()
	}
	a.file = f
	return errors.Join(err, statErr)
}

// set changes a count. Where that cannot be written, a smaller one holds for this
// process all the same.
func (a *attempts) set(delivery string, n int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.setLocked(delivery, n)
}

func (a *attempts) setLocked(delivery string, n int) error {
	former := a.counts[delivery]
	if n == former {
		return nil
	}
	if n < former {
		a.keep(delivery, n)
	}
	line := fmt.Sprintf("%s %d\n", delivery, n)
	if _, err := a.file.WriteAt([]byte(line), a.size); err != nil {
		return coded.New(CodeFailed, "count attempts", "the file of attempts cannot be written; is the disk full?", err)
	}
	a.size += int64(len(line))
	a.keep(delivery, n)
	if a.timer == nil {
		a.timer = time.AfterFunc(attemptsSyncTime, a.sync)
	}
	if a.size > attemptsLimit {
		if err := a.rewrite(); err != nil {
			return coded.New(CodeFailed, "count attempts", "the file of attempts cannot be written anew; is the disk full?", err)
		}
	}
	return nil
}

// sync has the disk take what was written.
func (a *attempts) sync() {
	a.mu.Lock()
	file := a.file
	a.timer = nil
	a.mu.Unlock()
	_ = file.Sync() // it may be closed by now; what cannot be synced still outlives the process
}

func (a *attempts) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timer != nil {
		a.timer.Stop()
	}
	return a.file.Close()
}

// Begin counts an attempt at a job, before it is made: one that ends with its
// process has counted too. It returns how many there are with this one.
func (l *Ledger) Begin(delivery string) (attempts int, err error) {
	l.attempts.mu.Lock()
	defer l.attempts.mu.Unlock()
	attempts = l.attempts.counts[delivery] + 1
	return attempts, l.attempts.setLocked(delivery, attempts)
}

// forgetEndedAttempts drops what a process that ended between an intent and the end of
// its count has left.
func (l *Ledger) forgetEndedAttempts() error {
	return l.view("read ended jobs", func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketEnded)
		for delivery := range l.attempts.counts {
			if sequence, stored := placeOf(delivery); sequence > 0 && boltdb.Number(b.Get(boltdb.Key(sequence))) == stored {
				delete(l.attempts.counts, delivery)
			}
		}
		return nil
	})
}

// Excuse takes an attempt back that ended for no fault of the job.
func (l *Ledger) Excuse(delivery string) error {
	l.attempts.mu.Lock()
	defer l.attempts.mu.Unlock()
	return l.attempts.setLocked(delivery, max(l.attempts.counts[delivery]-1, 0))
}

// Settle forgets the attempts at a job that is done.
func (l *Ledger) Settle(delivery string) error { return l.attempts.set(delivery, 0) }
