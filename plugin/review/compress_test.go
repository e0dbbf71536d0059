package review

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nodulescope/nodulescope/internal/checktest"
)

// Files of the page are compressed for those who take that, errors are problems as
// ever, and what tells a session's secret is not compressed.
func TestCompressed(t *testing.T) {
	script := strings.Repeat("let nodule = 1;\n", 1000)
	s := newServer(t, func(c *Config) {
		c.Page = fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}, "assets/a.js": {Data: []byte(script)}}
	})
	c := &http.Client{Jar: s.signedInAs("ann").jar}
	get := func(path, accept string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.http.URL+path, http.NoBody)
		checktest.Must(t, err)
		r.Header.Set("Accept-Encoding", accept)
		res, err := c.Do(r)
		checktest.Must(t, err)
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	res := get("/assets/a.js", "gzip")
	plain, err := gzip.NewReader(res.Body)
	checktest.Must(t, err)
	text, err := io.ReadAll(plain)
	if err != nil || string(text) != script || res.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(res.Header.Get("Vary"), "Accept-Encoding") {
		t.Errorf("%d bytes, %v, %v", len(text), err, res.Header)
	}
	if res := get("/assets/a.js", "identity"); res.Header.Get("Content-Encoding") != "" || res.ContentLength != int64(len(script)) {
		t.Errorf("%d bytes, %v", res.ContentLength, res.Header)
	}
	for path, status := range map[string]int{"/assets/none.js": 404, "/api/v1/series/" + strings.Repeat("0", 64): 404} {
		if res := get(path, "gzip"); res.StatusCode != status || res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %v", path, res.StatusCode, res.Header)
		}
	}
	if res := get("/api/v1/session", "gzip"); res.StatusCode != 200 || res.Header.Get("Content-Encoding") != "" {
		t.Errorf("session: %d %v", res.StatusCode, res.Header)
	}
}
