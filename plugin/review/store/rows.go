package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"
	"go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/boltdb"
	"github.com/nodulescope/nodulescope/nodule/measure"
)

// storedRow is a [Row] as it lies in the file, beside its record: to read what the work
// list needs from records takes a hundred times as long. What is known by the key or by
// other buckets is left out. Where this or [rowOf] changes, bucketRows gets a new name.
type storedRow struct {
	_            struct{} `cbor:",toarray"`
	Priority     string
	Time         time.Time
	Findings     int
	Flagged      int
	Disagree     int
	Probability  *float64
	Percentile   *float64
	BaseRate     *float64
	Models       []storedModel
	Problem      *bus.Problem
	SupersededBy string
	Lineage      string
	JobID        string
	Supersedes   string
	StudyUID     string
	SeriesUID    string
	URI          string
	Identity     string
	Unscored     int
	Refused      bool
	Nodules      []storedNodule
}

type storedModel struct {
	_            struct{} `cbor:",toarray"`
	Name, Digest string
}

type storedNodule struct {
	_           struct{} `cbor:",toarray"`
	Probability *float64
	SizeMM      float64
	Kind        measure.Type
}

var rowEncoding = func() cbor.EncMode {
	mode, err := cbor.EncOptions{Time: cbor.TimeRFC3339Nano}.EncMode()
	if err != nil {
		panic("store: " + err.Error())
	}
	return mode
}()

// putRow keeps the row of a record.
func putRow(tx *bbolt.Tx, w *Row) error {
	r := storedRow{
		Priority: w.Priority, Time: w.Time, Findings: w.Findings, Flagged: w.Flagged, Disagree: w.Disagree, Probability: w.Probability, Percentile: w.Percentile,
		BaseRate: w.BaseRate, Problem: w.Problem, SupersededBy: w.SupersededBy, Lineage: w.lineage, JobID: w.jobID, Supersedes: w.supersedes,
		StudyUID: w.studyUID, SeriesUID: w.seriesUID, URI: w.uri, Identity: w.identity, Unscored: w.unscored, Refused: w.refused,
	}
	for _, m := range w.Models {
		r.Models = append(r.Models, storedModel{Name: m.Name, Digest: m.Digest})
	}
	for _, n := range w.nodules {
		r.Nodules = append(r.Nodules, storedNodule{Probability: n.probability, SizeMM: n.sizeMM, Kind: n.kind})
	}
	value, err := rowEncoding.Marshal(&r)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketRows).Put([]byte(w.ID), value)
}

func readRow(id string, value []byte) (*Row, error) {
	var r storedRow
	if err := cbor.Unmarshal(value, &r); err != nil {
		return nil, fmt.Errorf("a row of the work list: %w", err)
	}
	w := &Row{
		ID: id, Priority: r.Priority, Time: r.Time, Findings: r.Findings, Flagged: r.Flagged, Disagree: r.Disagree, Probability: r.Probability, Percentile: r.Percentile,
		BaseRate: r.BaseRate, Problem: r.Problem, SupersededBy: r.SupersededBy, lineage: r.Lineage, jobID: r.JobID, supersedes: r.Supersedes,
		studyUID: r.StudyUID, seriesUID: r.SeriesUID, uri: r.URI, identity: r.Identity, unscored: r.Unscored, refused: r.Refused,
	}
	for _, m := range r.Models {
		w.Models = append(w.Models, Model{m.Name, m.Digest})
	}
	for _, n := range r.Nodules {
		w.nodules = append(w.nodules, rowNodule{n.Probability, n.SizeMM, n.Kind})
	}
	return w, nil
}

// formerRows are the buckets of rows of former versions. Where there is one, such a
// version has written to the file last.
var formerRows = [][]byte{[]byte("review-rows/v1")}

// makeRows makes the rows of records in a file of a former version.
func makeRows(db *bbolt.DB) error {
	var old [][]byte
	there := false
	err := db.View(func(tx *bbolt.Tx) error {
		there = tx.Bucket(bucketRows) != nil
		for _, name := range append(formerRows, bucketRows) {
			if tx.Bucket(name) != nil {
				old = append(old, name)
			}
		}
		return nil
	})
	if err != nil || there && len(old) == 1 { // a transaction that changes nothing would sync all the same
		return err
	}
	return db.Update(func(tx *bbolt.Tx) error {
		for _, name := range old {
			if err := tx.DeleteBucket(name); err != nil {
				return err
			}
		}
		if _, err := tx.CreateBucket(bucketRows); err != nil {
			return err
		}
		return tx.Bucket(bucketRecords).ForEach(func(_, v []byte) error {
			var r Record
			if err := json.Unmarshal(v, &r); err != nil {
				return err
			}
			return putRow(tx, rowOf(&r))
		})
	})
}

// loadRows reads all rows, oldest first, on all processors: the start waits for it.
func loadRows(tx *bbolt.Tx) ([]*Row, error) {
	var keys, values [][]byte
	err := tx.Bucket(bucketRows).ForEach(func(k, v []byte) error {
		keys, values = append(keys, k), append(values, v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	rows := make([]*Row, len(keys))
	part := len(keys)/runtime.GOMAXPROCS(0) + 1
	var group errgroup.Group
	for from := 0; from < len(keys); from += part {
		group.Go(func() (err error) {
			for i := from; i < min(from+part, len(keys)) && err == nil; i++ {
				rows[i], err = readRow(string(keys[i]), values[i])
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b *Row) int { return a.Time.Compare(b.Time) })
	return rows, nil
}

// pairsAtOnce is how many keys [Store.Pair] looks at in one transaction: a longer one
// would hold those up that write.
const pairsAtOnce = 4096

// Pair gives records without a row theirs, and drops rows without a record, as after a
// former version has written to the file. It tells how many there were. It may run while
// the store is used.
func (s *Store) Pair() (mended int, err error) {
	for from := []byte{}; from != nil; {
		var odd []string
		err := s.db.View(func(tx *bbolt.Tx) error {
			odd, from = unpaired(tx, from)
			return nil
		})
		if err != nil {
			return mended, err
		}
		for _, id := range odd {
			if err := s.pair(id); err != nil {
				return mended, err
			}
			mended++
		}
	}
	return mended, nil
}

// unpaired lists ids that are in one of two buckets alone, from a key on, and where to go
// on, nil at the end.
func unpaired(tx *bbolt.Tx, from []byte) (odd []string, next []byte) {
	records, rows := tx.Bucket(bucketRecords).Cursor(), tx.Bucket(bucketRows).Cursor()
	a, _ := records.Seek(from)
	b, _ := rows.Seek(from)
	for n := 0; a != nil || b != nil; n++ {
		if n == pairsAtOnce {
			if next = a; a == nil || b != nil && bytes.Compare(b, a) < 0 {
				next = b
			}
			return odd, bytes.Clone(next)
		}
		switch {
		case b == nil || a != nil && bytes.Compare(a, b) < 0:
			odd = append(odd, string(a))
			a, _ = records.Next()
		case a == nil || bytes.Compare(b, a) < 0:
			odd = append(odd, string(b))
			b, _ = rows.Next()
		default:
			a, _ = records.Next()
			b, _ = rows.Next()
		}
	}
	return odd, nil
}

func (s *Store) pair(id string) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		var r Record
		there, err := boltdb.Get(tx.Bucket(bucketRecords), id, &r)
		if err != nil {
			return errors.Join(errors.New("a record is damaged"), err)
		}
		if !there {
			tx.OnCommit(func() { s.forget([]string{id}) })
			return tx.Bucket(bucketRows).Delete([]byte(id))
		}
		w := rowOf(&r)
		tx.OnCommit(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.insert(w)
		})
		return putRow(tx, w)
	})
}
