package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/internal/smallfile"
	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/review"
	"github.com/nodulescope/nodulescope/plugin/review/accounts"
	"github.com/nodulescope/nodulescope/plugin/web"
)

// reviewFlags set up the review page.
type reviewFlags struct {
	listen, cert, key string
	plain             bool
	url, users        string
	proxies           []string
	idle, lifetime    time.Duration

	oidc       review.OIDC
	oidcSecret string // file
}

func (o *reviewFlags) register(f *pflag.FlagSet) {
	f.StringVar(&o.listen, "review-listen", plugin.DefaultReviewAddr, "`ADDRESS` of the review page, port 0 for any; empty: none")
	f.StringVar(&o.cert, "review-cert", "", "PEM `FILE` with the certificate of the review page")
	f.StringVar(&o.key, "review-key", "", "PEM `FILE` of its key")
	f.BoolVar(&o.plain, "review-plain", false, "let the review page listen on other than a loopback address without TLS, behind a proxy that has it")
	f.StringVar(&o.url, "review-url", "", "`URL` under which browsers find the review page, such as https://host (for OpenID Connect, or behind a proxy)")
	f.StringSliceVar(&o.proxies, "review-proxies", nil, "`ADDRESSES` or networks of proxies whose X-Forwarded-For is believed, separated by commas")
	usersFlag(f, &o.users)
	f.DurationVar(&o.idle, "review-idle", review.DefaultIdle, "`TIME` without a request after which a user has to sign in again")
	f.DurationVar(&o.lifetime, "review-lifetime", review.DefaultLifetime, "`TIME` after which a user has to sign in again in any case")
	f.StringVar(&o.oidc.Issuer, "oidc-issuer", "", "`URL` of the OpenID Connect provider that signs users in")
	f.StringVar(&o.oidc.ClientID, "oidc-client-id", "", "`NAME` of this service at the provider")
	f.StringVar(&o.oidcSecret, "oidc-client-secret-file", "", "`FILE` with its client secret, one line")
	f.StringVar(&o.oidc.Claim, "oidc-claim", "", "`CLAIM` that lists groups; nodulescope-view, -review or -admin give the role (default: groups)")
	f.StringVar(&o.oidc.Label, "oidc-label", "", "`TEXT` of the button that signs in with the provider")
	markSettings(f, "review-listen", "review-cert", "review-key", "review-plain", "review-url", "review-proxies", "review-idle", "review-lifetime",
		"oidc-issuer", "oidc-client-id", "oidc-client-secret-file", "oidc-claim", "oidc-label")
}

// usersFlag names the file of users, for 'serve' and 'users'.
func usersFlag(f *pflag.FlagSet, path *string) {
	f.StringVar(path, "review-users", "", "`FILE` with the users of the review page (default: users.json in the data folder)")
	markSettings(f, "review-users")
}

func (o *reviewFlags) config() (plugin.ReviewConfig, error) {
	c := plugin.ReviewConfig{
		Addr: o.listen, TLSCert: o.cert, TLSKey: o.key, Plain: o.plain, PublicURL: o.url, Proxies: o.proxies, UsersFile: o.users,
		OIDC: o.oidc, Idle: o.idle, Lifetime: o.lifetime, Page: web.Files(),
	}
	if o.oidcSecret != "" {
		secret, err := readSecret(o.oidcSecret)
		if err != nil {
			return c, usageError(fmt.Errorf("setting oidc-client-secret-file: %w", err), "name a file with one line that this user can read")
		}
		c.OIDC.ClientSecret = secret
	}
	return c, nil
}

const maxSecretBytes = 4 << 10

// readSecret reads a file of one short line.
func readSecret(path string) (string, error) {
	text, err := smallfile.Read(path, maxSecretBytes)
	if err != nil && !errors.Is(err, smallfile.ErrTooLarge) {
		return "", err
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if err != nil || secret == "" || strings.ContainsAny(secret, "\r\n") {
		return "", errors.New("it does not hold one short line")
	}
	return secret, nil
}

// describe prints where the page is, and how to make a first user.
func (o *reviewFlags) describe(w io.Writer, cfg plugin.Config, p *plugin.Plugin) {
	if cfg.Review.Addr == "" {
		return
	}
	url := p.ReviewURL()
	if url == "" { // not started
		url = cmp.Or(o.url, cfg.Review.Addr)
	}
	fmt.Fprintf(w, "  review   %s\n", url)
	host, _, err := net.SplitHostPort(cfg.Review.Addr)
	if err == nil && o.plain && host != "127.0.0.1" && host != "localhost" {
		fmt.Fprintf(w, "           without TLS: let nothing but a proxy with TLS reach it\n")
	}
	path := cmp.Or(cfg.Review.UsersFile, plugin.UsersFile(cfg.DataDir))
	users, err := accounts.Load(path)
	switch {
	case err != nil:
		fmt.Fprintf(w, "           its file of users cannot be read: nobody can sign in with a password\n")
	case len(users) == 0 && cfg.Review.OIDC == (review.OIDC{}):
		fmt.Fprintf(w, "           nobody can sign in yet; in another shell:\n           %s users add NAME --role review --review-users %s\n", program(), quoted(path))
	}
}
