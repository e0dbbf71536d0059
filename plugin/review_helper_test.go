package plugin

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/review/accounts"
)

const testPassword = "correct horse battery"

// testUsers are hashed once: that takes a while, as it should.
var testUsers = sync.OnceValues(func() ([]accounts.User, error) {
	hash, err := accounts.HashPassword(testPassword)
	if err != nil {
		return nil, err
	}
	var users []accounts.User
	for name, role := range map[string]accounts.Role{"vera": accounts.RoleView, "ann": accounts.RoleReview, "bob": accounts.RoleReview, "ada": accounts.RoleAdmin, "alan": accounts.RoleAdmin} {
		users = append(users, accounts.User{Name: name, Role: role, Hash: hash, Created: time.Now()})
	}
	return users, nil
})

// reviewConfig is that of a plugin with a page and three users.
func reviewConfig(t testing.TB) Config {
	t.Helper()
	cfg := testConfig(t)
	cfg.Review = ReviewConfig{Addr: "127.0.0.1:0", Page: testPage()}
	writeUsers(t, cfg.DataDir)
	return cfg
}

func writeUsers(t testing.TB, dataDir string) {
	t.Helper()
	users, err := testUsers()
	if err == nil {
		err = accounts.Save(UsersFile(dataDir), users)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func testPage() fs.FS {
	return fstest.MapFS{
		"index.html":    {Data: []byte("<!doctype html><title>page</title>")},
		"assets/app.js": {Data: []byte("export {}")},
	}
}

// browser is a client with cookies and the CSRF token of its session.
type browser struct {
	t    testing.TB
	url  string
	http *http.Client
	csrf string
}

func newBrowser(t testing.TB, url string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, url: url, http: &http.Client{Jar: jar, Timeout: time.Minute}}
}

// signIn is a browser of a user.
func signIn(t testing.TB, p *running, name string) *browser {
	t.Helper()
	b := newBrowser(t, p.ReviewURL())
	var session struct{ Name, Role, CSRF string }
	b.json(200, "POST", "/api/v1/session", map[string]string{"name": name, "password": testPassword}, &session)
	if session.Name != name || session.CSRF == "" {
		t.Fatalf("session %+v", session)
	}
	b.csrf = session.CSRF
	return b
}

// do sends a request and returns the answer with its body.
func (b *browser) do(method, path string, body io.Reader, change ...func(*http.Request)) (*http.Response, []byte) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(plugintest.Context(b.t), method, b.url+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if b.csrf != "" {
		req.Header.Set("X-CSRF-Token", b.csrf)
	}
	for _, c := range change {
		c(req)
	}
	res, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return res, text
}

// json sends and receives JSON, and wants a status.
func (b *browser) json(want int, method, path string, in, out any) {
	b.t.Helper()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			b.t.Fatal(err)
		}
		body = bytes.NewReader(text)
	}
	res, text := b.do(method, path, body)
	if res.StatusCode != want {
		b.t.Fatalf("%s %s: %d, want %d: %s", method, path, res.StatusCode, want, text)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			b.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
}

func (b *browser) get(path string, out any) { b.t.Helper(); b.json(200, "GET", path, nil, out) }

// code wants a problem.
func (b *browser) code(status int, code, method, path string, body string, change ...func(*http.Request)) {
	b.t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	res, text := b.do(method, path, in, change...)
	var p struct {
		Code   string
		Status int
		Detail string
	}
	if err := json.Unmarshal(text, &p); err != nil || res.StatusCode != status || p.Code != code || p.Status != status || p.Detail == "" ||
		res.Header.Get("Content-Type") != "application/problem+json" {
		b.t.Errorf("%s %s: %d %s, want %d %s", method, path, res.StatusCode, text, status, code)
	}
}

// worklist of the API, as far as tests look at it.
type worklistAnswer struct {
	Rows []struct {
		ID, State, Flag, Priority  string
		Patient                    *patientAnswer
		Findings, Decided, Flagged int
		Percentile                 *float64
		Unread                     bool
		Problem                    *struct{ Code string }
		SupersededBy               *string `json:"superseded_by"`
	}
	Total, Unread int
	Counts        map[string]int
	EventID       string `json:"event_id"`
}

// patientAnswer is who a row is of.
type patientAnswer struct {
	Name, ID        string
	BirthDate       string `json:"birth_date"`
	StudyDate       string `json:"study_date"`
	AccessionNumber string `json:"accession_number"`
}

func (b *browser) worklist(query string) (w worklistAnswer) {
	b.t.Helper()
	b.get("/api/v1/worklist"+query, &w)
	return w
}

// auditLines are the lines of a kind.
func auditLines(t testing.TB, dataDir, kind string) (found []audit.Record) {
	t.Helper()
	files, err := audit.Files(auditFile(dataDir))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = audit.VerifyFiles(files, func(r audit.Record) error {
		if r.Kind == kind {
			found = append(found, r)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
