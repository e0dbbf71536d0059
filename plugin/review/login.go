package review

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// WindowPreset is a way to show HU.
type WindowPreset struct {
	Name   string  `json:"name"`
	Label  string  `json:"label"`
	Center float64 `json:"center"`
	Width  float64 `json:"width"`
}

// windowPresets are those that radiologists expect for a chest.
func windowPresets() []WindowPreset {
	return []WindowPreset{{"lung", "Lung", -600, 1500}, {"mediastinum", "Mediastinum", 40, 400}, {"bone", "Bone", 400, 1800}}
}

func (s *Server) getAuth(w http.ResponseWriter, _ *http.Request) error {
	answer := map[string]any{"local": s.cfg.UsersFile != "", "oidc": nil, "software": s.cfg.Software, "intended_use": s.cfg.IntendedUse}
	if s.oidc != nil {
		answer["oidc"] = map[string]string{"label": s.oidc.label(), "url": "/auth/oidc/login"}
	}
	return answerJSON(w, "application/json", answer)
}

func (s *Server) getSession(w http.ResponseWriter, _ *http.Request, who *session) error {
	return s.answerSession(w, who)
}

func (s *Server) answerSession(w http.ResponseWriter, who *session) error {
	return answerJSON(w, "application/json", map[string]any{
		"name": who.who.name, "display_name": who.who.display, "role": who.who.role, "csrf": who.csrf,
		"expires": who.created.Add(s.cfg.Lifetime).UTC(), "idle_seconds": int(s.cfg.Idle.Seconds()),
		"software": s.cfg.Software, "intended_use": s.cfg.IntendedUse, "reasons": Reasons(), "window_presets": windowPresets(),
	})
}

func (s *Server) deleteSession(w http.ResponseWriter, _ *http.Request, who *session) error {
	s.sessions.end(who)
	http.SetCookie(w, sessionCookie("", s.cfg.Secure))
	if err := s.cfg.Audit(Entry{Kind: "logout", User: who.who.name}); err != nil {
		return fail(http.StatusInternalServerError, codeAudit, "signed out, but the audit trail cannot be written", err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) postSession(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name     string `json:"name"`
		Password string `json:"password"`
	}
	if err := readJSON(r, &in); err != nil {
		return err
	}
	if in.Name == "" || len(in.Name) > 4*maxNameChars || in.Password == "" || len(in.Password) > 4*maxPassword {
		return invalid("name and password are needed")
	}
	if wait := s.throttle.wait(s.now(), in.Name, address(r)); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		return fail(http.StatusTooManyRequests, codeTooManyAttempts, "too many attempts failed; wait, then try again", nil)
	}
	user, ok, err := s.checkPassword(r.Context(), in.Name, in.Password)
	if err != nil {
		return err
	}
	if !ok {
		e := Entry{Kind: "login_failed", Detail: "password"}
		if user.Name != "" { // a name that is not known may be a password in the wrong field
			e.User = user.Name
		}
		if err := s.cfg.Audit(e); err != nil {
			return fail(http.StatusInternalServerError, codeAudit, "the audit trail cannot be written", err)
		}
		return fail(http.StatusUnauthorized, codeLoginFailed, "name or password is wrong", nil)
	}
	s.throttle.succeed(in.Name, address(r))
	who, err := s.signIn(w, r, identity{user.Name, displayName(user), user.Role, false, fingerprint(user.Hash)}, "password")
	if err != nil {
		return err
	}
	return s.answerSession(w, who)
}

func displayName(u User) string {
	if u.DisplayName != "" {
		return u.DisplayName
	}
	return u.Name
}

// checkPassword takes as long for a name that is not there.
func (s *Server) checkPassword(ctx context.Context, name, password string) (User, bool, error) {
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
	case <-ctx.Done():
		return User{}, false, ctx.Err()
	}
	broken := func(err error) error {
		return fail(http.StatusInternalServerError, codeInternal, "the file of users cannot be read", err)
	}
	user, there, err := s.users.find(name)
	if err != nil {
		return User{}, false, broken(err)
	}
	hash := s.decoys
	if there {
		hash = user.Hash
	}
	ok, err := verifyPassword(hash, password)
	if err != nil {
		return User{}, false, broken(err)
	}
	return user, ok && there, nil
}

// signIn ends the session that the browser had and starts another.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, who identity, how string) (*session, error) {
	if err := s.cfg.Audit(Entry{Kind: "login", User: who.name, Detail: how}); err != nil {
		return nil, fail(http.StatusInternalServerError, codeAudit, "the audit trail cannot be written", err)
	}
	if cookie, err := r.Cookie(cookieNameFor(s.cfg.Secure)); err == nil {
		if old := s.sessions.find(cookie.Value, s.now(), false); old != nil {
			s.sessions.end(old)
		}
	}
	token, made := s.sessions.start(who, s.now())
	http.SetCookie(w, sessionCookie(token, s.cfg.Secure))
	s.log.Info("signed in", "user", who.name, "role", who.role, "how", how)
	return made, nil
}

// readJSON reads one JSON object.
func readJSON(r *http.Request, into any) error {
	if kind := r.Header.Get("Content-Type"); kind != "application/json" && kind != "application/json; charset=utf-8" && kind != "application/json;charset=UTF-8" {
		return invalid("send application/json")
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return err
		}
		return invalid("the body is not the JSON object that is described")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return invalid("there is something behind the JSON object")
	}
	return nil
}

// onceTokens are links that sign somebody in, once.
type onceTokens struct {
	mu    sync.Mutex
	links map[string]onceLink
}

type onceLink struct {
	user  string
	until time.Time
}

const (
	onceLifetime = 10 * time.Minute
	maxLinks     = 64
)

// OnceLink is a path, with a token, that signs a local user in, once and within
// ten minutes: for a demonstration.
func (s *Server) OnceLink(user string) string {
	token := randomToken()
	s.once.mu.Lock()
	defer s.once.mu.Unlock()
	if s.once.links == nil || len(s.once.links) >= maxLinks {
		s.once.links = map[string]onceLink{}
	}
	s.once.links[token] = onceLink{user, s.now().Add(onceLifetime)}
	return "/auth/once?token=" + token
}

func (s *Server) getOnce(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	s.once.mu.Lock()
	link, there := s.once.links[token]
	delete(s.once.links, token)
	s.once.mu.Unlock()
	if !there || s.now().After(link.until) {
		return fail(http.StatusUnauthorized, codeLoginFailed, "the link was used already or is too old", nil)
	}
	user, known, err := s.users.find(link.user)
	if err != nil || !known {
		return fail(http.StatusUnauthorized, codeLoginFailed, "the user of the link is not there", err)
	}
	if _, err := s.signIn(w, r, identity{user.Name, displayName(user), user.Role, false, fingerprint(user.Hash)}, "link"); err != nil {
		return err
	}
	return goToPage(w)
}

// goToPage leads to the page from a page of this site: a redirect that began
// elsewhere would not carry the session's strict cookie.
func goToPage(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := io.WriteString(w, `<!doctype html><html lang="en"><meta http-equiv="refresh" content="0;url=/"><title>Nodulescope</title><a href="/">Go on</a></html>`)
	return err
}
