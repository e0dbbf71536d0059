package signin

import (
	"html"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
)

const (
	linkLifetime = 10 * time.Minute
	maxLinks     = 64
)

// links sign somebody in, once each.
type links struct {
	mu   sync.Mutex
	open *simplelru.LRU[string, link] // by token
}

type link struct {
	user  string
	until time.Time
	used  bool
}

// take returns a link as it was, and notes that it is used.
func (l *links) take(token string) (link, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, there := l.open.Peek(token)
	if there {
		used := found
		used.used = true
		l.open.Add(token, used)
	}
	return found, there
}

// OnceLink is a path, with a token, that signs a local user in, once and within
// ten minutes: for a demonstration.
func (g *Gate) OnceLink(user string) string {
	token := randomToken()
	g.links.mu.Lock()
	defer g.links.mu.Unlock()
	g.links.open.Add(token, link{user: user, until: g.cfg.Now().Add(linkLifetime)})
	return "/auth/once?token=" + token
}

// GetOnce signs the user of a link in.
func (g *Gate) GetOnce(w http.ResponseWriter, r *http.Request) error {
	refused := func(detail string, cause error) error {
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			return sayInPage(w, detail)
		}
		return answer.Fail(http.StatusUnauthorized, answer.CodeLoginFailed, detail, cause)
	}
	link, there := g.links.take(r.URL.Query().Get("token"))
	switch {
	case !there:
		return refused("This sign-in link is unknown: it is older than the service that runs now, or was cut off.", nil)
	case link.used:
		return refused("This sign-in link has been used. It works once.", nil)
	case g.cfg.Now().After(link.until):
		return refused("This sign-in link has expired. It works for ten minutes.", nil)
	}
	user, known, err := g.users.Find(link.user)
	if err != nil || !known {
		return refused("The user of this sign-in link no longer exists.", err)
	}
	if _, err := g.signIn(w, r, local(user), "link"); err != nil {
		return err
	}
	return goToPage(w)
}

// sayInPage tells a person why a link does not work, and where to sign in.
func sayInPage(w http.ResponseWriter, why string) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusUnauthorized)
	_, err := io.WriteString(w, `<!doctype html><html lang="en"><title>Nodulescope</title><h1>Not signed in</h1><p>`+
		html.EscapeString(why)+`</p><p><a href="/">Sign in with a password</a></p></html>`)
	return err
}

// goToPage leads to the page from a page of this site: a redirect that began
// elsewhere would not carry the session's strict cookie.
func goToPage(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := io.WriteString(w, `<!doctype html><html lang="en"><meta http-equiv="refresh" content="0;url=/"><title>Nodulescope</title><a href="/">Go on</a></html>`)
	return err
}
