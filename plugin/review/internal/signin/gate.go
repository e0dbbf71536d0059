package signin

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/nodulescope/nodulescope/plugin/review/accounts"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// Config sets up a gate. Audit, Now and Logger are needed.
type Config struct {
	UsersFile string         // see package accounts; empty: no local users
	OIDC      OIDC           // zero: none
	Secure    bool           // served under TLS, by this process or by a proxy before it
	PublicURL string         // scheme://host; needed for OIDC
	Proxies   []netip.Prefix // whose X-Forwarded-For is believed
	Idle      time.Duration
	Lifetime  time.Duration
	Audit     func(store.Entry) error // synced before it returns
	Auth      map[string]any          // told to everybody who asks how one signs in
	Session   map[string]any          // told to who is signed in, beside the session

	Now    func() time.Time
	Logger *slog.Logger
}

// Gate lets people in. See [New].
type Gate struct {
	cfg      Config
	users    accounts.File
	sessions *sessions
	throttle throttle
	hashing  chan struct{} // passwords that are checked at once
	links    links
	oidc     *oidcLogin
	decoy    string // hash that unknown names are compared with
}

// New checks the settings. With OIDC its provider is asked at the first login,
// so that the service starts without it.
func New(cfg Config) (*Gate, error) {
	if cfg.Idle == 0 {
		cfg.Idle = DefaultIdle
	}
	if cfg.Lifetime == 0 {
		cfg.Lifetime = DefaultLifetime
	}
	if cfg.Idle < 0 || cfg.Lifetime < cfg.Idle {
		return nil, errors.New("review: a session's lifetime is at least its idle time")
	}
	g := &Gate{
		cfg: cfg, users: accounts.File{Path: cfg.UsersFile}, sessions: newSessions(cfg.Idle, cfg.Lifetime),
		hashing: make(chan struct{}, 2), links: links{open: newLRU[string, link](maxLinks)}, decoy: accounts.Decoy(),
	}
	if cfg.OIDC != (OIDC{}) {
		var err error
		if g.oidc, err = newOIDC(cfg.OIDC, cfg.PublicURL); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// Handler answers a request of somebody who is signed in.
type Handler func(w http.ResponseWriter, r *http.Request, who *Session) error

// Require wraps what needs a session with a role. Requests that change something
// need its CSRF token. touch prolongs the session.
func (g *Gate) Require(role accounts.Role, touch bool, h Handler) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, err := g.current(r, touch)
		if err != nil {
			return err
		}
		if who == nil {
			return answer.Fail(http.StatusUnauthorized, answer.CodeNotSignedIn, "sign in first; the session may have ended", nil)
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead && !who.checkCSRF(r) {
			return answer.Fail(http.StatusForbidden, answer.CodeCSRF, "the header X-CSRF-Token must be that of the session", nil)
		}
		if !who.who.role.Allows(role) {
			return answer.Fail(http.StatusForbidden, answer.CodeForbidden, "this needs the role "+string(role), nil)
		}
		return h(w, r, who)
	}
}

// current is the session of a request, nil where there is none.
func (g *Gate) current(r *http.Request, touch bool) (*Session, error) {
	cookie, err := r.Cookie(cookieNameFor(g.cfg.Secure))
	if err != nil {
		return nil, nil
	}
	who := g.sessions.find(cookie.Value, g.cfg.Now(), touch)
	if who == nil {
		return nil, nil
	}
	return who, g.stillUser(who)
}

// stillUser ends a session whose user was removed or changed.
func (g *Gate) stillUser(who *Session) error {
	if who.who.external {
		return nil
	}
	user, there, err := g.users.Find(who.who.name)
	if err != nil {
		return unreadable(err)
	}
	if !there || accounts.Fingerprint(user.Hash) != who.who.fingerprint || user.Role != who.who.role {
		g.sessions.end(who)
		return answer.Fail(http.StatusUnauthorized, answer.CodeNotSignedIn, "this user has changed; sign in again", nil)
	}
	return nil
}

// Open tells whether a session is still open.
func (g *Gate) Open(who *Session) bool { return g.sessions.alive(who, g.cfg.Now()) }

// StillUser tells whether a session is open and its user as it was.
func (g *Gate) StillUser(who *Session) bool { return g.Open(who) && g.stillUser(who) == nil }

// signIn ends the session that the browser had and starts another.
func (g *Gate) signIn(w http.ResponseWriter, r *http.Request, who identity, how string) (*Session, error) {
	if err := g.cfg.Audit(store.Entry{Kind: "login", User: who.name, Detail: how, Address: Address(r, g.cfg.Proxies)}); err != nil {
		return nil, unaudited(err)
	}
	if cookie, err := r.Cookie(cookieNameFor(g.cfg.Secure)); err == nil {
		if old := g.sessions.find(cookie.Value, g.cfg.Now(), false); old != nil {
			g.sessions.end(old)
		}
	}
	token, made := g.sessions.start(who, g.cfg.Now())
	http.SetCookie(w, sessionCookie(token, g.cfg.Secure))
	g.cfg.Logger.Info("signed in", "user", who.name, "role", who.role, "how", how)
	return made, nil
}

// failed notes a login that did not succeed. user is empty for a name that is
// not known: it may be a password in the wrong field.
func (g *Gate) failed(r *http.Request, user, how string) error {
	if err := g.cfg.Audit(store.Entry{Kind: "login_failed", User: user, Detail: how, Address: Address(r, g.cfg.Proxies)}); err != nil {
		return unaudited(err)
	}
	return nil
}

func unaudited(err error) error { return answer.Unaudited("the audit trail cannot be written", err) }

func unreadable(err error) error {
	return answer.Fail(http.StatusInternalServerError, answer.CodeInternal, "the file of users cannot be read", err)
}
