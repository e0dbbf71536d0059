package plugin

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

func newLedger(t *testing.T) *ledger {
	t.Helper()
	l, err := openLedger(filepath.Join(t.TempDir(), "data", "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.close() })
	return l
}

func sampleEntry(lineage string, nodules ...string) entry {
	return entry{Before: 7, Site: "local", Event: []byte("{}"), Time: time.Now().UTC().Truncate(time.Second), Lineage: lineage, Nodules: nodules}
}

func TestLedgerStates(t *testing.T) {
	l := newLedger(t)
	find := func() entry {
		e, err := l.find("id")
		plugintest.Must(t, err)
		return e
	}
	if e := find(); e.State != unknown {
		t.Errorf("%+v", e)
	}
	want := sampleEntry("line", "n")
	plugintest.Must(t, l.intend("id", want))
	want.State = intended
	if d := cmp.Diff(want, find()); d != "" {
		t.Error(d)
	}
	open, err := l.intents()
	plugintest.Must(t, err)
	if d := cmp.Diff(map[string]entry{"id": want}, open); d != "" {
		t.Error(d)
	}
	plugintest.Must(t, l.publish("id", want, 9))
	if d := cmp.Diff(entry{State: published, Sequence: 9, Site: "local", Time: want.Time}, find()); d != "" {
		t.Errorf("the message is kept too long, or more than that is gone: %s", d)
	}
	if open, err = l.intents(); err != nil || len(open) != 0 {
		t.Error(open, err)
	}
	plugintest.Must(t, l.intend("other", want))
	plugintest.Must(t, l.abandon("other"))
	if e, err := l.find("other"); err != nil || e.State != unknown {
		t.Error(e, err)
	}
}

func TestLedgerSupersedes(t *testing.T) {
	l := newLedger(t)
	publish := func(id, lineage string, nodules ...string) {
		e := sampleEntry(lineage, nodules...)
		plugintest.Must(t, l.intend(id, e))
		plugintest.Must(t, l.publish(id, e, 1))
	}
	want := func(former, lineage, id string, nodules ...string) {
		t.Helper()
		got, err := l.supersedes(lineage, id, nodules)
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
	plugintest.Must(t, l.intend("g", sampleEntry("third", "n1")))
	want("", "third", "h", "n1")
	for i := range maxHeirs + 5 {
		publish(fmt.Sprint("many", i), "many", fmt.Sprint("n", i))
	}
	want("", "many", "x", "n4")
	want("many5", "many", "x", "n5")
}

func TestLedgerOutlivesItsProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := openLedger(path)
	plugintest.Must(t, err)
	e := sampleEntry("line", "n1")
	plugintest.Must(t, l.intend("id", e))
	_, err = openLedger(path)
	plugintest.WantCode(t, err, CodeLedgerLocked)
	plugintest.Must(t, l.close())
	plugintest.WantCode(t, l.check(), CodeLedger)
	plugintest.WantCode(t, l.intend("id2", e), CodeLedger)
	l, err = openLedger(path)
	plugintest.Must(t, err)
	defer l.close()
	if got, err := l.find("id"); err != nil || got.State != intended || !bytes.Equal(got.Event, e.Event) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestLedgerAttempts(t *testing.T) {
	l := newLedger(t)
	want := func(n int, delivery string) {
		t.Helper()
		if got, err := l.begin(delivery); got != n || err != nil {
			t.Errorf("attempt %d, %v, want %d", got, err, n)
		}
	}
	want(1, "1/2")
	want(2, "1/2")
	want(1, "3/4")
	plugintest.Must(t, l.excuse("1/2"))
	want(2, "1/2")
	plugintest.Must(t, l.settle("1/2"))
	plugintest.Must(t, l.settle("5/6"))
	want(1, "1/2")
	want(2, "3/4")
}

func TestLedgerExpires(t *testing.T) {
	l := newLedger(t)
	now := time.Now()
	for id, age := range map[string]time.Duration{"old": 48 * time.Hour, "new": time.Hour} {
		e := sampleEntry(id, "n1")
		e.Time = now.Add(-age)
		plugintest.Must(t, l.intend(id, e))
		plugintest.Must(t, l.publish(id, e, 1))
	}
	waiting := sampleEntry("waiting", "n1")
	waiting.Time = now.Add(-48 * time.Hour)
	plugintest.Must(t, l.intend("waiting", waiting))
	if gone, err := l.expire(now.Add(-24 * time.Hour)); gone != 1 || err != nil {
		t.Error(gone, err)
	}
	for id, want := range map[string]state{"old": unknown, "new": published, "waiting": intended} {
		if e, err := l.find(id); err != nil || e.State != want {
			t.Errorf("%s: %+v, %v", id, e, err)
		}
	}
	for lineage, want := range map[string]string{"old": "", "new": "new"} {
		if former, err := l.supersedes(lineage, "x", []string{"n1"}); former != want || err != nil {
			t.Errorf("%s: %q, %v", lineage, former, err)
		}
	}
}

func TestLedgerRefusesDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	plugintest.Must(t, os.WriteFile(path, bytes.Repeat([]byte("not a database"), 4096), 0o600))
	_, err := openLedger(path)
	plugintest.WantCode(t, err, CodeLedger)
	_, err = openLedger(filepath.Join(path, "below"))
	plugintest.WantCode(t, err, CodeLedger)
}
