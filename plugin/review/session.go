package review

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"sync"
	"time"
)

// Default times of a session.
const (
	DefaultIdle     = 30 * time.Minute
	DefaultLifetime = 12 * time.Hour
	maxSessions     = 4096
	maxSeen         = 20_000 // views that a session remembers to have noted
)

const (
	cookieName       = "nodulescope_session"
	secureCookieName = "__Host-nodulescope_session"
	csrfHeader       = "X-CSRF-Token"
)

// identity is who signs in.
type identity struct {
	name, display string
	role          Role
	external      bool // by OpenID Connect: no entry in the file of users
	fingerprint   [32]byte
}

// session of one browser. Its token is not kept, only the token's digest.
type session struct {
	key     [32]byte
	who     identity
	csrf    string
	created time.Time

	mu   sync.Mutex
	used time.Time

	seenMu sync.Mutex
	seen   map[string]bool // views that stand in the audit trail
}

// sessions are kept in memory: a restart of the service ends them.
type sessions struct {
	idle, lifetime time.Duration

	mu   sync.Mutex
	open map[[32]byte]*session
}

func newSessions(idle, lifetime time.Duration) *sessions {
	return &sessions{idle: idle, lifetime: lifetime, open: map[[32]byte]*session{}}
}

// randomToken has 256 bits.
func randomToken() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// start makes a session and its token.
func (s *sessions) start(who identity, now time.Time) (token string, made *session) {
	token = randomToken()
	made = &session{key: sha256.Sum256([]byte(token)), who: who, csrf: randomToken(), created: now, used: now, seen: map[string]bool{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, old := range s.open {
		if old.ended(now, s) {
			delete(s.open, key)
		}
	}
	if len(s.open) >= maxSessions {
		s.dropOldest()
	}
	s.open[made.key] = made
	return token, made
}

func (s *sessions) dropOldest() {
	var oldest *session
	for _, one := range s.open {
		if oldest == nil || one.lastUse().Before(oldest.lastUse()) {
			oldest = one
		}
	}
	if oldest != nil {
		delete(s.open, oldest.key)
	}
}

func (s *session) lastUse() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

func (s *session) ended(now time.Time, all *sessions) bool {
	return now.Sub(s.created) >= all.lifetime || now.Sub(s.lastUse()) >= all.idle
}

// find returns the session of a token, nil where there is none or it has ended.
// touch prolongs it.
func (s *sessions) find(token string, now time.Time, touch bool) *session {
	if len(token) != 43 {
		return nil
	}
	key := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.open[key]
	if found == nil {
		return nil
	}
	if found.ended(now, s) {
		delete(s.open, key)
		return nil
	}
	if touch {
		found.mu.Lock()
		found.used = now
		found.mu.Unlock()
	}
	return found
}

// alive tells whether a session is still there.
func (s *sessions) alive(one *session, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[one.key] == one && !one.ended(now, s)
}

func (s *sessions) end(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, one.key)
}

// first tells whether a session meets something for the first time, and notes
// it when note succeeds.
func (s *session) first(what string, note func() error) error {
	s.seenMu.Lock()
	defer s.seenMu.Unlock()
	if s.seen[what] {
		return nil
	}
	if err := note(); err != nil {
		return err
	}
	if len(s.seen) >= maxSeen {
		clear(s.seen)
	}
	s.seen[what] = true
	return nil
}

// sees tells whether a session has met something before.
func (s *session) sees(what string) bool {
	s.seenMu.Lock()
	defer s.seenMu.Unlock()
	return s.seen[what]
}

// checkCSRF compares the header with the session's token.
func (s *session) checkCSRF(r *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(r.Header.Get(csrfHeader)), []byte(s.csrf)) == 1
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
