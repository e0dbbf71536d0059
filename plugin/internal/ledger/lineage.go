package ledger

import (
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/boltdb"
	"github.com/nodulescope/nodulescope/internal/digest"
)

// heir is a result that a later one of the same source, series and nodules
// supersedes.
type heir struct {
	Identity string    `json:"identity"`
	Nodules  []string  `json:"nodules"`
	Time     time.Time `json:"time"`
}

// maxHeirs bounds how many results of one series are kept in mind.
const maxHeirs = 64

// Lineage names the results of one source on one series without telling
// either.
func Lineage(source, seriesUID string) string {
	h := digest.New()
	h.Text("lineage", source, seriesUID)
	return h.Hex(32)
}

// NoduleKeys are short names of the ids of nodules.
func NoduleKeys(nodules []bus.ResultNodule) []string {
	keys := make([]string, 0, len(nodules))
	for _, n := range nodules {
		h := digest.New()
		h.Text("nodule", n.ID)
		keys = append(keys, h.Hex(8))
	}
	return keys
}

// Supersedes names the newest published result of the lineage that shares a
// nodule with the new one; "" where there is none.
func (l *Ledger) Supersedes(lineage, identity string, nodules []string) (former string, err error) {
	err = l.view("read ledger", func(tx *bbolt.Tx) error {
		var heirs []heir
		if _, err := boltdb.Get(tx.Bucket(bucketLineage), lineage, &heirs); err != nil {
			return err
		}
		for _, h := range slices.Backward(heirs) {
			if h.Identity != identity && overlap(h.Nodules, nodules) {
				former = h.Identity
				return nil
			}
		}
		return nil
	})
	return former, err
}

// inherit makes a result the newest of its lineage, where it has one. One that
// is put back, and was superseded before, stays superseded.
func inherit(tx *bbolt.Tx, identity string, e Entry) error {
	if e.Lineage == "" {
		return nil
	}
	b := tx.Bucket(bucketLineage)
	var heirs []heir
	if _, err := boltdb.Get(b, e.Lineage, &heirs); err != nil {
		return err
	}
	if slices.ContainsFunc(heirs, func(h heir) bool {
		return h.Identity != identity && h.Time.After(e.Time) && overlap(h.Nodules, e.Nodules)
	}) {
		return nil
	}
	heirs = slices.DeleteFunc(heirs, func(h heir) bool {
		return h.Identity == identity || overlap(h.Nodules, e.Nodules)
	})
	heirs = append(heirs, heir{Identity: identity, Nodules: e.Nodules, Time: e.Time})
	return boltdb.Put(b, e.Lineage, heirs[max(0, len(heirs)-maxHeirs):])
}

// overlap tells whether two sets share a member; two empty ones do.
func overlap(a, b []string) bool {
	if len(a) == 0 && len(b) == 0 {
		return true
	}
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}
