package review

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/review/accounts"
	"github.com/nodulescope/nodulescope/plugin/review/internal/reviewtest"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// testStore is a store with its file.
type testStore struct {
	*store.Store
	db *bbolt.DB
}

func newStore(t testing.TB) testStore {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "ledger.db"), 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true})
	checktest.Must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	s, err := store.Open(db)
	checktest.Must(t, err)
	return testStore{s, db}
}

func (s testStore) add(t testing.TB, r store.Record) {
	t.Helper()
	checktest.Must(t, s.db.Update(func(tx *bbolt.Tx) error { return s.Add(tx, r) }))
}

// sample is a record with findings of some probabilities.
func sample(probabilities ...float64) store.Record { return named("a", 1, probabilities...) }

// named is one of several, each of a series of its own.
func named(name string, number int, probabilities ...float64) store.Record {
	result := reviewtest.Result(name, number, probabilities...)
	return store.Record{
		ID: store.IDOf(result.Identity), Site: "local", Source: "/test", StudyUID: "1.2", SeriesUID: result.SeriesUID, URI: "file:///x",
		Priority: bus.PriorityRoutine, Time: time.Unix(1001, 0).UTC(), Result: result, Nodules: len(probabilities),
	}
}

// fakeSource has no patient but by headers, and no images but where it is told
// so.
type fakeSource struct {
	images  bool
	headers func(store.Record) (sr.Header, error)
	explain func(context.Context) (Explanation, error)
}

var errNoImages = errors.New("no images in this test")

func (f fakeSource) Open(context.Context, store.Record) (*dicomio.Series, error) {
	if f.images {
		return &dicomio.Series{}, nil
	}
	return nil, errNoImages
}
func (f fakeSource) Header(_ context.Context, r store.Record) (sr.Header, error) {
	if f.headers == nil {
		return sr.Header{}, errNoImages
	}
	return f.headers(r)
}
func (f fakeSource) Explain(ctx context.Context, _ store.Record, _ int, _ string) (Explanation, error) {
	return f.explain(ctx)
}
func (f fakeSource) Outline(context.Context, store.Record, int) ([]bool, error) {
	return nil, errNoImages
}
func (f fakeSource) Cube(context.Context, store.Record, int) (*nodule.Cube, error) {
	return nil, errNoImages
}
func (f fakeSource) Waiting(context.Context) ([]bus.WaitingJob, error) { return nil, nil }
func (f fakeSource) Summary(error) bus.Problem {
	return bus.Problem{Code: "folder_missing", Message: "the folder is not there"}
}

func someone(store.Record) (sr.Header, error) { return sr.Header{PatientName: "A^B"}, nil }

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// testServer is a server over HTTP with a user ann, and what it noted.
type testServer struct {
	*Server
	t     testing.TB
	store testStore
	http  *httptest.Server
	clock *clock
	mu    sync.Mutex
	notes []store.Entry
	fail  error // of the audit trail
}

const goodPassword = "a password for tests"

func cheapHash(t testing.TB) string {
	t.Helper()
	hash, err := argon2id.CreateHash(goodPassword, &argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	checktest.Must(t, err)
	return hash
}

func newServer(t testing.TB, change func(*Config)) *testServer {
	t.Helper()
	s := &testServer{t: t, store: newStore(t), clock: &clock{at: time.Unix(1_700_000_000, 0)}}
	users := filepath.Join(t.TempDir(), "users.json")
	checktest.Must(t, accounts.Save(users, []accounts.User{
		{Name: "ann", Role: accounts.RoleReview, Hash: cheapHash(t)}, {Name: "vera", Role: accounts.RoleView, Hash: cheapHash(t)},
	}))
	cfg := Config{
		Store: s.store.Store, Source: fakeSource{}, Audit: s.note, UsersFile: users, Now: s.clock.now, Software: "test 1", IntendedUse: use.Statement,
		Publisher: &store.Publisher{Site: "local", Store: s.store.Store, Audit: s.note, Logger: slog.New(slog.DiscardHandler)},
	}
	mux := http.NewServeMux()
	s.http = httptest.NewServer(mux)
	t.Cleanup(s.http.Close)
	if change != nil {
		change(&cfg)
	}
	if cfg.PublicURL == "use" {
		cfg.PublicURL = s.http.URL
	}
	server, err := New(cfg)
	checktest.Must(t, err)
	s.Server = server
	mux.Handle("/", server.Handler())
	t.Cleanup(server.Close)
	return s
}

func (s *testServer) note(e store.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.notes = append(s.notes, e)
	return nil
}

func (s *testServer) noted(kind string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.notes {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// client is a browser that may be signed in.
type client struct {
	*testServer
	jar  http.CookieJar
	csrf string
}

func (s *testServer) client() *client {
	jar, err := cookiejar.New(nil)
	checktest.Must(s.t, err)
	return &client{testServer: s, jar: jar}
}

func (s *testServer) signedInAs(name string) *client {
	s.t.Helper()
	c := s.client()
	var answer struct{ CSRF string }
	c.call(200, "POST", "/api/v1/session", map[string]string{"name": name, "password": goodPassword}, &answer)
	c.csrf = answer.CSRF
	return c
}

// call sends JSON and wants a status.
func (c *client) call(want int, method, path string, in, out any) {
	c.t.Helper()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		checktest.Must(c.t, err)
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, c.http.URL+path, body)
	checktest.Must(c.t, err)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("X-CSRF-Token", c.csrf)
	res, err := (&http.Client{Jar: c.jar, Timeout: time.Minute}).Do(req)
	checktest.Must(c.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	checktest.Must(c.t, err)
	if res.StatusCode != want {
		c.t.Fatalf("%s %s: %d, want %d: %s", method, path, res.StatusCode, want, text)
	}
	if out != nil {
		checktest.Must(c.t, json.Unmarshal(text, out))
	}
}
