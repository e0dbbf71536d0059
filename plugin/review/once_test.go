package review

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/internal/checktest"
)

// A link signs in once; then, and when it is too old, it says so: to a person as a page.
func TestOnceLinks(t *testing.T) {
	s := newServer(t, nil)
	get := func(link, accept string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.http.URL+link, http.NoBody)
		checktest.Must(t, err)
		r.Header.Set("Accept", accept)
		res, err := http.DefaultClient.Do(r)
		checktest.Must(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		checktest.Must(t, err)
		return res, string(body)
	}
	link := s.OnceLink("ann")
	if res, _ := get(link, "text/html"); res.StatusCode != 200 || len(res.Cookies()) == 0 {
		t.Errorf("a new link: %d", res.StatusCode)
	}
	old, gone := s.OnceLink("ann"), s.OnceLink("nobody")
	for _, c := range []struct{ link, want string }{{link, "has been used"}, {gone, "no longer exists"}, {"/auth/once?token=x", "is unknown"}} {
		res, body := get(c.link, "text/html,*/*")
		if res.StatusCode != 401 || !strings.Contains(body, c.want) || !strings.Contains(body, `href="/"`) || len(res.Cookies()) > 0 {
			t.Errorf("want %q: %d %s", c.want, res.StatusCode, body)
		}
	}
	s.clock.add(11 * time.Minute)
	if _, body := get(old, "text/html"); !strings.Contains(body, "has expired") {
		t.Error(body)
	}
	if res, body := get(link, "application/json"); res.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(body, "login_failed") {
		t.Errorf("for programs: %s", body)
	}
}
