package review

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"

	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
)

// contentPolicy allows the page its own files and nothing else: no inline
// script, no eval, no other host.
const contentPolicy = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
	"font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// guard stands before everything: headers, the host, and where a request comes
// from.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if s.cfg.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if !s.knownHost(r) {
			answer.Error(w, r, s.log, answer.Fail(http.StatusMisdirectedRequest, answer.CodeHostUnknown,
				"this host name is not one of the service; open the address that it prints, or set its public address", nil))
			return
		}
		if s.origins.Check(r) != nil {
			answer.Error(w, r, s.log, answer.Fail(http.StatusForbidden, answer.CodeCrossOrigin, "the request comes from another site", nil))
			return
		}
		if strings.HasPrefix(r.URL.Path, "/api/") && path.Clean(r.URL.Path) != r.URL.Path {
			answer.Error(w, r, s.log, answer.NotFound())
			return
		}
		next.ServeHTTP(w, r)
	})
}

// knownHost refuses names that somebody else may point here (DNS rebinding):
// addresses, localhost and the public name are known.
func (s *Server) knownHost(r *http.Request) bool {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if _, err := netip.ParseAddr(host); err == nil || strings.EqualFold(host, "localhost") {
		return true
	}
	u, err := url.Parse(s.cfg.PublicURL)
	if s.cfg.PublicURL == "" || err != nil {
		return s.cfg.Secure // a certificate names its hosts
	}
	return strings.EqualFold(host, u.Hostname())
}
