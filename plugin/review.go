package plugin

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/certfile"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/review"
	"github.com/nodulescope/nodulescope/plugin/review/store"
	"github.com/nodulescope/nodulescope/plugin/scoring"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// DefaultReviewAddr is where the command serves the review page.
const DefaultReviewAddr = "127.0.0.1:8088"

// ReviewConfig sets up the review page and its API. The zero value serves
// none.
type ReviewConfig struct {
	Addr      string // host:port, port 0 for any; empty: none
	TLSCert   string // PEM files; needed on a non-loopback address
	TLSKey    string
	Plain     bool          // listen on a non-loopback address without TLS: a proxy before it has that
	PublicURL string        // where browsers find it, for OIDC and behind a proxy; scheme://host
	Proxies   []string      // addresses, or networks such as 10.0.0.0/8, of proxies whose X-Forwarded-For is believed
	UsersFile string        // default users.json in the data folder
	OIDC      review.OIDC   // zero: none
	Idle      time.Duration // of a session; default review.DefaultIdle
	Lifetime  time.Duration // of a session; default review.DefaultLifetime
	Page      fs.FS         // files of the page; nil: the API alone
}

// check names the first setting that cannot be used.
func (c ReviewConfig) check() error {
	const op = "check settings"
	if c.Addr == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(c.Addr)
	switch {
	case err != nil:
		return coded.New(CodeSettings, op, "the address of the review page is host:port, such as "+DefaultReviewAddr, nil)
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return coded.New(CodeSettings, op, "TLS of the review page needs a certificate and its key", nil)
	case !loopback(host) && c.TLSCert == "" && !c.Plain:
		return coded.New(CodeSettings, op,
			"the review page shows patients: on a non-loopback address it needs TLS (certificate and key), or the setting that says that a proxy has it", nil)
	case c.Idle < 0 || c.Lifetime < 0:
		return coded.New(CodeSettings, op, "times of a session must not be negative", nil)
	case c.OIDC != (review.OIDC{}) && (c.OIDC.Issuer == "" || c.OIDC.ClientID == "" || c.PublicURL == ""):
		return coded.New(CodeSettings, op, "OpenID Connect needs issuer, client id and the public address of the review page", nil)
	}
	if c.PublicURL != "" {
		if _, err := review.ParsePublicURL(c.PublicURL); err != nil {
			return coded.New(CodeSettings, op, "the public address of the review page (review-url) is https://host, without a path", nil)
		}
	}
	_, err = c.proxies()
	return err
}

// proxies reads Proxies.
func (c ReviewConfig) proxies() (list []netip.Prefix, err error) {
	for _, text := range c.Proxies {
		network, err := netip.ParsePrefix(text)
		if at, single := netip.ParseAddr(text); single == nil {
			network, err = at.Prefix(at.BitLen())
		}
		if err != nil {
			return nil, coded.New(CodeSettings, "check settings", "a proxy of the review page is an address, or a network such as 10.0.0.0/8", nil)
		}
		list = append(list, network.Masked())
	}
	return list, nil
}

// loopback tells addresses that only this machine reaches.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// UsersFile is the file of the review page's users below a data folder.
func UsersFile(dataDir string) string { return filepath.Join(dataDir, "users.json") }

func (p *Plugin) usersFile() string { return cmp.Or(p.cfg.Review.UsersFile, UsersFile(p.cfg.DataDir)) }

// newReview makes the server of the review page over what is kept in the
// ledger.
func (p *Plugin) newReview(k *kept, trail *audit.Trail) (*review.Server, *store.Publisher, error) {
	c := p.cfg.Review
	note := func(e store.Entry) error { return trail.Append(auditEntry(e)) }
	publisher := &store.Publisher{Site: p.cfg.Site, Store: k.review, Audit: note, Logger: p.log.With("part", "review")}
	if c.Addr == "" { // decisions of an earlier run may still have to leave
		return nil, publisher, nil
	}
	proxies, err := c.proxies()
	if err != nil {
		return nil, nil, err
	}
	server, err := review.New(review.Config{
		Store: k.review, Source: &reviewSource{p: p, headers: series.NewHeaders(p.reader)}, Publisher: publisher, Audit: note, Detectors: p.models.detectors, Filling: k.filling.Load, Retraining: retraining{p, trail},
		UsersFile: p.usersFile(), OIDC: c.OIDC, Page: c.Page, Software: p.cfg.Software, IntendedUse: use.Statement,
		Secure: c.TLSCert != "", PublicURL: c.PublicURL, Proxies: proxies, Idle: c.Idle, Lifetime: c.Lifetime, Logger: p.cfg.Logger,
	})
	if err != nil {
		return nil, nil, coded.New(CodeSettings, "set up review page", "one of its settings is invalid", err)
	}
	return server, publisher, nil
}

// auditEntry is a line of the trail for what happens on the review page.
func auditEntry(e store.Entry) audit.Record {
	r := audit.Record{Kind: e.Kind, User: e.User, Finding: e.Number, Decision: e.Decision, Version: e.Version, Again: e.Again, Detail: e.Detail, Address: e.Address}
	if len(e.Identities) == 1 {
		r.Identity = e.Identities[0]
	} else {
		r.Identities = e.Identities
	}
	return r
}

// serveReview answers on the page's address.
func (p *Plugin) serveReview(ctx context.Context, c *closers, s *review.Server, fail func(error)) (addr string, err error) {
	const op = "serve review page"
	if s == nil {
		return "", nil
	}
	cfg := p.cfg.Review
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: 3 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug), // handshakes of scanners
	}
	if cfg.TLSCert != "" {
		pair, err := certfile.Load(cfg.TLSCert, cfg.TLSKey, p.log)
		if err != nil {
			return "", coded.New(CodeSettings, op, "certificate or key cannot be read", err)
		}
		server.TLSConfig = &tls.Config{GetCertificate: pair.Server, MinVersion: tls.VersionTLS12}
	}
	if addr, err = listen(ctx, c, op, cfg.Addr, server, fail); err != nil {
		return "", err
	}
	c.add(func() error { s.Close(); return nil }) // before the server: it ends the streams of events
	p.log.Info("review page ready", "addr", addr, "tls", cfg.TLSCert != "")
	return addr, nil
}

// ReviewURL is where the review page is served, with the port that was taken;
// empty before that and where there is none.
func (p *Plugin) ReviewURL() string {
	addr := p.state().reviewAddr
	switch {
	case addr == "":
		return ""
	case p.cfg.Review.PublicURL != "":
		return strings.TrimRight(p.cfg.Review.PublicURL, "/")
	case p.cfg.Review.TLSCert != "":
		return "https://" + addr
	}
	return "http://" + addr
}

// ReviewLink is an address that signs a local user in, once and within ten
// minutes; empty where no page is served.
func (p *Plugin) ReviewLink(user string) string {
	s := p.state()
	if s.review == nil || s.reviewAddr == "" {
		return ""
	}
	return p.ReviewURL() + s.review.OnceLink(user)
}

const maxWaitingJobs = 500

// reviewSource reads what the review page shows, with the same rules as a
// worker: allowed folders, geometry, patches and detectors.
type reviewSource struct {
	p       *Plugin
	headers *series.Headers
}

var _ review.Source = (*reviewSource)(nil)

// Open implements review.Source.
func (s *reviewSource) Open(ctx context.Context, r store.Record) (*dicomio.Series, error) {
	return s.p.reader.Open(ctx, series.PlaceOf(r.Job()))
}

// Header implements review.Source.
func (s *reviewSource) Header(ctx context.Context, r store.Record) (sr.Header, error) {
	return s.headers.Read(ctx, series.PlaceOf(r.Job()))
}

// Explain implements review.Source.
func (s *reviewSource) Explain(ctx context.Context, r store.Record, number int, digest string) (e review.Explanation, err error) {
	if r.Result == nil || number < 1 || number > len(r.Result.Nodules) {
		return e, review.ErrNoPatch
	}
	if kept, ok := s.kept(r, number, digest); ok {
		return kept, nil
	}
	req := s.p.scoring(r.Result)
	scorer := slices.IndexFunc(req.Detectors, func(d detector.Detector) bool { return d.Digest() == digest })
	if digest != "" && scorer < 0 {
		return e, review.ErrNotLoaded
	}
	n := r.Result.Nodules[number-1].JobNodule
	req.Source, req.Job = r.Source, r.Job()
	req.Job.Nodules = []bus.JobNodule{n}
	open, err := scoring.Prepare(ctx, req)
	if err != nil {
		return e, err
	}
	cube, patch, err := open.Nodule(ctx, n)
	if err == nil {
		e.Scan, e.Patch = figure.Scan(cube), patch
		err = patch.CheckSupport()
	}
	switch nodule.CodeOf(err) {
	case nodule.CodeCubePadding, nodule.CodeCandidateOutside, nodule.CodeGapInNodule, nodule.CodeSupportTooSmall, nodule.CodeCandidateElsewhere:
		return e, review.ErrNoPatch
	}
	if err != nil || digest == "" {
		return e, err
	}
	score, err := scoring.Again(ctx, "explain finding", req.Detectors[scorer], patch)
	if err == nil {
		e.Score = &score
	}
	return e, err
}

// kept is what was kept when a finding was scored.
func (s *reviewSource) kept(r store.Record, number int, digest string) (e review.Explanation, ok bool) {
	from := s.p.state().pictures
	var err error
	if e.Scan, e.Patch, err = from.Nodule(r.ID, number); err != nil {
		return e, false
	}
	if digest == "" {
		return e, true
	}
	for _, score := range r.Result.Nodules[number-1].Scores {
		if score.Digest == digest {
			reconstruction, err := from.Reconstruction(r.ID, number, digest)
			e.Score = &detector.Score{Raw: score.Raw, Reconstruction: reconstruction}
			return e, err == nil
		}
	}
	return e, false
}

// Outline implements review.Source.
func (s *reviewSource) Outline(ctx context.Context, r store.Record, number int) ([]bool, error) {
	if r.Result == nil || number < 1 || number > len(r.Result.Nodules) || r.Result.Nodules[number-1].Outline == nil {
		return nil, review.ErrNoPatch
	}
	if mask, err := s.p.state().pictures.Outline(r.ID, number); err == nil {
		return mask, nil
	}
	n, req := r.Result.Nodules[number-1], s.p.scoring(r.Result)
	if req.Outliner == nil || req.Outliner.Digest() != n.Outline.Digest {
		return nil, review.ErrNotLoaded
	}
	req.Source, req.Job = r.Source, r.Job()
	req.Job.Nodules = []bus.JobNodule{n.JobNodule}
	open, err := scoring.Prepare(ctx, req)
	if err != nil {
		return nil, err
	}
	made, err := open.Outlines(ctx, n.JobNodule)
	if err == nil {
		err = made[0].Err
	}
	if err == nil && !made[0].Found() {
		err = review.ErrNoPatch
	}
	if err != nil {
		return nil, err
	}
	return made[0].Outline.Mask, nil
}

// Cube implements review.Source.
func (s *reviewSource) Cube(ctx context.Context, r store.Record, number int) (*nodule.Cube, error) {
	if r.Result == nil || number < 1 || number > len(r.Result.Nodules) {
		return nil, review.ErrNoPatch
	}
	open, err := s.Open(ctx, r)
	if err != nil {
		return nil, err
	}
	spacing, centre := r.Result.Nodules[number-1].OutlinePlace()
	cutter, err := nodule.NewCutter(open.Geometry, open, nodule.CutOptions{MaxPaddingPct: 100, SpacingMM: spacing})
	if err != nil {
		return nil, err
	}
	cuts, err := cutter.CutAll(ctx, []nodule.Candidate{{ID: "n", PositionLPS: centre}})
	if err == nil {
		err = cuts[0].Err
	}
	switch nodule.CodeOf(err) {
	case nodule.CodeCubePadding, nodule.CodeCandidateOutside:
		return nil, review.ErrNoPatch
	}
	if err != nil {
		return nil, err
	}
	return cuts[0].Cube, nil
}

// Waiting implements review.Source. Without a bus nothing is known to wait.
func (s *reviewSource) Waiting(ctx context.Context) ([]bus.WaitingJob, error) {
	b := s.p.state().bus
	if b == nil {
		return nil, nil
	}
	return b.WaitingJobs(ctx, s.p.cfg.Site, maxWaitingJobs)
}

// Summary implements review.Source.
func (s *reviewSource) Summary(err error) bus.Problem {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, series.ErrOtherSeries) {
		return bus.Problem{Code: string(dicomio.CodeUnreadable), Message: "a file of the series cannot be read (" + string(dicomio.CodeUnreadable) + ")"}
	}
	return *bus.ProblemOf(err)
}
