package signin

import (
	"context"
	"maps"
	"math"
	"net/http"
	"strconv"

	"github.com/nodulescope/nodulescope/plugin/review/accounts"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// GetAuth says how one signs in here.
func (g *Gate) GetAuth(w http.ResponseWriter, _ *http.Request) error {
	said := map[string]any{"local": g.cfg.UsersFile != "", "oidc": nil}
	if g.oidc != nil {
		said["oidc"] = map[string]string{"label": g.oidc.label(), "url": "/auth/oidc/login"}
	}
	maps.Copy(said, g.cfg.Auth)
	return answer.JSON(w, "application/json", said)
}

// GetSession says who is signed in.
func (g *Gate) GetSession(w http.ResponseWriter, _ *http.Request, who *Session) error {
	said := map[string]any{
		"name": who.who.name, "display_name": who.who.display, "role": who.who.role, "csrf": who.csrf,
		"expires": who.created.Add(g.cfg.Lifetime).UTC(), "idle_seconds": int(g.cfg.Idle.Seconds()),
	}
	maps.Copy(said, g.cfg.Session)
	return answer.JSON(w, "application/json", said)
}

// DeleteSession signs out.
func (g *Gate) DeleteSession(w http.ResponseWriter, r *http.Request, who *Session) error {
	g.sessions.end(who)
	http.SetCookie(w, sessionCookie("", g.cfg.Secure))
	if err := g.cfg.Audit(store.Entry{Kind: "logout", User: who.who.name, Address: Address(r, g.cfg.Proxies)}); err != nil {
		return answer.Unaudited("signed out, but the audit trail cannot be written", err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// PostSession signs in with name and password.
func (g *Gate) PostSession(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name     string `json:"name"`
		Password string `json:"password"`
	}
	if err := answer.Read(r, &in); err != nil {
		return err
	}
	if in.Name == "" || len(in.Name) > 4*accounts.MaxName || in.Password == "" || len(in.Password) > accounts.MaxPasswordBytes {
		return answer.Invalid("name and password are needed")
	}
	address := Address(r, g.cfg.Proxies)
	if wait := g.throttle.wait(g.cfg.Now(), in.Name, address); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		return answer.Fail(http.StatusTooManyRequests, answer.CodeTooManyAttempts, "too many failed attempts; wait, then try again", nil)
	}
	user, ok, err := g.checkPassword(r.Context(), in.Name, in.Password)
	if err != nil {
		return err
	}
	if !ok {
		if err := g.failed(r, user.Name, "password"); err != nil {
			return err
		}
		return answer.Fail(http.StatusUnauthorized, answer.CodeLoginFailed, "name or password is wrong", nil)
	}
	g.throttle.succeed(in.Name, address)
	who, err := g.signIn(w, r, local(user), "password")
	if err != nil {
		return err
	}
	return g.GetSession(w, r, who)
}

// local is somebody of the file of users.
func local(u accounts.User) identity {
	return identity{name: u.Name, display: u.Shown(), role: u.Role, fingerprint: accounts.Fingerprint(u.Hash)}
}

// checkPassword takes as long for a name that is not there.
func (g *Gate) checkPassword(ctx context.Context, name, password string) (accounts.User, bool, error) {
	select {
	case g.hashing <- struct{}{}:
		defer func() { <-g.hashing }()
	case <-ctx.Done():
		return accounts.User{}, false, ctx.Err()
	}
	user, there, err := g.users.Find(name)
	if err != nil {
		return accounts.User{}, false, unreadable(err)
	}
	hash := g.decoy
	if there {
		hash = user.Hash
	}
	ok, err := accounts.VerifyPassword(hash, password)
	if err != nil {
		return accounts.User{}, false, unreadable(err)
	}
	return user, ok && there, nil
}
