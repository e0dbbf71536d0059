package ledger

import (
	"reflect"
	"strconv"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/boltdb"
)

// Holdings are what the streams held when that was last noted, by name.
func (l *Ledger) Holdings() (found map[string]bus.Holding, err error) {
	found = map[string]bus.Holding{}
	err = l.view("read ledger", func(tx *bbolt.Tx) error {
		for _, stream := range bus.Streams() {
			var h bus.Holding
			there, err := boltdb.Get(tx.Bucket(bucketHoldings), stream, &h)
			if err != nil {
				return err
			}
			if there {
				found[stream] = h
			}
		}
		return nil
	})
	return found, err
}

// SetHoldings notes what the streams hold, and forgets what this makes
// meaningless: which jobs before the first one have ended, and answers of a
// site that RESULTS has let go of.
func (l *Ledger) SetHoldings(site string, now map[string]bus.Holding) error {
	known, err := l.Holdings()
	if err != nil || reflect.DeepEqual(known, now) {
		return err
	}
	return l.update("note streams", func(tx *bbolt.Tx) error {
		for stream, h := range now {
			if err := boltdb.Put(tx.Bucket(bucketHoldings), stream, h); err != nil {
				return err
			}
		}
		if h, there := now[bus.StreamJobs]; there {
			if err := forgetEnded(tx, h); err != nil {
				return err
			}
		}
		h, there := now[bus.StreamResults]
		if former := known[bus.StreamResults]; !there || former.First == h.First && len(former.Deleted) == len(h.Deleted) {
			return nil
		}
		_, err := boltdb.DeleteWhere(tx.Bucket(bucketAnswers), func(k, v []byte) (bool, error) {
			return ofSite(k, site) && !h.Has(boltdb.Number(v)) && boltdb.Number(v) <= h.Last, nil
		})
		return err
	})
}

// End notes that a job may leave the queue: that it is no longer there is then
// no loss.
func (l *Ledger) End(delivery string) error {
	return l.update("note end of job", func(tx *bbolt.Tx) error { return end(tx, delivery) })
}

func end(tx *bbolt.Tx, delivery string) error {
	if sequence, stored := placeOf(delivery); sequence > 0 {
		return tx.Bucket(bucketEnded).Put(boltdb.Key(sequence), boltdb.Key(stored))
	}
	return nil
}

// placeOf is the sequence in JOBS, and the time when it was stored there, that
// the name of a delivery is made of.
func placeOf(delivery string) (sequence, stored uint64) {
	first, second, _ := strings.Cut(delivery, "/")
	sequence, err := strconv.ParseUint(first, 10, 64)
	if err != nil {
		return 0, 0
	}
	stored, _ = strconv.ParseUint(second, 10, 64) // 0: of no stream that is there
	return sequence, stored
}

// Ended tells which of these jobs may have left the queue, with the Unix time in
// nanoseconds at which each was stored there.
func (l *Ledger) Ended(sequences []uint64) (ended map[uint64]uint64, err error) {
	ended = map[uint64]uint64{}
	err = l.view("read ledger", func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketEnded)
		for _, s := range sequences {
			if k, v := b.Cursor().Seek(boltdb.Key(s)); boltdb.Number(k) == s {
				ended[s] = boltdb.Number(v)
			}
		}
		return nil
	})
	return ended, err
}

// forgetEnded drops what the noted holding tells by itself, jobs that are gone,
// and those of a stream of the same name before this one.
func forgetEnded(tx *bbolt.Tx, h bus.Holding) error {
	made := uint64(h.Created.UnixNano())
	_, err := boltdb.DeleteWhere(tx.Bucket(bucketEnded), func(k, v []byte) (bool, error) {
		sequence := boltdb.Number(k)
		return boltdb.Number(v) < made || sequence <= h.Last && !h.Has(sequence), nil
	})
	return err
}
