package ledger

import (
	"go.etcd.io/bbolt"
)

func (l *Ledger) use(db *bbolt.DB) {
	l.db, l.changes.Do = db, l.commit
}

// commit makes changes that came together in one transaction: a commit syncs the file
// twice, which is most of what a change costs. Where one of them fails, each is made
// by itself.
func (l *Ledger) commit(changes []func(*bbolt.Tx) error) []error {
	errs := make([]error, len(changes))
	if len(changes) > 1 {
		err := l.db.Update(func(tx *bbolt.Tx) error {
			for _, change := range changes {
				if err := change(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			return errs
		}
	}
	for i, change := range changes {
		errs[i] = l.db.Update(change)
	}
	return errs
}
