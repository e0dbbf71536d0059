package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/plugin/outbox"
)

// pacs is a DICOMweb server that does what a test says: no real one can be
// made to answer so.
type pacs struct {
	mu     sync.Mutex
	status int // of a store; 0: it takes the instance
	reason int // of a failure in the list of a store that answers 409 or 200
	holds  map[string]bool
	silent bool // it takes the instance and cuts the connection
	deaf   bool // QIDO-RS fails after a store
	posts  int
}

func (p *pacs) set(change func(*pacs)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *pacs) stored() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.posts
}

func (p *pacs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("Content-Type", "application/dicom+json")
	if r.Method == http.MethodGet {
		uid := r.URL.Query().Get("SOPInstanceUID")
		if p.deaf && p.holds[uid] {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		if !p.holds[uid] {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		fmt.Fprintf(w, `[{"00080018":{"vr":"UI","Value":[%q]}}]`, uid)
		return
	}
	p.posts++
	body, _ := io.ReadAll(r.Body)
	take := func() {
		start := bytes.Index(body, []byte("\r\n\r\n")) + 4
		if id, err := dicomio.Identify(body[start:]); err == nil {
			p.holds[id.SOPInstanceUID] = true
		}
	}
	switch {
	case p.silent:
		take()
		panic(http.ErrAbortHandler)
	case p.reason != 0:
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintf(w, `{"00081198":{"vr":"SQ","Value":[{"00081155":{"vr":"UI","Value":[%q]},"00081197":{"vr":"US","Value":[%d]}}]}}`, sopUID, p.reason)
	case p.status != 0:
		w.WriteHeader(p.status)
	default:
		take()
		w.WriteHeader(http.StatusNoContent)
	}
}

const (
	studyUID  = "1.2.826.0.1.3680043.10.9.1"
	seriesUID = "1.2.826.0.1.3680043.10.9.1.2"
)

var (
	file   = sync.OnceValues(func() ([]byte, error) { return dicomtest.Encode(dicomtest.Spec{Slices: 1, Rows: 4, Cols: 4}, 0) })
	sopUID = func() string {
		b, err := file()
		if err != nil {
			panic(err)
		}
		id, err := dicomio.Identify(b)
		if err != nil {
			panic(err)
		}
		return id.SOPInstanceUID
	}()
)

// packer makes one document of every letter.
type packer struct {
	to   *web.Client
	made error // of Make
	err  error
}

func (p *packer) Pack(context.Context, outbox.Letter, int) (outbox.Parcel, error) {
	if p.err != nil {
		return outbox.Parcel{}, p.err
	}
	return outbox.Parcel{
		To: p.to, Instances: []outbox.Instance{{StudyUID: studyUID, SeriesUID: seriesUID, SOPInstanceUID: sopUID}},
		Make: func(context.Context) ([][]byte, error) {
			b, err := file()
			return [][]byte{b}, errors.Join(p.made, err)
		},
	}, nil
}

// post is a store with a sender at work.
type post struct {
	t      *testing.T
	db     *bbolt.DB
	store  *outbox.Store
	pacs   *pacs
	packer *packer
	packed outbox.Packer // default: packer
	mu     sync.Mutex
	audit  int
	codes  []string
}

func newPost(t *testing.T) *post {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	p := &post{t: t, db: db, pacs: &pacs{holds: map[string]bool{}}}
	if p.store, err = outbox.OpenStore(db); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p.pacs)
	t.Cleanup(server.Close)
	client, err := web.New(web.Options{URL: server.URL, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	p.packer = &packer{to: client}
	return p
}

func (p *post) add(record string, kind outbox.Kind) {
	p.t.Helper()
	if err := p.db.Update(func(tx *bbolt.Tx) error { return p.store.Add(tx, record, kind, time.Now()) }); err != nil {
		p.t.Fatal(err)
	}
}

// run sends until the test ends, or until stop is called.
func (p *post) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	if p.packed == nil {
		p.packed = p.packer
	}
	sender := &outbox.Sender{
		Store: p.store, Packer: p.packed, Logger: slog.New(slog.NewTextHandler(p.t.Output(), nil)),
		First: time.Millisecond, Last: 5 * time.Millisecond,
		Problem: func(err error) (string, string) { return string(dicomio.CodeOf(err)), "why" },
		Audit:   func(outbox.Letter) error { p.mu.Lock(); defer p.mu.Unlock(); p.audit++; return nil },
		Note:    func(_ outbox.Kind, code string) { p.mu.Lock(); defer p.mu.Unlock(); p.codes = append(p.codes, code) },
	}
	ended := make(chan struct{})
	go func() { defer close(ended); sender.Run(ctx) }()
	stop = func() { cancel(); <-ended }
	p.t.Cleanup(stop)
	return stop
}

func (p *post) status() outbox.Status {
	p.t.Helper()
	s, err := p.store.Status()
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (p *post) wait(what string, done func(outbox.Status, []outbox.Letter) bool) []outbox.Letter {
	p.t.Helper()
	for limit := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		list, err := p.store.List()
		if err != nil {
			p.t.Fatal(err)
		}
		if done(p.status(), list) {
			return list
		}
		if time.Now().After(limit) {
			p.t.Fatalf("not %s: %+v", what, list)
		}
	}
}

func empty(s outbox.Status, _ []outbox.Letter) bool { return s == outbox.Status{} }

func TestALetterIsSentOnce(t *testing.T) {
	p := newPost(t)
	stop := p.run()
	p.add("a", outbox.Report)
	p.wait("sent", empty)
	p.add("a", outbox.Report) // such as by a service that lost its ledger
	p.wait("sent", empty)
	stop()
	if p.pacs.stored() != 1 || p.audit != 2 {
		t.Errorf("stored %d times, %d lines in the audit trail", p.pacs.stored(), p.audit)
	}
}

// storedOnce sends one letter and wants the PACS to have it once.
func (p *post) storedOnce(t *testing.T) {
	t.Helper()
	p.add("a", outbox.Report)
	p.run()
	p.wait("sent", empty)
	if p.pacs.stored() != 1 {
		t.Errorf("stored %d times", p.pacs.stored())
	}
}

// TestAnAnswerThatWasLost: the PACS took the document, and nobody heard so.
func TestAnAnswerThatWasLost(t *testing.T) {
	p := newPost(t)
	p.pacs.silent = true
	p.storedOnce(t)
}

// TestStatuses: what a PACS says, and whether that is for good.
func TestStatuses(t *testing.T) {
	for name, c := range map[string]struct {
		status, reason int
		refused        bool
	}{
		"bad request": {status: 400, refused: true}, "unauthorized": {status: 401}, "forbidden": {status: 403, refused: true}, "not found": {status: 404, refused: true},
		"proxy": {status: 407}, "timeout": {status: 408}, "too large": {status: 413, refused: true}, "media type": {status: 415, refused: true}, "too many": {status: 429},
		"server": {status: 500}, "not implemented": {status: 501}, "busy": {status: 503}, "redirect": {status: 302},
		"does not match": {reason: 0xA900, refused: true}, "class": {reason: 0x0122, refused: true}, "not understood": {reason: 0xC000, refused: true},
		"conflict": {status: 409}, "no room": {reason: 0xA700},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPost(t)
			p.pacs.status, p.pacs.reason = c.status, c.reason
			p.add("a", outbox.Report)
			stop := p.run()
			list := p.wait("tried", func(s outbox.Status, list []outbox.Letter) bool {
				return list[0].Attempts >= 1 && (s.Refused == 1) == c.refused
			})
			if c.refused && (list[0].Attempts != 1 || list[0].Code == "" || list[0].Problem != "why") {
				t.Errorf("%+v", list[0])
			}
			if !c.refused {
				p.wait("tried again", func(_ outbox.Status, list []outbox.Letter) bool { return list[0].Attempts >= 3 })
			}
			p.pacs.set(func(p *pacs) { p.status, p.reason = 0, 0 })
			if c.refused { // nothing happens by itself
				if n, err := p.store.Resend(); err != nil || n != 1 {
					t.Fatal(n, err)
				}
			}
			p.wait("sent", empty)
			stop()
		})
	}
}

// TestDuplicateIsTaken: a PACS that says that it has the instance has it.
func TestDuplicateIsTaken(t *testing.T) {
	p := newPost(t)
	p.pacs.reason = 0x0111
	p.storedOnce(t)
}

// TestDoubtsEnd: what may be for good is tried ten times.
func TestDoubtsEnd(t *testing.T) {
	p := newPost(t)
	p.packer.made = &dicomio.Error{Code: dicomio.CodeFolderMissing}
	p.add("a", outbox.HeatMap)
	p.add("b", outbox.Report)
	p.run()
	list := p.wait("refused", func(s outbox.Status, _ []outbox.Letter) bool { return s.Refused == 2 })
	if list[0].Kind != outbox.Report || list[0].Attempts != 10 || list[1].Doubts != 10 || p.pacs.stored() != 0 {
		t.Errorf("%+v", list)
	}
	if n, err := p.store.Resend(list[0].Number, 99); !errors.Is(err, outbox.ErrNotThere) || n != 0 || p.status().Waiting != 0 {
		t.Errorf("%d, %v", n, err)
	}
}

// TestWhatEndsALetter: a result that is gone, and nothing to send.
func TestWhatEndsALetter(t *testing.T) {
	p := newPost(t)
	p.packer.err = fmt.Errorf("wrapped: %w", outbox.ErrGone)
	p.add("a", outbox.Report)
	stop := p.run()
	p.wait("refused", func(s outbox.Status, _ []outbox.Letter) bool { return s.Refused == 1 })
	stop()
	p.packer.err = outbox.ErrNothing
	p.add("a", outbox.Report) // tries it again
	p.run()
	p.wait("ended", empty)
	if p.pacs.stored() != 0 || p.audit != 0 {
		t.Error("something was sent")
	}
}

// TestAwayPACSIsNotAskedForEveryLetter: the others learn it from the first, and
// all are sent when it is back.
func TestAwayPACSIsNotAskedForEveryLetter(t *testing.T) {
	p := newPost(t)
	p.pacs.status = http.StatusServiceUnavailable
	for i := range 20 {
		p.add(fmt.Sprint(i), outbox.Report)
	}
	since := p.status().Since
	p.run()
	p.wait("tried", func(s outbox.Status, _ []outbox.Letter) bool { return s.Code != "" })
	if s := p.status(); s.Waiting != 20 || !s.Since.Equal(since) || s.Refused != 0 {
		t.Errorf("%+v", s)
	}
	p.pacs.set(func(p *pacs) { p.status = 0 })
	p.wait("sent", empty)
}

func TestKindsAreNamed(t *testing.T) {
	for _, k := range outbox.Kinds() {
		if got, err := outbox.ParseKind(string(k)); err != nil || got != k {
			t.Errorf("%s: %v", k, err)
		}
	}
	if _, err := outbox.ParseKind("letter"); err == nil || !strings.Contains(err.Error(), "verified") {
		t.Errorf("%v", err)
	}
}
