package signin

import (
	"io"
	"net/http"
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
}

// take returns a link and forgets it.
func (l *links) take(token string) (link, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, there := l.open.Peek(token)
	l.open.Remove(token)
	return found, there
}

// OnceLink is a path, with a token, that signs a local user in, once and within
// ten minutes: for a demonstration.
func (g *Gate) OnceLink(user string) string {
	token := randomToken()
	g.links.mu.Lock()
	defer g.links.mu.Unlock()
	g.links.open.Add(token, link{user, g.cfg.Now().Add(linkLifetime)})
	return "/auth/once?token=" + token
}

// GetOnce signs the user of a link in.
func (g *Gate) GetOnce(w http.ResponseWriter, r *http.Request) error {
	refused := func(detail string, cause error) error {
		return answer.Fail(http.StatusUnauthorized, answer.CodeLoginFailed, detail, cause)
	}
	link, there := g.links.take(r.URL.Query().Get("token"))
	if !there || g.cfg.Now().After(link.until) {
		return refused("this link has been used or has expired", nil)
	}
	user, known, err := g.users.Find(link.user)
	if err != nil || !known {
		return refused("the user of this link no longer exists", err)
	}
	if _, err := g.signIn(w, r, local(user), "link"); err != nil {
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
