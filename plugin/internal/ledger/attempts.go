package ledger

import (
	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/internal/boltdb"
)

// Begin counts an attempt at a job, before it is made: one that ends with its
// process has counted too. It returns how many there are with this one.
func (l *Ledger) Begin(delivery string) (attempts int, err error) {
	l.mu.Lock()
	owed := l.owed[delivery]
	l.mu.Unlock()
	attempts, err = l.count(delivery, 1-owed)
	if err == nil && owed > 0 {
		l.owe(delivery, -owed)
	}
	return attempts, err
}

// Excuse takes an attempt back that ended for no fault of the job. Where that
// cannot be written, as on a full disk, the next [Ledger.Begin] makes up for it.
func (l *Ledger) Excuse(delivery string) error {
	_, err := l.count(delivery, -1)
	if err != nil {
		l.owe(delivery, +1)
	}
	return err
}

func (l *Ledger) owe(delivery string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owed[delivery] += n; l.owed[delivery] == 0 {
		delete(l.owed, delivery)
	}
}

func (l *Ledger) count(delivery string, step int) (total int, err error) {
	err = l.update("count attempts", func(tx *bbolt.Tx) error {
		total = 0
		b := tx.Bucket(bucketAttempts)
		if _, err := boltdb.Get(b, delivery, &total); err != nil {
			return err
		}
		total = max(total+step, 0)
		return boltdb.Put(b, delivery, total)
	})
	return total, err
}

// Settle forgets the attempts at a job that is done.
func (l *Ledger) Settle(delivery string) error {
	l.mu.Lock()
	delete(l.owed, delivery)
	l.mu.Unlock()
	return l.update("forget attempts", func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketAttempts).Delete([]byte(delivery))
	})
}
