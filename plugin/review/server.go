package review

import (
	"context"
	_ "embed"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/nodule"
)

//go:embed openapi.yaml
var description []byte

// Description is the OpenAPI description of the API.
func Description() []byte { return description }

// Source gives what a record does not hold: the images and what is computed
// from them. Implementations are safe for concurrent use.
type Source interface {
	// Open reads the headers of a record's series.
	Open(ctx context.Context, r Record) (*dicomio.Series, error)
	// Header reads patient and study from an image of a record's series.
	Header(ctx context.Context, r Record) (sr.Header, error)
	// Explain cuts the patch of finding number (from 1) once more. With the
	// digest of a detector it is scored, too; ErrNotLoaded where the service
	// does not run that detector, ErrNoPatch where the finding has no patch.
	Explain(ctx context.Context, r Record, number int, digest string) (Explanation, error)
	// Waiting lists jobs that nobody has answered yet.
	Waiting(ctx context.Context) ([]bus.WaitingJob, error)
	// Summary is the code of an error and a text that names no patient.
	Summary(err error) bus.Problem
}

// Errors of Source.Explain.
var (
	ErrNotLoaded = errors.New("review: the detector is not loaded")
	ErrNoPatch   = errors.New("review: the finding has no patch")
)

// Explanation is what a picture of one finding needs. Arrays are [28,28,28],
// ordered z, y, x.
type Explanation struct {
	Scan  []float32 // 0..1 for the window of patches, -1 without data
	Patch nodule.Patch
	Score *detector.Score // nil where no detector was asked for
}

// Config sets up a server. Store, Source, Publisher, Audit and Detectors are
// needed.
type Config struct {
	Store     *Store
	Source    Source
	Publisher *Publisher
	Audit     func(Entry) error // synced before it returns
	Detectors []detector.Detector

	UsersFile   string // see LoadUsers; empty: no local users
	OIDC        OIDC   // zero: none
	Page        fs.FS  // files of the page, index.html at its root; nil: none
	Software    string
	IntendedUse string

	Secure    bool   // served under TLS, by this process or by a proxy before it
	PublicURL string // where browsers find it, needed for OIDC; scheme://host
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
	users    *userFile
	sessions *sessions
	throttle throttle
	hashing  chan struct{} // passwords that are checked at once
	once     *onceTokens
	oidc     *oidcLogin
	series   *seriesCache
	pictures *pictureCache
	waiting  waitingCache
	stopped  context.Context // ends with Close: so do streams
	stop     context.CancelFunc
	decoys   string // hash that unknown names are compared with
}

// New checks the settings. With OIDC its provider is asked at the first login,
// so that the service starts without it.
func New(cfg Config) (*Server, error) {
	if cfg.Store == nil || cfg.Source == nil || cfg.Publisher == nil || cfg.Audit == nil {
		return nil, errors.New("review: store, source, publisher and audit trail are needed")
	}
	if cfg.Idle == 0 {
		cfg.Idle = DefaultIdle
	}
	if cfg.Lifetime == 0 {
		cfg.Lifetime = DefaultLifetime
	}
	if cfg.Idle < 0 || cfg.Lifetime < cfg.Idle {
		return nil, errors.New("review: a session's lifetime is at least its idle time")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.PublicURL != "" {
		u, err := url.Parse(cfg.PublicURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
			return nil, errors.New("review: the public address is https://host, without a path")
		}
		cfg.PublicURL = u.Scheme + "://" + u.Host
		cfg.Secure = cfg.Secure || u.Scheme == "https"
	}
	decoy, err := HashPassword(randomToken())
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, log: cfg.Logger.With("part", "review"), now: cfg.Now, users: &userFile{path: cfg.UsersFile},
		sessions: newSessions(cfg.Idle, cfg.Lifetime), hashing: make(chan struct{}, 2), once: &onceTokens{},
		series: newSeriesCache(), pictures: newPictureCache(), decoys: decoy,
	}
	if cfg.OIDC != (OIDC{}) {
		if s.oidc, err = newOIDC(cfg.OIDC, cfg.PublicURL); err != nil {
			return nil, err
		}
	}
	s.stopped, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Close ends the streams of events, so that a server can shut down.
func (s *Server) Close() { s.stop() }

// handler answers a request of somebody who is signed in.
type handler func(w http.ResponseWriter, r *http.Request, who *session) error

// Handler serves /api/v1, /auth and the page.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	public := func(pattern string, h func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := h(w, r); err != nil {
				s.answerError(w, r, err)
			}
		})
	}
	signed := func(pattern string, role Role, h handler) { public(pattern, s.signedIn(role, true, h)) }

	public("GET /api/v1/auth", s.getAuth)
	public("GET /api/v1/openapi.yaml", getDescription)
	public("POST /api/v1/session", s.postSession)
	public("GET /api/v1/session", s.signedIn(RoleView, false, s.getSession))
	signed("DELETE /api/v1/session", RoleView, s.deleteSession)
	signed("GET /api/v1/worklist", RoleView, s.getWorklist)
	signed("GET /api/v1/series/{id}", RoleView, s.getSeries)
	signed("GET /api/v1/series/{id}/findings", RoleView, s.getFindings)
	signed("GET /api/v1/series/{id}/findings/{number}", RoleView, s.getFinding)
	signed("GET /api/v1/series/{id}/findings/{number}/images/{kind}", RoleView, s.getImage)
	signed("PUT /api/v1/series/{id}/findings/{number}/decision", RoleReview, s.putDecision)
	signed("GET /api/v1/series/{id}/findings/{number}/decisions", RoleView, s.getDecisions)
	signed("GET /api/v1/decisions.csv", RoleReview, s.getDecisionsCSV)
	public("GET /api/v1/events", s.signedIn(RoleView, false, s.getEvents))
	const dicomWeb = "GET /api/v1/dicom-web/studies/{study}/series/{series}/"
	signed(dicomWeb+"metadata", RoleView, s.getSeriesMetadata)
	signed(dicomWeb+"instances/{instance}/metadata", RoleView, s.getInstanceMetadata)
	signed(dicomWeb+"instances/{instance}/frames/{frame}", RoleView, s.getFrame)
	public("GET /auth/once", s.getOnce)
	public("GET /auth/oidc/login", s.getOIDCLogin)
	public("GET /auth/oidc/callback", s.getOIDCCallback)
	public("GET /", s.getPage)
	public("/", func(http.ResponseWriter, *http.Request) error {
		return fail(http.StatusMethodNotAllowed, codeMethod, "this path is not there, or not for this method", nil)
	})
	return s.guard(http.MaxBytesHandler(mux, maxBody))
}

// maxBody is more than any request needs: a comment of 2000 characters, all
// escaped.
const maxBody = 64 << 10

// signedIn wraps what needs a session with a role. Requests that change
// something need its CSRF token. touch prolongs the session.
func (s *Server) signedIn(role Role, touch bool, h handler) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, err := s.current(r, touch)
		if err != nil {
			return err
		}
		if who == nil {
			return fail(http.StatusUnauthorized, codeNotSignedIn, "sign in first; the session may have ended", nil)
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead && !who.checkCSRF(r) {
			return fail(http.StatusForbidden, codeCSRF, "the header X-CSRF-Token must be that of the session", nil)
		}
		if !who.who.role.Allows(role) {
			return fail(http.StatusForbidden, codeForbidden, "this needs the role "+string(role), nil)
		}
		return h(w, r, who)
	}
}

// current is the session of a request, nil where there is none.
func (s *Server) current(r *http.Request, touch bool) (*session, error) {
	cookie, err := r.Cookie(cookieNameFor(s.cfg.Secure))
	if err != nil {
		return nil, nil
	}
	who := s.sessions.find(cookie.Value, s.now(), touch)
	if who == nil {
		return nil, nil
	}
	return who, s.stillUser(who)
}

// stillUser ends a session whose user was removed or changed.
func (s *Server) stillUser(who *session) error {
	if who.who.external {
		return nil
	}
	user, there, err := s.users.find(who.who.name)
	if err != nil {
		return fail(http.StatusInternalServerError, codeInternal, "the file of users cannot be read", err)
	}
	if !there || fingerprint(user.Hash) != who.who.fingerprint || user.Role != who.who.role {
		s.sessions.end(who)
		return fail(http.StatusUnauthorized, codeNotSignedIn, "the user was changed; sign in again", nil)
	}
	return nil
}

func getDescription(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(description) // a client that went away
	return nil
}

// audited notes something in the audit trail, once a session for what.
func (s *Server) audited(who *session, what string, e Entry) error {
	e.User = who.who.name
	err := who.first(what, func() error { return s.cfg.Audit(e) })
	if err != nil {
		return fail(http.StatusInternalServerError, codeAudit, "the audit trail cannot be written, so nothing is shown; is the disk full?", err)
	}
	return nil
}

// address of the other side, without its port.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
