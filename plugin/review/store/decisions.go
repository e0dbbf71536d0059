package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/boltdb"
)

// Errors of a decision that is not kept.
var (
	ErrConflict   = errors.New("review: another decision came first")
	ErrSuperseded = errors.New("review: a newer result is there")
	ErrInvalid    = errors.New("review: invalid decision")
)

// letter is a decision that the bus may not have yet.
type letter struct {
	ID      string     `json:"id"`
	Number  int        `json:"number"`
	Site    string     `json:"site"`
	Review  bus.Review `json:"review"`
	Audited bool       `json:"audited,omitempty"`
	Tried   bool       `json:"tried,omitempty"`
	Before  uint64     `json:"before,omitempty"` // newest sequence of REVIEWS before the first try
}

func decisionKey(id string, number, version int) string {
	return fmt.Sprintf("%s/%03d/%09d", id, number, version)
}

func parseDecisionKey(key string) (id string, number int, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 3 {
		return "", 0, false
	}
	number, err := strconv.Atoi(parts[1])
	return parts[0], number, err == nil
}

// check refuses with ErrInvalid what the API does not describe.
func (d NewDecision) check() error {
	bad := func(hint string) error { return fmt.Errorf("%w: %s", ErrInvalid, hint) }
	switch {
	case !slices.Contains(bus.Verdicts(), d.Verdict):
		return bad(`verdict is "suspicious", "benign", "not_nodule" or "unsure"`)
	case d.Verdict == bus.NotNodule && !slices.Contains(bus.Kinds(), d.Kind):
		return bad(`verdict "not_nodule" needs one of the kinds that the session lists`)
	case d.Verdict != bus.NotNodule && d.Kind != "":
		return bad(`only verdict "not_nodule" takes a kind`)
	case !utf8.ValidString(d.Comment) || utf8.RuneCountInString(d.Comment) > maxCommentChars:
		return bad(fmt.Sprintf("the comment is UTF-8 text of at most %d characters", maxCommentChars))
	case strings.ContainsFunc(d.Comment, func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' }):
		return bad("the comment holds control characters")
	case d.Kind == bus.KindOther && strings.TrimSpace(d.Comment) == "":
		return bad("kind other needs a comment")
	case d.BaseVersion < 0:
		return bad("base_version is the version that was seen, 0 for none")
	}
	if hint := bus.CheckDrawn(d.Outline, d.Distances); hint != "" {
		return bad(hint)
	}
	return nil
}

// same tells whether a decision is what was asked for: a repetition of the
// request that made it, or the same once more by whoever saw it.
func (d Decision) same(n NewDecision, reviewer string) bool {
	return d.Reviewer == reviewer && d.Verdict == n.Verdict && d.Kind == n.Kind && d.Comment == n.Comment &&
		sameOutline(d.Outline, n.Outline) && slices.Equal(d.Distances, n.Distances) &&
		(d.Version == n.BaseVersion+1 || d.Version == n.BaseVersion)
}

// sameOutline tells whether two corrections are of the same voxels; what was
// measured follows from them.
func sameOutline(a, b *bus.Correction) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Method == b.Method && a.SpacingMM == b.SpacingMM && a.CentreLPS == b.CentreLPS && bytes.Equal(a.Runs, b.Runs)
}

// Decide keeps a decision on a finding of a record, and its message, in one
// synced transaction. Where another version is there than the one it is based
// on, it returns that one with ErrConflict; what is there already, by the same
// reviewer, is returned without an error and makes no version.
func (s *Store) Decide(r Record, number int, n NewDecision, reviewer string, at time.Time) (kept Decision, entry uint64, err error) {
	n.Comment = strings.ReplaceAll(n.Comment, "\r\n", "\n")
	if n.Distances = slices.Clone(n.Distances); len(n.Distances) <= bus.MaxDistances {
		for i, d := range n.Distances {
			n.Distances[i].LengthMM = bus.NewDistance(d.FromLPS, d.ToLPS).LengthMM
		}
	}
	if err := n.check(); err != nil {
		return kept, 0, err
	}
	if r.Result == nil || number < 1 || number > len(r.Result.Nodules) {
		return kept, 0, ErrNotFound
	}
	s.deciding.Lock()
	defer s.deciding.Unlock()
	err = s.db.Update(func(tx *bbolt.Tx) error {
		var now Record // a newer result may have come since r was read
		if there, err := boltdb.Get(tx.Bucket(bucketRecords), r.ID, &now); err != nil || !there {
			return errors.Join(err, ErrNotFound)
		}
		current, there, err := newest(tx, r.ID, number)
		if err != nil {
			return err
		}
		if there && current.same(n, reviewer) {
			kept = current
			return nil
		}
		if current.Version != n.BaseVersion {
			kept = current
			return ErrConflict
		}
		if now.SupersededBy != "" {
			return ErrSuperseded
		}
		kept = Decision{
			Version: n.BaseVersion + 1, Verdict: n.Verdict, Kind: n.Kind, Comment: n.Comment, Reviewer: reviewer,
			Time: at.UTC().Truncate(time.Millisecond), Outline: n.Outline, Distances: n.Distances,
		}
		if err := boltdb.Put(tx.Bucket(bucketDecisions), decisionKey(r.ID, number, kept.Version), kept); err != nil {
			return err
		}
		if s.OnDecision != nil {
			decisions, err := newestOfAll(tx, r.ID)
			if err == nil {
				err = s.OnDecision(tx, now, decisions)
			}
			if err != nil {
				return err
			}
		}
		outbox := tx.Bucket(bucketOutbox)
		if entry, err = outbox.NextSequence(); err != nil {
			return err
		}
		return boltdb.Put(outbox, string(boltdb.Key(entry)), letter{
			ID: r.ID, Number: number, Site: r.Site, Review: kept.Review(r.Result.Identity, r.Result.Nodules[number-1].ID),
		})
	})
	if err != nil && !errors.Is(err, ErrConflict) {
		return Decision{}, 0, err
	}
	if entry != 0 && err == nil {
		s.mu.Lock()
		s.remember(r.ID, number, version{kept, entry})
		s.mu.Unlock()
		s.Events.Send("decision", map[string]any{"id": r.ID, "number": number, "decision": kept})
	} else {
		kept.Published = !s.pending(r.ID, number, kept.Version)
	}
	return kept, entry, err
}

// newest reads the newest version within a transaction.
func newest(tx *bbolt.Tx, id string, number int) (d Decision, there bool, err error) {
	c := tx.Bucket(bucketDecisions).Cursor()
	prefix := fmt.Sprintf("%s/%03d/", id, number)
	move := c.Prev // from the first key behind those of the finding
	if behind, _ := c.Seek([]byte(prefix + "~")); behind == nil {
		move = c.Last
	}
	k, v := move()
	if k == nil || !strings.HasPrefix(string(k), prefix) {
		return d, false, nil
	}
	return d, true, json.Unmarshal(v, &d)
}

// newestOfAll reads the newest decision on every finding of a record.
func newestOfAll(tx *bbolt.Tx, id string) (map[int]Decision, error) {
	decisions := map[int]Decision{}
	prefix := id + "/"
	c := tx.Bucket(bucketDecisions).Cursor()
	for k, v := c.Seek([]byte(prefix)); k != nil && strings.HasPrefix(string(k), prefix); k, v = c.Next() {
		var d Decision
		_, number, ok := parseDecisionKey(string(k))
		if err := json.Unmarshal(v, &d); err != nil || !ok {
			return nil, errors.Join(err, errors.New("a decision is damaged"))
		}
		decisions[number] = d // later versions come later
	}
	return decisions, nil
}

// Decisions are the newest ones on the findings of a record, by their numbers.
func (s *Store) Decisions(id string) (decisions map[int]Decision, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		decisions, err = newestOfAll(tx, id)
		return err
	})
	return decisions, err
}

// pending tells whether the newest version of a decision still waits for the
// bus.
func (s *Store) pending(id string, number, v int) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := s.decisions[id][number]
	return d.Version == v && d.letter != 0
}

// Decision returns the newest decision on a finding, nil where there is none.
func (s *Store) Decision(id string, number int) *Decision {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d, there := s.decisions[id][number]
	if !there {
		return nil
	}
	d.Published = d.letter == 0
	return &d.Decision
}

// Versions lists all decisions on a finding, oldest first.
func (s *Store) Versions(id string, number int) ([]Decision, error) {
	list := []Decision{}
	err := s.db.View(func(tx *bbolt.Tx) error {
		waiting := map[int]bool{}
		err := tx.Bucket(bucketOutbox).ForEach(func(_, v []byte) error {
			var l letter
			err := json.Unmarshal(v, &l)
			if l.ID == id && l.Number == number {
				waiting[l.Review.Version] = true
			}
			return err
		})
		if err != nil {
			return err
		}
		prefix := []byte(fmt.Sprintf("%s/%03d/", id, number))
		c := tx.Bucket(bucketDecisions).Cursor()
		for k, v := c.Seek(prefix); k != nil && strings.HasPrefix(string(k), string(prefix)); k, v = c.Next() {
			var d Decision
			if err := json.Unmarshal(v, &d); err != nil {
				return err
			}
			d.Published = !waiting[d.Version]
			list = append(list, d)
		}
		return nil
	})
	return list, err
}
