package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/nodule/measure"
)

// full is a row of which no field is zero, but for those that are not kept.
func full() *Row {
	p := func(v float64) *float64 { return &v }
	return &Row{
		ID: IDOf("x"), Priority: bus.PriorityStat, Time: time.Unix(1, 2).UTC(), Findings: 3, Flagged: 1, Disagree: 2, Probability: p(0.1), Percentile: p(99), BaseRate: p(0.3),
		Models: []Model{{"vae-ad", "d1"}}, Problem: &bus.Problem{Code: "not_ct", Message: "m"}, SupersededBy: "s", lineage: "l", jobID: "j", supersedes: "f",
		studyUID: "1.2", seriesUID: "1.3", uri: "file:///x", identity: "x", unscored: 4, refused: true, nodules: []rowNodule{{p(0.5), 7.5, measure.Type("solid")}, {}},
	}
}

// A row comes back from the file as it was. The digest is of the bytes and of what a
// sample record becomes: where it changes, so must the name of bucketRows, or rows of a
// former version are read as what they are not.
func TestRowsComeBack(t *testing.T) {
	s := newStore(t)
	want := full()
	var value []byte
	checktest.Must(t, s.db.Update(func(tx *bbolt.Tx) error {
		err := putRow(tx, want)
		value = tx.Bucket(bucketRows).Get([]byte(want.ID))
		return err
	}))
	got, err := readRow(want.ID, value)
	checktest.Must(t, err)
	if d := cmp.Diff(want, got, cmp.AllowUnexported(Row{}, rowNodule{})); d != "" {
		t.Error(d)
	}
	r := sample("a", 1, 0.2, 0.3, 0.4, 0.5)
	s.add(t, r)
	checktest.Must(t, s.db.View(func(tx *bbolt.Tx) error {
		value = append(value, tx.Bucket(bucketRows).Get([]byte(r.ID))...)
		return nil
	}))
	const pinned = "16cb50dafde93a28d7751ceff99c19e3dc9418a7010c5915c0ffe8da3208b84b"
	if d := digest.Texts(string(bucketRows), string(value)); d != pinned {
		t.Errorf("what is kept of a row is another: give bucketRows a new name, and have this test expect %s", d)
	}
	if _, err := readRow("a", value[:len(value)/2]); err == nil {
		t.Error("half a row was read")
	}
}

// A file without rows gets them, and one that a version without rows has written to does
// while it is used.
func TestRowsAreMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	db := openDB(t, path)
	s, err := Open(db)
	checktest.Must(t, err)
	var records []Record
	for i := range 5 {
		records = append(records, sample(fmt.Sprint("r", i), i+1, 0.2, 0.3))
	}
	s.add(t, records...)
	want := s.Find(Query{Limit: 9}, "ann", nil)
	drop := func(id string, bucket []byte) {
		t.Helper()
		checktest.Must(t, db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Delete([]byte(id)) }))
	}
	drop(records[0].ID, bucketRows)
	drop(records[1].ID, bucketRecords)
	s, err = Open(db)
	checktest.Must(t, err)
	if s.Has(records[0].ID) || !s.Has(records[1].ID) {
		t.Error("rows are not read from their bucket")
	}
	for _, n := range []int{2, 0} {
		if mended, err := s.Pair(); mended != n || err != nil {
			t.Errorf("%d mended, %v; want %d", mended, err, n)
		}
	}
	if !s.Has(records[0].ID) || s.Has(records[1].ID) {
		t.Error("rows do not fit records")
	}
	s.add(t, records[1])
	checktest.Must(t, db.Update(func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucketRows) }))
	s, err = Open(db)
	checktest.Must(t, err)
	if d := cmp.Diff(want, s.Find(Query{Limit: 9}, "ann", nil), cmp.AllowUnexported(Row{}, rowNodule{})); d != "" {
		t.Error(d)
	}
	// A former version has its rows in another bucket, and leaves these as they were.
	stale := full()
	stale.ID = records[2].ID
	checktest.Must(t, db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket(formerRows[0])
		return errors.Join(err, putRow(tx, stale))
	}))
	s, err = Open(db)
	checktest.Must(t, err)
	if d := cmp.Diff(want, s.Find(Query{Limit: 9}, "ann", nil), cmp.AllowUnexported(Row{}, rowNodule{})); d != "" {
		t.Error(d)
	}
}

// Looking goes on behind what one transaction looks at.
func TestPairGoesOn(t *testing.T) {
	s := newStore(t)
	const n = pairsAtOnce + 10
	checktest.Must(t, s.db.Update(func(tx *bbolt.Tx) error {
		for i := range n {
			w := full()
			w.ID = IDOf(fmt.Sprint(i))
			if err := putRow(tx, w); err != nil {
				return err
			}
		}
		return nil
	}))
	seen := 0
	for from := []byte{}; from != nil; {
		checktest.Must(t, s.db.View(func(tx *bbolt.Tx) error {
			var odd []string
			odd, from = unpaired(tx, from)
			seen += len(odd)
			return nil
		}))
	}
	if seen != n {
		t.Errorf("%d of %d rows without a record were seen", seen, n)
	}
}
