package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/boltdb"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

func nothing(*bbolt.Tx) error { return nil }

func opened(*bbolt.DB) error { return nil }

func newLedger(t *testing.T) *Ledger {
	t.Helper()
	l, err := Open(filepath.Join(t.TempDir(), "data", "ledger.db"), opened)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func sampleEntry(lineage string, nodules ...string) Entry {
	return Entry{Site: "local", Event: []byte("{}"), Time: time.Now().UTC().Truncate(time.Second), Lineage: lineage, Nodules: nodules}
}

func TestStates(t *testing.T) {
	l := newLedger(t)
	find := func() Entry {
		e, err := l.Find("id")
		plugintest.Must(t, err)
		return e
	}
	if e := find(); e.State != Unknown {
		t.Errorf("%+v", e)
	}
	want := sampleEntry("line", "n")
	plugintest.Must(t, l.Intend("id", "delivery", want))
	want.State = Intended
	if d := cmp.Diff(want, find()); d != "" {
		t.Error(d)
	}
	open, err := l.Intents()
	plugintest.Must(t, err)
	if d := cmp.Diff(map[string]Entry{"id": want}, open); d != "" {
		t.Error(d)
	}
	plugintest.Must(t, l.Publish(Note{Identity: "id", Entry: want, Sequence: 9, Keep: nothing}))
	if d := cmp.Diff(Entry{State: Published, Sequence: 9, Site: "local", Time: want.Time}, find()); d != "" {
		t.Errorf("the message is kept too long, or more than that is gone: %s", d)
	}
	if open, err = l.Intents(); err != nil || len(open) != 0 {
		t.Error(open, err)
	}
	plugintest.Must(t, l.Intend("other", "delivery", want))
	plugintest.Must(t, l.Abandon("other"))
	if e, err := l.Find("other"); err != nil || e.State != Unknown {
		t.Error(e, err)
	}
}

func TestSupersedes(t *testing.T) {
	l := newLedger(t)
	publish := func(id, lineage string, nodules ...string) {
		e := sampleEntry(lineage, nodules...)
		plugintest.Must(t, l.Intend(id, "delivery", e))
		plugintest.Must(t, l.Publish(Note{Identity: id, Entry: e, Sequence: 1, Keep: nothing}))
	}
	want := func(former, lineage, id string, nodules ...string) {
		t.Helper()
		got, err := l.Supersedes(lineage, id, nodules)
		if err != nil || got != former {
			t.Errorf("%s of %v supersedes %q, want %q (%v)", id, nodules, got, former, err)
		}
	}
	want("", "line", "a", "n1")
	publish("a", "line", "n1", "n2")
	want("a", "line", "b", "n1")
	want("", "line", "a", "n1")
	want("", "other", "b", "n1")
	want("", "line", "b", "n3")
	publish("b", "line", "n3") // the other half of a job that was split
	want("a", "line", "c", "n2")
	want("b", "line", "c", "n1", "n3")
	publish("c", "line", "n2", "n4")
	want("c", "line", "d", "n4", "n1")
	want("b", "line", "d", "n3")
	want("", "line", "d", "n1")
	publish("e", "line")
	want("e", "line", "f")
	// An intent is not there yet, so nothing supersedes it.
	plugintest.Must(t, l.Intend("g", "delivery", sampleEntry("third", "n1")))
	want("", "third", "h", "n1")
	for i := range maxHeirs + 5 {
		publish(fmt.Sprint("many", i), "many", fmt.Sprint("n", i))
	}
	want("", "many", "x", "n4")
	want("many5", "many", "x", "n5")
}

// A result that was superseded and is put back does not become the newest.
func TestPutBackStaysSuperseded(t *testing.T) {
	l := newLedger(t)
	first, second := sampleEntry("line", "n1", "n2"), sampleEntry("line", "n2")
	second.Time = first.Time.Add(time.Minute)
	plugintest.Must(t, l.Publish(Note{Identity: "first", Entry: first, Sequence: 1, Keep: nothing}))
	plugintest.Must(t, l.Publish(Note{Identity: "second", Entry: second, Sequence: 2, Keep: nothing}))
	plugintest.Must(t, l.Publish(Note{Identity: "first", Entry: first, Sequence: 3, Keep: nothing}))
	if former, err := l.Supersedes("line", "third", []string{"n2"}); former != "second" || err != nil {
		t.Errorf("what is new supersedes %q, %v", former, err)
	}
	plugintest.Must(t, l.Keep("adopt", func(tx *bbolt.Tx) error {
		_, err := Adopt(tx, "before", first)
		return err
	}))
	if former, err := l.Supersedes("line", "third", []string{"n1", "n2"}); former != "second" || err != nil {
		t.Errorf("what is new supersedes %q, %v", former, err)
	}
}

func TestOutlivesItsProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := Open(path, opened)
	plugintest.Must(t, err)
	e := sampleEntry("line", "n1")
	plugintest.Must(t, l.Intend("id", "delivery", e))
	_, err = Open(path, opened)
	plugintest.WantCode(t, err, CodeLocked)
	plugintest.Must(t, l.Close())
	plugintest.WantCode(t, l.Check(), CodeFailed)
	plugintest.WantCode(t, l.Intend("id2", "delivery", e), CodeFailed)
	l, err = Open(path, opened)
	plugintest.Must(t, err)
	defer l.Close()
	if got, err := l.Find("id"); err != nil || got.State != Intended || !bytes.Equal(got.Event, e.Event) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAttempts(t *testing.T) {
	l := newLedger(t)
	want := func(n int, delivery string) {
		t.Helper()
		if got, err := l.Begin(delivery); got != n || err != nil {
			t.Errorf("attempt %d, %v, want %d", got, err, n)
		}
	}
	want(1, "1/2")
	want(2, "1/2")
	want(1, "3/4")
	plugintest.Must(t, l.Excuse("1/2"))
	want(2, "1/2")
	plugintest.Must(t, l.Settle("1/2"))
	plugintest.Must(t, l.Settle("5/6"))
	want(1, "1/2")
	want(2, "3/4")
}

func TestExpires(t *testing.T) {
	l := newLedger(t)
	now := time.Now()
	for id, age := range map[string]time.Duration{"old": 48 * time.Hour, "new": time.Hour} {
		e := sampleEntry(id, "n1")
		e.Time = now.Add(-age)
		plugintest.Must(t, l.Intend(id, "delivery", e))
		plugintest.Must(t, l.Publish(Note{Identity: id, Entry: e, Sequence: 1, Keep: nothing}))
	}
	waiting := sampleEntry("waiting", "n1")
	waiting.Time = now.Add(-48 * time.Hour)
	plugintest.Must(t, l.Intend("waiting", "delivery", waiting))
	if gone, err := l.Expire(now.Add(-24*time.Hour), nothing); gone != 1 || err != nil {
		t.Error(gone, err)
	}
	for id, want := range map[string]State{"old": Unknown, "new": Published, "waiting": Intended} {
		if e, err := l.Find(id); err != nil || e.State != want {
			t.Errorf("%s: %+v, %v", id, e, err)
		}
	}
	for lineage, want := range map[string]string{"old": "", "new": "new"} {
		if former, err := l.Supersedes(lineage, "x", []string{"n1"}); former != want || err != nil {
			t.Errorf("%s: %q, %v", lineage, former, err)
		}
	}
}

// Answers of others are taken in up to a mark; those that have left the stream
// are forgotten.
func TestTakeIn(t *testing.T) {
	l := newLedger(t)
	mark := Mark{Stream: time.Unix(1, 0).UTC(), Seen: 9, Last: 8}
	plugintest.Must(t, l.TakeIn("local", mark, map[string]uint64{"a": 3, "b": 8}, false))
	plugintest.Must(t, l.Publish(Note{Identity: "c", Entry: sampleEntry(""), Sequence: 11, Keep: nothing}))
	for identity, want := range map[string]uint64{"a": 3, "b": 8, "c": 11, "d": 0} {
		if got, err := l.Answer("local", identity); got != want || err != nil {
			t.Errorf("%s: %d, %v", identity, got, err)
		}
	}
	if got, err := l.Mark("local"); got != mark || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := l.Mark("other"); got != (Mark{}) || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	plugintest.Must(t, l.TakeIn("local", mark, map[string]uint64{"b": 2}, true))
	if got, err := l.Answer("local", "a"); got != 0 || err != nil {
		t.Errorf("what has left the stream: %d, %v", got, err)
	}
	if got, err := l.Answer("local", "c"); got != 11 || err != nil {
		t.Errorf("what was promised and may have to be put back: %d, %v", got, err)
	}
	plugintest.Must(t, l.Forget("local", map[string]uint64{"b": 8, "c": 11}))
	if got, err := l.Answers("local"); len(got) != 1 || got["b"] != 2 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// A promise holds the message as it was, and one whose bytes turned is found.
func TestPromises(t *testing.T) {
	l := newLedger(t)
	e := sampleEntry("line", "n1")
	e.Event, e.URI = []byte("{\"a\":\n1}"), "file:///scan"
	for _, id := range []string{"a", "b"} {
		plugintest.Must(t, l.Intend(id, "7/1", e))
		plugintest.Must(t, l.Publish(Note{Identity: id, Entry: e, Sequence: 9, Keep: nothing}))
	}
	got, there, err := l.Promise("a")
	if d := cmp.Diff(e, got); !there || err != nil || d != "" {
		t.Error(there, err, d)
	}
	if _, there, err := l.Promise("c"); there || err != nil {
		t.Error(there, err)
	}
	if n, err := l.DropDamaged(); len(n) != 0 || err != nil {
		t.Error(n, err)
	}
	plugintest.Must(t, l.Keep("damage", func(tx *bbolt.Tx) error {
		packed := bytes.Clone(tx.Bucket(bucketPromises).Get([]byte("a")))
		packed[len(packed)-9] ^= 1
		return tx.Bucket(bucketPromises).Put([]byte("a"), packed)
	}))
	if n, err := l.DropDamaged(); len(n) != 1 || n[0] != "a" || err != nil {
		t.Error(n, err)
	}
	if _, there, err := l.Promise("a"); there || err != nil {
		t.Error(there, err)
	}
	if ended, err := l.Ended([]uint64{6, 7}); err != nil || ended[6] != 0 || ended[7] == 0 {
		t.Error(ended, err)
	}
	if gone, err := l.Expire(e.Time.Add(time.Hour), nothing); gone != 2 || err != nil {
		t.Error(gone, err)
	}
	if _, there, err := l.Promise("b"); there || err != nil {
		t.Errorf("a promise outlived its result: %v", err)
	}
}

// What a full disk keeps from being taken back does not count at the next
// attempt.
func TestExcuseOnAFullDisk(t *testing.T) {
	l, err := Open(filepath.Join(t.TempDir(), "ledger.db"), opened)
	plugintest.Must(t, err)
	closed, err := os.Open(os.DevNull)
	plugintest.Must(t, err)
	plugintest.Must(t, closed.Close())
	file := l.attempts.file
	for range 3 {
		if n, err := l.Begin("a"); n != 1 || err != nil {
			t.Fatalf("attempt %d, %v", n, err)
		}
		l.attempts.file = closed // nothing can be written
		plugintest.WantCode(t, l.Excuse("a"), CodeFailed)
		if _, err := l.Begin("a"); err == nil {
			t.Fatal("it was written")
		}
		l.attempts.file = file
	}
	plugintest.Must(t, l.Intend("id", "a", Entry{}))
	if n, err := l.Begin("a"); n > 1 || err != nil {
		t.Errorf("attempt %d after there was a result, %v", n, err)
	}
	plugintest.Must(t, l.Close())
}

// Attempts outlive the process, and a line that a loss of power has cut; those before an
// intent do not count, also where the process ended before it could forget them.
func TestAttemptsOutlive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := Open(path, opened)
	plugintest.Must(t, err)
	for _, delivery := range []string{"1/10", "1/10", "2/20", "3/30"} {
		_, err := l.Begin(delivery)
		plugintest.Must(t, err)
	}
	plugintest.Must(t, l.Intend("id", "2/20", Entry{}))
	plugintest.Must(t, l.Settle("3/30"))
	lines, err := os.ReadFile(path + attemptsSuffix)
	plugintest.Must(t, err)
	plugintest.Must(t, l.Close())
	plugintest.Must(t, os.WriteFile(path+attemptsSuffix, append(lines, "2/20 4\n4/4"...), 0o600))
	l, err = Open(path, opened)
	plugintest.Must(t, err)
	defer l.Close()
	for delivery, want := range map[string]int{"1/10": 3, "2/20": 1, "3/30": 1, "4/40": 1} {
		if n, err := l.Begin(delivery); n != want || err != nil {
			t.Errorf("%s: attempt %d, want %d, %v", delivery, n, want, err)
		}
	}
}

// The file does not grow without end.
func TestAttemptsAreWrittenAnew(t *testing.T) {
	l := newLedger(t)
	for i := range attemptsLimit / 16 {
		_, err := l.Begin(fmt.Sprint(i, "/1"))
		plugintest.Must(t, err)
		plugintest.Must(t, l.Settle(fmt.Sprint(i, "/1")))
	}
	if l.attempts.size > attemptsLimit || len(l.attempts.counts) != 0 {
		t.Errorf("%d bytes, %d counts", l.attempts.size, len(l.attempts.counts))
	}
}

func TestRefusesDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	plugintest.Must(t, os.WriteFile(path, bytes.Repeat([]byte("not a database"), 4096), 0o600))
	_, err := Open(path, opened)
	plugintest.WantCode(t, err, CodeDamaged)
	for what, path := range map[string]string{"below a file": filepath.Join(path, "below"), "a folder": t.TempDir()} {
		if _, err = Open(path, opened); bus.CodeOf(err) != CodeFailed {
			t.Errorf("%s: what the system refuses is taken for damage: %v", what, err)
		}
	}
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EMFILE, syscall.EIO} {
		if !Refused(errors.Join(errors.New("closed"), fmt.Errorf("open: %w", errno))) {
			t.Errorf("%v is taken for damage", errno)
		}
	}
	if Refused(errors.New("page 7: already freed")) {
		t.Error("damage is taken for a refusal")
	}
}

// A file that is new stays new, over starts that end early, until it was filled.
func TestNewUntilFilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	db, err := boltdb.Open(path) // a process that ended before there was anything in it
	plugintest.Must(t, err)
	plugintest.Must(t, db.Close())
	for i, fresh := range []bool{true, true, false} {
		l, err := Open(path, opened)
		plugintest.Must(t, err)
		if l.New != fresh {
			t.Errorf("at start %d it is new: %v", i+1, l.New)
		}
		if i == 1 {
			plugintest.Must(t, l.Rebuilt())
		}
		plugintest.Must(t, l.Close())
	}
}

func TestLineageTellsNothing(t *testing.T) {
	key := Lineage("/detector/a", "1.2.3")
	if key == Lineage("/detector/a1", ".2.3") || key == Lineage("/detector/b", "1.2.3") {
		t.Error("two series have one key")
	}
	if strings.Contains(key, "1.2.3") {
		t.Error("the key holds a UID")
	}
	keys := NoduleKeys([]bus.ResultNodule{{JobNodule: bus.JobNodule{ID: "a"}}, {JobNodule: bus.JobNodule{ID: "b"}}})
	if len(keys) != 2 || keys[0] == keys[1] || len(keys[0]) != 16 {
		t.Errorf("%v", keys)
	}
}
