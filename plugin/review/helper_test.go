package review

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openDB(t testing.TB, path string) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func newStore(t testing.TB) *Store {
	t.Helper()
	s, err := OpenStore(openDB(t, filepath.Join(t.TempDir(), "ledger.db")))
	must(t, err)
	return s
}

func (s *Store) add(t testing.TB, records ...Record) {
	t.Helper()
	for _, r := range records {
		must(t, s.db.Update(func(tx *bbolt.Tx) error { return s.Add(tx, r) }))
	}
}

// sample is a record with findings of some probabilities.
func sample(name string, at int, probabilities ...float64) Record {
	result := &bus.Result{
		Identity: "sha256:" + digestID(name), JobSource: "/test", StudyUID: "1.2", SeriesUID: "1.2." + fmt.Sprint(at), IntendedUse: "not for diagnosis",
		Models: []bus.Model{{Name: "vae-ad", Digest: "sha256:aa", Threshold: 0.5}},
	}
	for i, p := range probabilities {
		result.Nodules = append(result.Nodules, bus.ResultNodule{
			JobNodule: bus.JobNodule{ID: fmt.Sprint("n", i+1)},
			Scores:    []bus.NoduleScore{{Model: "vae-ad", Digest: "sha256:aa", Raw: p, Probability: &p, Percentile: 100 * p, Anomalous: p > 0.5}},
		})
	}
	return Record{
		ID: IDOf(result.Identity), Site: "local", Source: "/test", StudyUID: "1.2", SeriesUID: result.SeriesUID, URI: "file:///x",
		Priority: bus.PriorityRoutine, Time: time.Unix(int64(1000+at), 0).UTC(), Result: result, Nodules: len(probabilities),
	}
}

// fakeSource has no images.
type fakeSource struct {
	headers func(Record) (sr.Header, error)
	explain func(context.Context) (Explanation, error)
}

var errNoImages = errors.New("no images in this test")

func (f fakeSource) Open(context.Context, Record) (*dicomio.Series, error) { return nil, errNoImages }
func (f fakeSource) Header(_ context.Context, r Record) (sr.Header, error) {
	if f.headers == nil {
		return sr.Header{}, errNoImages
	}
	return f.headers(r)
}
func (f fakeSource) Explain(ctx context.Context, _ Record, _ int, _ string) (Explanation, error) {
	return f.explain(ctx)
}
func (f fakeSource) Waiting(context.Context) ([]bus.WaitingJob, error) { return nil, nil }
func (f fakeSource) Summary(error) bus.Problem {
	return bus.Problem{Code: "folder_missing", Message: "the folder is not there"}
}

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
	http  *httptest.Server
	clock *clock
	mu    sync.Mutex
	notes []Entry
	fail  error // of the audit trail
}

const goodPassword = "a password for tests"

func cheapHash(password string) string {
	return hashWith(password, []byte("salt of a test"), 1, 8, 1)
}

func newServer(t testing.TB, change func(*Config)) *testServer {
	t.Helper()
	s := &testServer{t: t, clock: &clock{at: time.Unix(1_700_000_000, 0)}}
	users := filepath.Join(t.TempDir(), "users.json")
	must(t, SaveUsers(users, []User{
		{Name: "ann", Role: RoleReview, Hash: cheapHash(goodPassword)}, {Name: "vera", Role: RoleView, Hash: cheapHash(goodPassword)},
	}))
	store := newStore(t)
	cfg := Config{
		Store: store, Source: fakeSource{}, Audit: s.note, UsersFile: users, Now: s.clock.now, Software: "test 1", IntendedUse: "not for diagnosis",
		Publisher: &Publisher{Site: "local", Store: store, Audit: s.note, Logger: discard()},
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
	must(t, err)
	s.Server = server
	mux.Handle("/", server.Handler())
	t.Cleanup(server.Close)
	return s
}

func (s *testServer) note(e Entry) error {
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
	must(s.t, err)
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
		must(c.t, err)
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, c.http.URL+path, body)
	must(c.t, err)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("X-CSRF-Token", c.csrf)
	res, err := (&http.Client{Jar: c.jar, Timeout: time.Minute}).Do(req)
	must(c.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(c.t, err)
	if res.StatusCode != want {
		c.t.Fatalf("%s %s: %d, want %d: %s", method, path, res.StatusCode, want, text)
	}
	if out != nil {
		must(c.t, json.Unmarshal(text, out))
	}
}
