package review

import (
	"context"
	_ "embed"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/plugin/review/accounts"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
	"github.com/nodulescope/nodulescope/plugin/review/internal/memo"
	"github.com/nodulescope/nodulescope/plugin/review/internal/packed"
	"github.com/nodulescope/nodulescope/plugin/review/internal/signin"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

//go:embed openapi.yaml
var description []byte

// OIDC sets up signing in with an OpenID Connect provider.
type OIDC = signin.OIDC

// Default times of a session.
const (
	DefaultIdle     = signin.DefaultIdle
	DefaultLifetime = signin.DefaultLifetime
)

// Config sets up a server. Store, Source, Publisher and Audit are needed.
type Config struct {
	Store     *store.Store
	Source    Source
	Publisher *store.Publisher
	Audit     func(store.Entry) error    // synced before it returns
	Detectors func() []detector.Detector // those that are loaded; nil: none
	Filling   func() bool                // tells whether the store is still being filled again, so that decisions may be missing; nil: it is not

	Retraining Retraining // for administrators; nil: none

	UsersFile   string // see package accounts; empty: no local users
	OIDC        OIDC   // zero: none
	Page        fs.FS  // files of the page, index.html at its root; nil: none
	Software    string
	IntendedUse string

	Secure    bool           // served under TLS, by this process or by a proxy before it
	PublicURL string         // where browsers find it, needed for OIDC; scheme://host
	Proxies   []netip.Prefix // whose X-Forwarded-For is believed
	Idle      time.Duration
	Lifetime  time.Duration

	Now    func() time.Time // default: time.Now
	Logger *slog.Logger
}

// Server answers the API and serves the page. See [New].
type Server struct {
	cfg      Config
	log      *slog.Logger
	now      func() time.Time
	gate     *signin.Gate
	origins  *http.CrossOriginProtection
	series   *memo.Memo[*heldSeries]
	pictures pictures
	packed   *memo.Memo[packed.Slice]
	waiting  *memo.Memo[[]bus.WaitingJob]
	patients *memo.Memo[*patient] // for the search alone
	stopped  context.Context      // ends with Close: so do streams
	stop     context.CancelFunc
}

// ParsePublicURL reads the address under which browsers find the page.
func ParsePublicURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("review: the public address is https://host, without a path")
	}
	return u, nil
}

// New checks the settings. With OIDC its provider is asked at the first login,
// so that the service starts without it.
func New(cfg Config) (*Server, error) {
	if cfg.Store == nil || cfg.Source == nil || cfg.Publisher == nil || cfg.Audit == nil {
		return nil, errors.New("review: store, source, publisher and audit trail are needed")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.PublicURL != "" {
		u, err := ParsePublicURL(cfg.PublicURL)
		if err != nil {
			return nil, err
		}
		cfg.PublicURL = u.Scheme + "://" + u.Host
		cfg.Secure = cfg.Secure || u.Scheme == "https"
	}
	about := map[string]any{"software": cfg.Software, "intended_use": cfg.IntendedUse}
	log := cfg.Logger.With("part", "review")
	gate, err := signin.New(signin.Config{
		UsersFile: cfg.UsersFile, OIDC: cfg.OIDC, Secure: cfg.Secure, PublicURL: cfg.PublicURL, Proxies: cfg.Proxies, Idle: cfg.Idle, Lifetime: cfg.Lifetime,
		Audit: cfg.Audit, Now: cfg.Now, Logger: log, Auth: about, Session: map[string]any{
			"software": cfg.Software, "intended_use": cfg.IntendedUse, "kinds": store.Kinds(), "window_presets": windowPresets(),
		},
	})
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, log: log, now: cfg.Now, gate: gate, origins: http.NewCrossOriginProtection(),
		series: memo.New[*heldSeries](maxOpenSeries, seriesFresh), pictures: newPictures(), waiting: memo.New[[]bus.WaitingJob](1, waitingFresh),
		patients: memo.New[*patient](maxSearched, searchFresh), packed: memo.NewSized(maxPacked, packed.Slice.Size),
	}
	s.stopped, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Close ends the streams of events, so that a server can shut down.
func (s *Server) Close() { s.stop() }

// OnceLink is a path, with a token, that signs a local user in, once and within
// ten minutes: for a demonstration.
func (s *Server) OnceLink(user string) string { return s.gate.OnceLink(user) }

// Handler serves /api/v1, /auth and the page.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	public := func(pattern string, h func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := h(w, r); err != nil {
				answer.Error(w, r, s.log, err)
			}
		})
	}
	signed := func(pattern string, role accounts.Role, h signin.Handler) {
		public(pattern, s.gate.Require(role, true, h))
	}
	const view, review = accounts.RoleView, accounts.RoleReview
	smaller := func(role accounts.Role, h signin.Handler) func(http.ResponseWriter, *http.Request) error {
		return s.compressed(s.gate.Require(role, true, h))
	}

	public("GET /api/v1/auth", s.gate.GetAuth)
	public("GET /api/v1/openapi.yaml", getDescription)
	public("POST /api/v1/session", s.gate.PostSession)
	public("GET /api/v1/session", s.gate.Require(view, false, s.gate.GetSession))
	signed("DELETE /api/v1/session", view, s.gate.DeleteSession)
	signed("POST /api/v1/session/activity", view, noteActivity)
	public("GET /api/v1/worklist", smaller(view, s.getWorklist))
	signed("POST /api/v1/worklist/search", view, s.postSearch)
	public("GET /api/v1/series/{id}", smaller(view, s.ofRecord("series", s.getSeries)))
	signed("GET /api/v1/series/{id}/region", view, s.ofRecord("images", s.getRegion))
	public("GET /api/v1/series/{id}/findings", smaller(view, s.ofRecord("findings", s.getFindings)))
	signed("GET /api/v1/series/{id}/findings/{number}", view, s.ofFinding("finding", s.getFinding))
	public("GET /api/v1/series/{id}/findings/{number}/images/{kind}", smaller(view, s.ofFinding("", s.getImage)))
	signed("POST /api/v1/series/{id}/findings/{number}/outline", review, s.ofFinding("", s.postOutline))
	signed("PUT /api/v1/series/{id}/findings/{number}/decision", review, s.ofFinding("", s.putDecision))
	signed("GET /api/v1/series/{id}/findings/{number}/decisions", view, s.ofFinding("decisions", s.getDecisions))
	signed("GET /api/v1/decisions.csv", review, s.getDecisionsCSV)
	const admin = accounts.RoleAdmin
	signed("GET /api/v1/retraining", admin, s.ofRetraining("retraining", s.getRetraining))
	signed("GET /api/v1/retraining/versions/{version}", admin, s.ofRetraining("retraining", s.getVersion))
	signed("GET /api/v1/retraining/shadow", admin, s.ofRetraining("shadow", s.getShadow))
	signed("GET /api/v1/retraining/shadow/pictures/{number}", admin, s.ofRetraining("shadow", s.getShadowPicture))
	signed("GET /api/v1/retraining/drift", admin, s.ofRetraining("retraining", s.getDrift))
	signed("POST /api/v1/retraining/changes", admin, s.ofRetraining("", s.postModelChange))
	public("GET /api/v1/events", s.gate.Require(view, false, s.getEvents))
	const dicomWeb = "GET /api/v1/dicom-web/studies/{study}/series/{series}/"
	signed(dicomWeb+"metadata", view, s.getSeriesMetadata)
	signed(dicomWeb+"instances/{instance}/metadata", view, s.getInstanceMetadata)
	signed(dicomWeb+"instances/{instance}/frames/{frame}", view, s.getFrame)
	signed(dicomWeb+"instances/{instance}/frames/{frame}/packed", view, s.getPackedFrame)
	public("GET /auth/once", s.gate.GetOnce)
	public("GET /auth/oidc/login", s.gate.GetOIDCLogin)
	public("GET /auth/oidc/callback", s.gate.GetOIDCCallback)
	public("GET /", s.compressed(s.getPage))
	public("/", func(http.ResponseWriter, *http.Request) error {
		return answer.Fail(http.StatusMethodNotAllowed, answer.CodeMethod, "there is no such path, or not with this method", nil)
	})
	return s.guard(http.MaxBytesHandler(mux, maxBody))
}

// noteActivity prolongs the session, as every request does: of somebody who
// types or scrolls, which asks for nothing else.
func noteActivity(w http.ResponseWriter, _ *http.Request, _ *signin.Session) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// maxBody is more than any request needs: a comment of 2000 characters, all
// escaped, an outline and distances.
const maxBody = 64 << 10

func getDescription(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(description) // a client that went away
	return nil
}
