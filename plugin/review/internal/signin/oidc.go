package signin

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/oauth2"

	"github.com/nodulescope/nodulescope/plugin/review/accounts"
	"github.com/nodulescope/nodulescope/plugin/review/internal/answer"
)

// OIDC sets up signing in with an OpenID Connect provider: authorization code
// with PKCE.
type OIDC struct {
	Issuer       string // URL
	ClientID     string
	ClientSecret string // empty for a public client
	Claim        string // that lists groups or roles; default "groups"
	Label        string // of the button; default "Sign in with " and the issuer's host
}

// Groups that give a role, as the claim names them.
const (
	groupView   = "nodulescope-view"
	groupReview = "nodulescope-review"
	groupAdmin  = "nodulescope-admin"
)

const (
	oidcCookie   = "nodulescope_oidc"
	oidcLifetime = 10 * time.Minute
	oidcTimeout  = 15 * time.Second
	maxPending   = 1024
)

type oidcLogin struct {
	set      OIDC
	redirect string
	client   *http.Client

	mu       sync.Mutex
	provider *oidc.Provider
	pending  *simplelru.LRU[string, pendingLogin] // by state
}

// pendingLogin is a login that the provider was asked for.
type pendingLogin struct {
	nonce, verifier string
	until           time.Time
}

func newOIDC(set OIDC, publicURL string) (*oidcLogin, error) {
	if set.Issuer == "" || set.ClientID == "" || publicURL == "" {
		return nil, errors.New("review: OIDC needs issuer, client id and the public address of this service")
	}
	if set.Claim == "" {
		set.Claim = "groups"
	}
	return &oidcLogin{
		set: set, redirect: publicURL + "/auth/oidc/callback", pending: newLRU[string, pendingLogin](maxPending),
		client: &http.Client{Timeout: oidcTimeout},
	}, nil
}

func (o *oidcLogin) label() string {
	if o.set.Label != "" {
		return o.set.Label
	}
	host := strings.TrimPrefix(strings.TrimPrefix(o.set.Issuer, "https://"), "http://")
	host, _, _ = strings.Cut(host, "/")
	return "Sign in with " + host
}

// discover asks the provider for its addresses, until it has answered once.
func (o *oidcLogin) discover(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.provider == nil {
		// The provider's keys are fetched later, when ctx has ended.
		p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), o.client), o.set.Issuer)
		if err != nil {
			return nil, nil, answer.Fail(http.StatusBadGateway, answer.CodeLoginFailed, "the identity provider does not answer", err)
		}
		o.provider = p
	}
	return o.provider, &oauth2.Config{
		ClientID: o.set.ClientID, ClientSecret: o.set.ClientSecret, RedirectURL: o.redirect,
		Endpoint: o.provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
	}, nil
}

// GetOIDCLogin leads to the provider.
func (g *Gate) GetOIDCLogin(w http.ResponseWriter, r *http.Request) error {
	if g.oidc == nil {
		return answer.NotFound()
	}
	_, config, err := g.oidc.discover(r.Context())
	if err != nil {
		return err
	}
	state, login := randomToken(), pendingLogin{randomToken(), oauth2.GenerateVerifier(), g.cfg.Now().Add(oidcLifetime)}
	g.oidc.mu.Lock()
	g.oidc.pending.Add(state, login)
	g.oidc.mu.Unlock()
	// Lax: the provider sends the browser back from its own site.
	http.SetCookie(w, &http.Cookie{
		Name: oidcCookie, Value: state, Path: "/auth/oidc/", HttpOnly: true, Secure: g.cfg.Secure,
		SameSite: http.SameSiteLaxMode, MaxAge: int(oidcLifetime.Seconds()),
	})
	http.Redirect(w, r, config.AuthCodeURL(state, oidc.Nonce(login.nonce), oauth2.S256ChallengeOption(login.verifier)), http.StatusFound)
	return nil
}

// GetOIDCCallback takes what the provider sent the browser back with.
func (g *Gate) GetOIDCCallback(w http.ResponseWriter, r *http.Request) error {
	if g.oidc == nil {
		return answer.NotFound()
	}
	who, err := g.oidcIdentity(r)
	http.SetCookie(w, &http.Cookie{Name: oidcCookie, Path: "/auth/oidc/", HttpOnly: true, Secure: g.cfg.Secure, SameSite: http.SameSiteLaxMode, MaxAge: -1})
	if err != nil {
		return cmp.Or(g.failed(r, "", "oidc"), err)
	}
	if _, err := g.signIn(w, r, who, "oidc"); err != nil {
		return err
	}
	return goToPage(w)
}

// oidcIdentity checks what the provider sent the browser back with.
func (g *Gate) oidcIdentity(r *http.Request) (identity, error) {
	refused := func(hint string, err error) (identity, error) {
		return identity{}, answer.Fail(http.StatusUnauthorized, answer.CodeLoginFailed, hint, err)
	}
	state := r.URL.Query().Get("state")
	cookie, err := r.Cookie(oidcCookie)
	if err != nil || state == "" || subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(state)) != 1 {
		return refused("this sign-in was not started here; start again", err)
	}
	g.oidc.mu.Lock()
	login, there := g.oidc.pending.Peek(state)
	g.oidc.pending.Remove(state)
	g.oidc.mu.Unlock()
	if !there || g.cfg.Now().After(login.until) {
		return refused("this sign-in took too long; start again", nil)
	}
	provider, config, err := g.oidc.discover(r.Context())
	if err != nil {
		return identity{}, err
	}
	ctx := oidc.ClientContext(r.Context(), g.oidc.client)
	token, err := config.Exchange(ctx, r.URL.Query().Get("code"), oauth2.VerifierOption(login.verifier))
	if err != nil {
		return refused("the identity provider did not accept the login", err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return refused("the identity provider sent no identity", nil)
	}
	id, err := provider.Verifier(&oidc.Config{ClientID: g.oidc.set.ClientID}).Verify(ctx, raw)
	if err != nil || subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(login.nonce)) != 1 {
		return refused("the identity that the provider sent is not valid", err)
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return refused("the identity that the provider sent cannot be read", err)
	}
	role := roleOf(claims[g.oidc.set.Claim])
	if role == "" {
		return identity{}, answer.Fail(http.StatusForbidden, answer.CodeForbidden,
			"you are in none of the groups "+groupView+", "+groupReview+" and "+groupAdmin, nil)
	}
	name := externalName(claims, id.Subject)
	return identity{name: name, display: displayOf(claims, name), role: role, external: true}, nil
}

// roleOf is the highest role that a claim gives.
func roleOf(claim any) accounts.Role {
	var groups []string
	switch v := claim.(type) {
	case string:
		groups = strings.FieldsFunc(v, func(c rune) bool { return c == ' ' || c == ',' })
	case []any:
		for _, one := range v {
			if text, ok := one.(string); ok {
				groups = append(groups, text)
			}
		}
	}
	switch {
	case slices.Contains(groups, groupAdmin):
		return accounts.RoleAdmin
	case slices.Contains(groups, groupReview):
		return accounts.RoleReview
	case slices.Contains(groups, groupView):
		return accounts.RoleView
	}
	return ""
}

// externalName signs decisions: the provider's name of a user, which cannot be
// taken for that of a local one.
func externalName(claims map[string]any, subject string) string {
	name := subject
	for _, claim := range []string{"preferred_username", "email"} {
		if text, ok := claims[claim].(string); ok && text != "" {
			name = text
			break
		}
	}
	name = strings.Map(func(c rune) rune {
		if accounts.NotInName(c) {
			return '_'
		}
		return c
	}, name)
	runes := []rune(name)
	return "oidc/" + string(runes[:min(len(runes), accounts.MaxName)])
}

func displayOf(claims map[string]any, name string) string {
	if text, ok := claims["name"].(string); ok && text != "" {
		runes := []rune(text)
		return string(runes[:min(len(runes), accounts.MaxName)])
	}
	return name
}
