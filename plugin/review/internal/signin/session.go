package signin

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/nodulescope/nodulescope/plugin/review/accounts"
)

// Default times of a session.
const (
	DefaultIdle     = 30 * time.Minute
	DefaultLifetime = 12 * time.Hour
)

const (
	maxSessions = 4096
	maxSeen     = 20_000 // views that a session remembers to have noted
)

const (
	cookieName       = "nodulescope_session"
	secureCookieName = "__Host-nodulescope_session"
	csrfHeader       = "X-CSRF-Token"
)

// identity is who signs in.
type identity struct {
	name, display string
	role          accounts.Role
	external      bool // by OpenID Connect: no entry in the file of users
	fingerprint   [32]byte
}

// Session of one browser. Its token is not kept, only the token's digest.
type Session struct {
	key     [32]byte
	who     identity
	csrf    string
	created time.Time
	used    time.Time // guarded by that of all sessions

	mu   sync.Mutex
	seen *simplelru.LRU[string, struct{}] // views that stand in the audit trail
}

// User is the name of who is signed in; it signs decisions.
func (s *Session) User() string { return s.who.name }

// First calls note where the session meets something for the first time, and
// remembers that when note succeeds.
func (s *Session) First(what string, note func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen.Contains(what) {
		return nil
	}
	if err := note(); err != nil {
		return err
	}
	s.seen.Add(what, struct{}{})
	return nil
}

// Has tells whether the session has met something before.
func (s *Session) Has(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.Contains(what)
}

// checkCSRF compares the header with the session's token.
func (s *Session) checkCSRF(r *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(r.Header.Get(csrfHeader)), []byte(s.csrf)) == 1
}

// sessions are all that are open, those that were used last at the end.
type sessions struct {
	idle, lifetime time.Duration

	mu   sync.Mutex
	open *simplelru.LRU[[32]byte, *Session]
}

func newSessions(idle, lifetime time.Duration) *sessions {
	return &sessions{idle: idle, lifetime: lifetime, open: newLRU[[32]byte, *Session](maxSessions)}
}

// newLRU is a list that a lock of its holder guards.
func newLRU[K comparable, V any](size int) *simplelru.LRU[K, V] {
	l, err := simplelru.NewLRU[K, V](size, nil)
	if err != nil {
		panic("signin: " + err.Error()) // the size is a positive constant
	}
	return l
}

// randomToken has 256 bits.
func randomToken() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// start makes a session and its token. Where too many are open, the one goes
// that was not used for the longest time.
func (s *sessions) start(who identity, now time.Time) (token string, made *Session) {
	token = randomToken()
	made = &Session{
		key: sha256.Sum256([]byte(token)), who: who, csrf: randomToken(), created: now, used: now, seen: newLRU[string, struct{}](maxSeen),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, old := range s.open.Values() {
		if s.ended(old, now) {
			s.open.Remove(old.key)
		}
	}
	s.open.Add(made.key, made)
	return token, made
}

// ended tells whether a session's time is over. s.mu is held.
func (s *sessions) ended(one *Session, now time.Time) bool {
	return now.Sub(one.created) >= s.lifetime || now.Sub(one.used) >= s.idle
}

// find returns the session of a token, nil where there is none or it has ended.
// touch prolongs it.
func (s *sessions) find(token string, now time.Time, touch bool) *Session {
	if len(token) != 43 {
		return nil
	}
	key := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	found, there := s.open.Peek(key)
	if !there {
		return nil
	}
	if s.ended(found, now) {
		s.open.Remove(key)
		return nil
	}
	if touch {
		found.used = now
		s.open.Get(key) // the most recent one now
	}
	return found
}

// alive tells whether a session is still there.
func (s *sessions) alive(one *Session, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	open, there := s.open.Peek(one.key)
	return there && open == one && !s.ended(one, now)
}

func (s *sessions) end(one *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open.Remove(one.key)
}

// cookieNameFor is the name of the session's cookie: the prefix makes browsers
// refuse it from anything but this host under TLS.
func cookieNameFor(secure bool) string {
	if secure {
		return secureCookieName
	}
	return cookieName
}

func sessionCookie(token string, secure bool) *http.Cookie {
	c := &http.Cookie{Name: cookieNameFor(secure), Value: token, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode}
	if token == "" {
		c.MaxAge = -1
	}
	return c
}
