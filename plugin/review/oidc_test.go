package review

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// provider is a small OpenID Connect provider that lets everybody in.
type provider struct {
	t      *testing.T
	http   *httptest.Server
	key    *rsa.PrivateKey
	claims map[string]any
	nonce  string // what it puts into the identity, "" for what was asked for

	asked     url.Values
	verifiers int
}

func newProvider(t *testing.T) *provider {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	checktest.Must(t, err)
	p := &provider{t: t, key: key, claims: map[string]any{"sub": "s-1", "preferred_username": "grace", "name": "Grace H.", "groups": []string{"x", "nodulescope-review"}}}
	mux := http.NewServeMux()
	p.http = httptest.NewServer(mux)
	t.Cleanup(p.http.Close)
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": p.http.URL, "authorization_endpoint": p.http.URL + "/authorize", "token_endpoint": p.http.URL + "/token",
			"jwks_uri": p.http.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		b64 := base64.RawURLEncoding
		answer(w, map[string]any{"keys": []any{map[string]string{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k", "n": b64.EncodeToString(key.N.Bytes()), "e": b64.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		p.asked = r.URL.Query()
		back := url.Values{"code": {"c-1"}, "state": {p.asked.Get("state")}}
		http.Redirect(w, r, p.asked.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		_, secret, _ := r.BasicAuth()
		if base64.RawURLEncoding.EncodeToString(sum[:]) != p.asked.Get("code_challenge") || p.asked.Get("code_challenge_method") != "S256" ||
			secret != "hush" || r.FormValue("code") != "c-1" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		p.verifiers++
		answer(w, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": p.token()})
	})
	return p
}

// token signs the claims as RS256.
func (p *provider) token() string {
	claims := map[string]any{"iss": p.http.URL, "aud": "nodulescope", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "nonce": p.asked.Get("nonce")}
	if p.nonce != "" {
		claims["nonce"] = p.nonce
	}
	for k, v := range p.claims {
		claims[k] = v
	}
	part := func(v any) string {
		text, err := json.Marshal(v)
		checktest.Must(p.t, err)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(map[string]string{"alg": "RS256", "kid": "k"}) + "." + part(claims)
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	checktest.Must(p.t, err)
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func TestOIDC(t *testing.T) {
	p := newProvider(t)
	s := newServer(t, func(c *Config) {
		c.PublicURL = "use"
		c.OIDC = OIDC{Issuer: p.http.URL, ClientID: "nodulescope", ClientSecret: "hush", Label: "Clinic"}
		c.Now = nil
		c.Source = fakeSource{headers: someone, images: true}
	})
	var auth struct{ OIDC struct{ Label, URL string } }
	s.client().call(200, "GET", "/api/v1/auth", nil, &auth)
	if auth.OIDC.Label != "Clinic" || auth.OIDC.URL != "/auth/oidc/login" {
		t.Errorf("%+v", auth)
	}
	login := func() (int, *client) {
		c := s.client()
		res, err := (&http.Client{Jar: c.jar}).Get(s.http.URL + auth.OIDC.URL)
		checktest.Must(t, err)
		res.Body.Close()
		return res.StatusCode, c
	}
	status, c := login()
	if status != 200 || p.verifiers != 1 {
		t.Fatal(status)
	}
	var session struct{ Name, Role, CSRF string }
	c.call(200, "GET", "/api/v1/session", nil, &session)
	if session.Name != "oidc/grace" || session.Role != "review" {
		t.Errorf("%+v", session)
	}
	c.csrf = session.CSRF
	r := sample(0.3)
	s.store.add(t, r)
	var d store.Decision
	c.call(200, "PUT", "/api/v1/series/"+r.ID+"/findings/1/decision", store.NewDecision{Verdict: bus.Unsure}, &d)
	if d.Reviewer != "oidc/grace" {
		t.Errorf("%+v", d)
	}
	p.claims["groups"] = []string{"elsewhere"}
	if status, _ := login(); status != 403 {
		t.Error(status)
	}
	p.claims["groups"], p.nonce = "nodulescope-admin", "another"
	if status, _ := login(); status != 401 {
		t.Error("an identity that was made for another login is taken:", status)
	}
	p.nonce, p.claims["aud"] = "", "another service"
	if status, _ := login(); status != 401 {
		t.Error(status)
	}
	if n := s.noted("login_failed"); n != 3 {
		t.Error(n)
	}
}

// An answer of the provider that this browser did not ask for.
func TestOIDCState(t *testing.T) {
	p := newProvider(t)
	s := newServer(t, func(c *Config) {
		c.PublicURL = "use"
		c.OIDC = OIDC{Issuer: p.http.URL, ClientID: "nodulescope", ClientSecret: "hush"}
	})
	jar, err := cookiejar.New(nil)
	checktest.Must(t, err)
	victim := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := victim.Get(s.http.URL + "/auth/oidc/login")
	checktest.Must(t, err)
	res.Body.Close()
	to, err := url.Parse(res.Header.Get("Location"))
	checktest.Must(t, err)
	state := to.Query().Get("state")
	if res.StatusCode != 302 || state == "" || to.Query().Get("code_challenge") == "" || to.Query().Get("nonce") == "" || strings.Contains(to.RawQuery, "hush") {
		t.Fatalf("%s", to)
	}
	for name, c := range map[string]*http.Client{"another browser": http.DefaultClient, "another state": victim} {
		query := "?code=c-1&state=" + state
		if c == victim {
			query += "x"
		}
		res, err := c.Get(s.http.URL + "/auth/oidc/callback" + query)
		checktest.Must(t, err)
		res.Body.Close()
		if res.StatusCode != 401 {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	s.clock.add(10*time.Minute + time.Second)
	res, err = victim.Get(s.http.URL + "/auth/oidc/callback?code=c-1&state=" + state)
	checktest.Must(t, err)
	res.Body.Close()
	if res.StatusCode != 401 {
		t.Error("a login that took too long:", res.StatusCode)
	}
}
