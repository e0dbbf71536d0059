package store

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/boltdb"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// Decisions of a file from before there were verdicts are read as what they stand
// for, wherever they go: the page, all versions, the table, audit trail and bus.
func TestEarlierDecisionsAreMigrated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	db := openDB(t, path)
	s, err := Open(db)
	checktest.Must(t, err)
	r := sample("a", 1, 0.2, 0.3, 0.4, 0.5)
	s.add(t, r)
	const old = `{"version":1,"decision":%q,"reason":%q,"comment":"c","reviewer":"ann","time":"2026-01-31T08:00:00Z","published":false}`
	const letter = `{"id":%q,"number":%d,"site":"local","review":{"identity":%q,"nodule_id":"n%d","decision":%q,"reason":%q,"reviewer":"ann","time":"2026-01-31T08:00:00Z","version":1}}`
	earlier := [][2]string{{"accept", ""}, {"reject", "vessel"}, {"reject", "normal_nodule"}, {"unsure", ""}}
	checktest.Must(t, db.Update(func(tx *bbolt.Tx) error {
		for i, d := range earlier {
			if err := tx.Bucket(bucketDecisions).Put([]byte(decisionKey(r.ID, i+1, 1)), []byte(fmt.Sprintf(old, d[0], d[1]))); err != nil {
				return err
			}
			text := fmt.Sprintf(letter, r.ID, i+1, r.Result.Identity, i+1, d[0], d[1])
			if err := tx.Bucket(bucketOutbox).Put(boltdb.Key(uint64(i+1)), []byte(text)); err != nil {
				return err
			}
		}
		return nil
	}))
	checktest.Must(t, db.Close())
	again, err := Open(openDB(t, path))
	checktest.Must(t, err)

	const want = "[suspicious  not_nodule vessel benign  unsure ]"
	decisions, err := again.Decisions(r.ID)
	checktest.Must(t, err)
	var kept, versions []any
	for n := 1; n <= 4; n++ {
		kept = append(kept, again.Decision(r.ID, n).Verdict, decisions[n].Kind)
		list, err := again.Versions(r.ID, n)
		checktest.Must(t, err)
		versions = append(versions, list[0].Verdict, list[0].Kind)
	}
	if fmt.Sprint(kept...) != fmt.Sprint(versions...) || fmt.Sprint(kept) != want {
		t.Errorf("%v, %v; want %s", kept, versions, want)
	}
	var table bytes.Buffer
	checktest.Must(t, again.WriteCSV(&table, true))
	rows, err := csv.NewReader(&table).ReadAll()
	checktest.Must(t, err)
	var told []any
	for _, row := range rows[1:] {
		told = append(told, row[20], row[21])
	}
	if fmt.Sprint(told) != want {
		t.Errorf("in the table: %v", told)
	}

	b := &flakyBus{}
	var noted []string
	p := &Publisher{Site: "local", Store: again, Bus: b, Logger: discard(), Audit: func(e Entry) error { noted = append(noted, e.Decision); return nil }}
	checktest.Must(t, p.drain(context.Background()))
	var sent []any
	for _, g := range b.got {
		sent = append(sent, g.Verdict, g.Kind)
	}
	if fmt.Sprint(sent) != want || fmt.Sprint(noted) != "[suspicious not_nodule benign unsure]" {
		t.Errorf("to the bus %v, to the audit trail %v", sent, noted)
	}

	// The same once more by whoever made it makes no version.
	got, entry, err := again.Decide(r, 2, NewDecision{Verdict: bus.NotNodule, Kind: "vessel", Comment: "c", BaseVersion: 1}, "ann", time.Now())
	if err != nil || entry != 0 || got.Version != 1 {
		t.Errorf("%+v, %d, %v", got, entry, err)
	}
}
