package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

func ids(l List) string {
	var names []string
	for _, r := range l.Rows {
		names = append(names, r.seriesUID)
	}
	return strings.Join(names, " ")
}

func TestWorklistOrderAndFilters(t *testing.T) {
	s := newStore(t)
	uncalibrated := sample("d", 4, 0.9)
	uncalibrated.Result.Nodules[0].Scores[0].Probability = nil
	refused := Record{ID: RefusedID("local", "7"), Site: "local", Source: "/x", SeriesUID: "1.2.5", Time: time.Unix(1005, 0), Priority: bus.PriorityStat, Problem: &bus.Problem{Code: "not_ct"}}
	differ := sample("b", 2, 0.9, 0.95)
	differ.Result.Nodules[1].Disagreement = &bus.Disagreement{FlagsDiffer: true}
	s.add(t, sample("a", 1, 0.2), differ, sample("c", 3, 0.4, 0.6), uncalibrated, refused)
	checktest.Must(t, s.MarkRead("ann", sample("a", 1).ID, time.Now()))
	yes, no := true, false
	for name, tt := range map[string]struct {
		q    Query
		want string
	}{
		"probability":     {Query{}, "1.2.2 1.2.3 1.2.1 1.2.4 1.2.5"},
		"ascending":       {Query{Ascending: true}, "1.2.1 1.2.3 1.2.2 1.2.4 1.2.5"},
		"percentile":      {Query{Sort: "percentile"}, "1.2.2 1.2.4 1.2.3 1.2.1 1.2.5"},
		"urgency":         {Query{Sort: "urgency"}, "1.2.5 1.2.2 1.2.3 1.2.1 1.2.4"},
		"time":            {Query{Sort: "time"}, "1.2.5 1.2.4 1.2.3 1.2.2 1.2.1"},
		"oldest":          {Query{Sort: "time", Ascending: true}, "1.2.1 1.2.2 1.2.3 1.2.4 1.2.5"},
		"findings":        {Query{Sort: "findings"}, "1.2.3 1.2.2 1.2.4 1.2.1 1.2.5"},
		"state":           {Query{Sort: "state", Limit: 1}, "1.2.5"},
		"refused":         {Query{States: []State{Refused}}, "1.2.5"},
		"scored":          {Query{States: []State{Scored}, MinProbability: 0.5}, "1.2.2 1.2.3"},
		"flagged":         {Query{Flagged: &yes}, "1.2.2 1.2.3 1.2.4"},
		"not flagged":     {Query{Flagged: &no}, "1.2.1 1.2.5"},
		"disagree":        {Query{Disagree: &yes}, "1.2.2"},
		"read":            {Query{Unread: &no}, "1.2.1"},
		"stat":            {Query{Priority: bus.PriorityStat}, "1.2.5"},
		"second page":     {Query{Limit: 2, Offset: 2}, "1.2.1 1.2.4"},
		"beyond the last": {Query{Offset: 9}, ""},
	} {
		if tt.q.Limit == 0 {
			tt.q.Limit = 50
		}
		if got := s.Find(tt.q, "ann", nil); ids(got) != tt.want || got.Unread != 4 || got.Counts[Scored] != 4 || got.Counts[Refused] != 1 {
			t.Errorf("%s: %s, want %s (%+v)", name, ids(got), tt.want, got.Counts)
		}
	}
}

// Urgent series come first, done ones after those that are open; the base rate
// of the highest probability comes along.
func TestWorklistByUrgency(t *testing.T) {
	s := newStore(t)
	done, urgent := sample("a", 1, 0.9), sample("b", 2, 0.1)
	urgent.Priority = bus.PriorityStat
	open := sample("c", 3, 0.4, 0.5)
	open.Result.Models[0].Prevalence = 0.6
	s.add(t, done, urgent, open)
	_, _, err := s.Decide(done, 1, NewDecision{Verdict: bus.Suspicious}, "ann", time.Now())
	checktest.Must(t, err)
	got := s.Find(Query{Sort: "urgency", Limit: 9}, "ann", nil)
	if ids(got) != "1.2.2 1.2.3 1.2.1" {
		t.Error(ids(got))
	}
	if rate := got.Rows[1].BaseRate; rate == nil || *rate != 0.6 || got.Rows[0].BaseRate != nil {
		t.Errorf("base rates %v, %v", rate, got.Rows[0].BaseRate)
	}
}

// What is kept is there again when the file is opened anew: rows, decisions,
// what was read, and decisions that still have to leave.
func TestStoreIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	db := openDB(t, path)
	s, err := Open(db)
	checktest.Must(t, err)
	first, second := sample("a", 1, 0.2, 0.3), sample("b", 1, 0.4)
	second.Supersedes = first.ID
	s.add(t, first)
	_, _, err = s.Decide(first, 2, NewDecision{Verdict: bus.Suspicious}, "ann", time.Unix(50, 0))
	checktest.Must(t, err)
	_, entry, err := s.Decide(first, 2, NewDecision{Verdict: bus.Unsure, BaseVersion: 1}, "bob", time.Unix(60, 0))
	checktest.Must(t, err)
	s.add(t, second)
	checktest.Must(t, s.MarkRead("ann", second.ID, time.Unix(70, 0)))
	checktest.Must(t, db.Close())

	again, err := Open(openDB(t, path))
	checktest.Must(t, err)
	for _, store := range []*Store{s, again} {
		got := store.Find(Query{Superseded: true, Limit: 9}, "ann", nil)
		if len(got.Rows) != 2 || got.Rows[1].SupersededBy != second.ID || got.Rows[1].Decided != 1 || got.Rows[0].Unread || !got.Rows[1].Unread {
			t.Errorf("%+v", got.Rows)
		}
		if d := store.Decision(first.ID, 2); d == nil || d.Version != 2 || d.Reviewer != "bob" || d.Published {
			t.Errorf("%+v", d)
		}
		if id := store.bySeries[seriesKey("1.2", "1.2.1")]; id != second.ID {
			t.Errorf("%s is taken for the newest record of the series", id)
		}
	}
	r, err := again.RecordOfSeries("1.2", "1.2.1")
	if err != nil || r.ID != second.ID {
		t.Errorf("%v %v", r.ID, err)
	}
	l, there, err := again.letter(entry)
	if err != nil || !there || l.Review.NoduleID != "n2" || l.Review.Identity != first.Result.Identity || l.Review.Version != 2 {
		t.Errorf("%+v %v", l, err)
	}
	if n, err := again.Waiting(); n != 2 || err != nil {
		t.Error(n, err)
	}
}

// A result makes refused jobs of the same series obsolete, and the same record
// twice is one.
func TestStoreReplaces(t *testing.T) {
	s := newStore(t)
	r := sample("a", 1, 0.2)
	refused := Record{ID: RefusedID("local", "1"), Site: "local", Source: r.Source, SeriesUID: r.SeriesUID, Time: time.Unix(1, 0), Problem: &bus.Problem{}}
	s.add(t, refused, r, r)
	if got := s.Find(Query{Limit: 9}, "", nil); ids(got) != "1.2.1" || got.Rows[0].refused || got.Total != 1 {
		t.Errorf("%+v", got.Rows)
	}
	if err := s.db.Update(func(tx *bbolt.Tx) error { return s.Add(tx, Record{ID: "../x"}) }); err == nil {
		t.Error("a bad id was taken")
	}
	rolledBack := errors.New("no")
	_ = s.db.Update(func(tx *bbolt.Tx) error {
		checktest.Must(t, s.Add(tx, sample("b", 2, 0.1)))
		return rolledBack
	})
	if got := s.Find(Query{Limit: 9}, "", nil); got.Total != 1 {
		t.Error("a transaction that was rolled back is in the index")
	}
}

func TestStoreExpires(t *testing.T) {
	s := newStore(t)
	decided, old, fresh := sample("a", 1, 0.2), sample("b", 2, 0.2), sample("c", 100, 0.2)
	s.add(t, decided, old, fresh)
	_, _, err := s.Decide(decided, 1, NewDecision{Verdict: bus.Suspicious}, "ann", time.Now())
	checktest.Must(t, err)
	checktest.Must(t, s.MarkRead("ann", old.ID, time.Now()))
	checktest.Must(t, s.db.Update(func(tx *bbolt.Tx) error { return s.Expire(tx, time.Unix(1050, 0)) }))
	if got := s.Find(Query{Limit: 9, Sort: "time"}, "", nil); ids(got) != "1.2.100 1.2.1" {
		t.Error(ids(got))
	}
	if _, err := s.Record(old.ID); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if _, err := s.RecordOfSeries("1.2", "1.2.2"); !errors.Is(err, ErrNotFound) || s.read["ann"][old.ID] {
		t.Error("traces are left")
	}
}

// Many reviewers at once on one version: one wins, the others are told of it.
// The same decision again, by who made it, is no new one; by another it is.
func TestSameDecisionAgain(t *testing.T) {
	s := newStore(t)
	r := sample("a", 1, 0.2)
	s.add(t, r)
	for i, c := range []struct {
		who     string
		comment string
		base    int
		want    int // version
		entry   bool
	}{
		{"ann", "small", 0, 1, true}, {"ann", "small", 0, 1, false}, {"ann", "small", 1, 1, false},
		{"bob", "small", 1, 2, true}, {"ann", "small", 2, 3, true}, {"ann", "larger", 3, 4, true},
	} {
		got, entry, err := s.Decide(r, 1, NewDecision{Verdict: bus.Suspicious, Comment: c.comment, BaseVersion: c.base}, c.who, time.Now())
		if err != nil || got.Version != c.want || (entry != 0) != c.entry {
			t.Errorf("%d: %+v, entry %d, %v", i, got, entry, err)
		}
	}
}

func TestDecideAtOnce(t *testing.T) {
	s := newStore(t)
	r := sample("a", 1, 0.2)
	s.add(t, r)
	var mu sync.Mutex
	won, lost := "", 0
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			name := fmt.Sprint("user", i)
			got, _, err := s.Decide(r, 1, NewDecision{Verdict: bus.Suspicious}, name, time.Now())
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won = got.Reviewer
			case errors.Is(err, ErrConflict) && got.Version == 1:
				lost++
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if d := s.Decision(r.ID, 1); lost != 7 || d.Reviewer != won || won == "" {
		t.Errorf("%d lost, %q won, %+v", lost, won, d)
	}
}

// flakyBus fails as often as it is told, and may store a message although it
// says that it did not.
type flakyBus struct {
	fails  int
	stores bool
	got    []bus.Review
	asked  int
}

func (f *flakyBus) PublishReview(_ context.Context, _, _ string, r bus.Review, _ ...bus.EventOption) (bus.Ack, error) {
	if f.fails > 0 {
		f.fails--
		if f.stores {
			f.got = append(f.got, r)
		}
		return bus.Ack{}, &bus.Error{Code: bus.CodeUnreachable}
	}
	f.got = append(f.got, r)
	return bus.Ack{Sequence: uint64(len(f.got))}, nil
}

func (f *flakyBus) FindReview(_ context.Context, _, id string, from uint64) (uint64, bool, error) {
	f.asked++
	for i, r := range f.got {
		if bus.ReviewID(r) == id && uint64(i+1) >= from {
			return uint64(i + 1), true, nil
		}
	}
	return 0, false, nil
}

func (f *flakyBus) LastReviewSeq(context.Context) (uint64, error) { return uint64(len(f.got)), nil }

// Decisions arrive in order and once, whether the broker lost the message or
// the answer; each stands in the audit trail before it leaves.
func TestPublisherOnce(t *testing.T) {
	for _, stores := range []bool{false, true} {
		s := newStore(t)
		r := sample("a", 1, 0.2, 0.3)
		s.add(t, r)
		b := &flakyBus{fails: 2, stores: stores}
		var notes []Entry
		p := &Publisher{Site: "local", Store: s, Bus: b, Logger: discard(), Audit: func(e Entry) error { notes = append(notes, e); return nil }}
		for n := 1; n <= 2; n++ {
			_, entry, err := s.Decide(r, n, NewDecision{Verdict: bus.Suspicious}, "ann", time.Unix(9, 0))
			checktest.Must(t, err)
			if n == 1 { // the second is left to the publisher, as after a crash
				checktest.Must(t, p.Kept(entry))
			}
		}
		for range 3 {
			if err := p.drain(context.Background()); err != nil && bus.CodeOf(err) != bus.CodeUnreachable {
				t.Fatal(err)
			}
		}
		var got []string
		for _, g := range b.got {
			got = append(got, g.NoduleID)
		}
		if n, err := s.Waiting(); fmt.Sprint(got) != "[n1 n2]" || n != 0 || err != nil {
			t.Errorf("stores %v: %v, %d left, %v", stores, got, n, err)
		}
		want := []Entry{
			{Kind: "decision", User: "ann", Identities: []string{r.Result.Identity}, Number: 1, Decision: "suspicious", Version: 1},
			{Kind: "decision", User: "ann", Identities: []string{r.Result.Identity}, Number: 2, Decision: "suspicious", Version: 1, Again: true},
		}
		if d := cmp.Diff(want, notes); d != "" {
			t.Error(d)
		}
		if d := s.Decision(r.ID, 1); !d.Published {
			t.Error("not marked as published")
		}
	}
}

func TestPublisherWaitsForAuditTrail(t *testing.T) {
	s := newStore(t)
	r := sample("a", 1, 0.2)
	s.add(t, r)
	b := &flakyBus{}
	full := errors.New("disk full")
	p := &Publisher{Site: "local", Store: s, Bus: b, Logger: discard(), Audit: func(Entry) error { return full }}
	_, entry, err := s.Decide(r, 1, NewDecision{Verdict: bus.Suspicious}, "ann", time.Unix(9, 0))
	checktest.Must(t, err)
	if err := p.Kept(entry); !errors.Is(err, full) {
		t.Error(err)
	}
	if err := p.drain(context.Background()); !errors.Is(err, full) || len(b.got) != 0 {
		t.Errorf("%v, %d published", err, len(b.got))
	}
	full = nil
	checktest.Must(t, p.drain(context.Background()))
	if len(b.got) != 1 {
		t.Error("not published when the disk was there again")
	}
}

func FuzzNewDecision(f *testing.F) {
	f.Add("not_nodule", "other", "=1", 0)
	f.Fuzz(func(t *testing.T, verdict, kind, comment string, base int) {
		n := NewDecision{Verdict: bus.Verdict(verdict), Kind: bus.Kind(kind), Comment: comment, BaseVersion: base}
		if n.check() == nil && (len(comment) > 4*maxCommentChars || base < 0 || n.Verdict == bus.NotNodule && kind == "") {
			t.Errorf("%+v", n)
		}
	})
}

// A record that comes after the one that supersedes it, as where a result was
// put back, is superseded all the same.
func TestLateRecordStaysSuperseded(t *testing.T) {
	s := newStore(t)
	first, second := sample("a", 1, 0.2), sample("b", 2, 0.3)
	second.SeriesUID, second.Supersedes = first.SeriesUID, first.ID
	s.add(t, second, first)
	for range 2 {
		got := s.Find(Query{Superseded: true, Limit: 9}, "ann", nil)
		if len(got.Rows) != 2 || got.Rows[0].SupersededBy != "" || got.Rows[1].SupersededBy != second.ID {
			t.Errorf("%+v", got.Rows)
		}
		s.add(t, first)
	}
}
