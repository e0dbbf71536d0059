package plugin

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/review"
	"github.com/nodulescope/nodulescope/plugin/review/accounts"
)

// What a browser gets, and what a request without its session, its token or
// its origin gets.
func TestReviewSecurity(t *testing.T) {
	cfg := reviewConfig(t)
	var logs bytes.Buffer
	cfg.Logger = slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p, _ := reviewing(t, cfg)
	stranger := newBrowser(t, p.ReviewURL())
	for _, path := range []string{
		"/api/v1/worklist", "/api/v1/session", "/api/v1/events", "/api/v1/decisions.csv", "/api/v1/series/" + strings.Repeat("a", 64),
		"/api/v1/series/" + strings.Repeat("a", 64) + "/findings/1/images/patch", "/api/v1/series/" + strings.Repeat("a", 64) + "/region", "/api/v1/dicom-web/studies/1/series/2/metadata",
		"/api/v1/dicom-web/studies/1/series/2/instances/3/frames/1", "/api/v1/dicom-web/studies/1/series/2/instances/3/frames/1/packed",
	} {
		stranger.code(401, "not_signed_in", "GET", path, "")
	}
	res, page := stranger.do("GET", "/", nil)
	policy := res.Header.Get("Content-Security-Policy")
	if res.StatusCode != 200 || !bytes.Contains(page, []byte("page")) || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "script-src 'self';") ||
		res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Referrer-Policy") != "no-referrer" || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	if res, _ := stranger.do("GET", "/assets/app.js", nil); !strings.HasPrefix(res.Header.Get("Content-Type"), "text/javascript") || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%v", res.Header)
	}
	if res, text := stranger.do("GET", "/series/x/findings/1", nil); res.StatusCode != 200 || !bytes.Equal(text, page) {
		t.Errorf("a place within the page: %d", res.StatusCode)
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	stranger.code(421, "host_unknown", "GET", "/api/v1/auth", "", func(r *http.Request) { r.Host = "evil.example" })
	login := `{"name":"ann","password":"` + testPassword + `"}`
	stranger.code(403, "cross_origin", "POST", "/api/v1/session", login, header("Sec-Fetch-Site", "cross-site"))
	stranger.code(403, "cross_origin", "POST", "/api/v1/session", login, header("Origin", "https://evil.example"))
	stranger.code(400, "request_invalid", "POST", "/api/v1/session", login, header("Content-Type", "text/plain"))
	stranger.code(413, "body_too_large", "POST", "/api/v1/session", `{"name":"`+strings.Repeat("a", 1<<20)+`"}`)

	b := signIn(t, p, "ann")
	id := b.worklist("").Rows[0].ID
	path := "/api/v1/series/" + id + "/findings/1/decision"
	decide := `{"verdict":"suspicious","base_version":0}`
	b.code(403, "csrf_failed", "PUT", path, decide, header("X-CSRF-Token", ""))
	b.code(403, "csrf_failed", "PUT", path, decide, header("X-CSRF-Token", b.csrf+"x"))
	b.code(403, "csrf_failed", "DELETE", "/api/v1/session", "", header("X-CSRF-Token", "x"))
	b.code(403, "cross_origin", "PUT", path, decide, header("Sec-Fetch-Site", "same-site"))
	b.code(405, "method_not_allowed", "POST", "/api/v1/worklist", `{}`)
	for _, query := range []string{"state=x", "limit=0", "limit=201", "offset=-1", "sort=name", "order=up", "flagged=1", "min_probability=2", "min_probability=NaN", "priority=x", "who=me"} {
		b.code(400, "request_invalid", "GET", "/api/v1/worklist?"+query, "")
	}
	cookies := b.http.Jar.Cookies(mustRequest(t, p.ReviewURL()).URL)
	if len(cookies) != 1 || len(cookies[0].Value) != 43 {
		t.Fatalf("%v", cookies)
	}

	// A new login ends the session that the browser had: its token is worth
	// nothing any more.
	old := cookies[0]
	b.json(200, "POST", "/api/v1/session", map[string]string{"name": "ann", "password": testPassword}, nil)
	stranger.code(401, "not_signed_in", "GET", "/api/v1/worklist", "", func(r *http.Request) { r.AddCookie(old) })

	// So does a change of the user.
	users, err := testUsers()
	plugintest.Must(t, err)
	users = append([]accounts.User(nil), users...)
	users[accounts.Find(users, "ann")].Role = accounts.RoleView
	plugintest.Must(t, accounts.Save(UsersFile(cfg.DataDir), users))
	b.code(401, "not_signed_in", "GET", "/api/v1/worklist", "")
	plugintest.Must(t, p.stop())
	for _, secret := range []string{"Testname", "ID-4711", "ACC-99", testPassword, old.Value, "1.2.826"} {
		if strings.Contains(logs.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func mustRequest(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	plugintest.Must(t, err)
	return r
}

// Passwords that are wrong: the same answer for names that are not there, and
// a growing wait.
func TestReviewLoginFails(t *testing.T) {
	cfg := reviewConfig(t)
	p := start(t, cfg)
	b := newBrowser(t, p.ReviewURL())
	b.code(401, "login_failed", "POST", "/api/v1/session", `{"name":"nobody","password":"xxxxxxxxxxxx"}`)
	for range 5 {
		b.code(401, "login_failed", "POST", "/api/v1/session", `{"name":"Ann","password":"xxxxxxxxxxxx"}`)
	}
	res, _ := b.do("POST", "/api/v1/session", strings.NewReader(`{"name":"ann","password":"`+testPassword+`"}`))
	if res.StatusCode != 429 || res.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	signIn(t, p, "bob") // others are not held back
	plugintest.Must(t, p.stop())
	lines := auditLines(t, cfg.DataDir, audit.KindLoginFailed)
	if len(lines) != 6 || lines[0].User != "" || lines[1].User != "ann" || lines[1].Address != "127.0.0.1" {
		t.Errorf("%+v", lines)
	}
}

// A link signs in once.
func TestReviewLink(t *testing.T) {
	p := start(t, reviewConfig(t))
	link := strings.TrimPrefix(p.ReviewLink("ann"), p.ReviewURL())
	b := newBrowser(t, p.ReviewURL())
	if res, text := b.do("GET", link, nil); res.StatusCode != 200 || !bytes.Contains(text, []byte(`url=/"`)) {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	if w := b.worklist(""); w.Total != 0 {
		t.Errorf("%+v", w)
	}
	newBrowser(t, p.ReviewURL()).code(401, "login_failed", "GET", link, "")
}

// A session that was idle for too long.
func TestReviewSessionEnds(t *testing.T) {
	cfg := reviewConfig(t)
	cfg.Review.Idle, cfg.Review.Lifetime = time.Nanosecond, time.Hour
	p := start(t, cfg)
	b := signIn(t, p, "ann")
	b.code(401, "not_signed_in", "GET", "/api/v1/worklist", "")
}

// Patients' data needs TLS on a non-loopback address.
func TestReviewListensSafely(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:0": true, "localhost:0": true, "[::1]:0": true, "0.0.0.0:0": false, ":8088": false, "[::]:0": false, "192.0.2.1:80": false, "example.org:80": false, "8088": false,
	} {
		cfg := testConfig(t)
		cfg.Review.Addr = addr
		if err := cfg.Validate(); (err == nil) != want {
			t.Errorf("%s: %v", addr, err)
		}
	}
	cfg := testConfig(t)
	cfg.Review = ReviewConfig{Addr: "0.0.0.0:0", Plain: true}
	plugintest.Must(t, cfg.Validate())
	cfg.Review = ReviewConfig{Addr: "127.0.0.1:0", TLSCert: "x"}
	plugintest.WantCode(t, cfg.Validate(), CodeSettings)
	cfg.Review = ReviewConfig{Addr: "127.0.0.1:0", OIDC: review.OIDC{Issuer: "https://id.example"}}
	plugintest.WantCode(t, cfg.Validate(), CodeSettings)
}

func TestReviewTLS(t *testing.T) {
	cfg := reviewConfig(t)
	cert, key, pool := certificate(t, time.Now().Add(time.Hour))
	cfg.Review.TLSCert, cfg.Review.TLSKey = cert, key
	p := start(t, cfg)
	if !strings.HasPrefix(p.ReviewURL(), "https://127.0.0.1:") {
		t.Fatal(p.ReviewURL())
	}
	b := newBrowser(t, p.ReviewURL())
	b.http.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	text, err := json.Marshal(map[string]string{"name": "ann", "password": testPassword})
	plugintest.Must(t, err)
	res, _ := b.do("POST", "/api/v1/session", bytes.NewReader(text))
	if len(res.Cookies()) != 1 {
		t.Fatalf("%d, cookies %v", res.StatusCode, res.Cookies())
	}
	c := res.Cookies()[0]
	if c.Name != "__Host-nodulescope_session" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" ||
		res.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%+v", c)
	}
	b.worklist("")

	renewed, newKey, pool := certificate(t, time.Now().Add(time.Hour)) // as an ACME client does it
	plugintest.Must(t, errors.Join(os.Rename(renewed, cert), os.Rename(newKey, key)))
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}}
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		res, err := client.Get(p.ReviewURL())
		if err == nil {
			plugintest.Must(t, res.Body.Close())
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// certificate makes one for 127.0.0.1, valid until then, signed by itself.
func certificate(t *testing.T, until time.Time) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	plugintest.Must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	plugintest.Must(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	plugintest.Must(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	plugintest.Must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	plugintest.Must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	parsed, err := x509.ParseCertificate(der)
	plugintest.Must(t, err)
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return cert, key, pool
}
