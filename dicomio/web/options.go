package web

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/internal/certfile"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// Options say how a DICOMweb server is reached. Only URL is needed.
type Options struct {
	// URL is what stands before /studies, such as
	// https://pacs.example/dicom-web, without name and password.
	URL string

	// StoreURL is what stands before /studies where instances are stored, if
	// that is another address than URL. Credentials go there, too. Client.Store
	// works without it.
	StoreURL string

	User         string // basic authentication, with PasswordFile
	PasswordFile string // one line
	TokenFile    string // bearer token, one line; read for every request, so that it may be renewed

	CAFile   string // PEM of the authority that its certificate is checked with; default: the system's
	CertFile string // PEM of a certificate of this client, with KeyFile
	KeyFile  string

	// AllowPlainHTTP lets credentials go over http to another machine.
	AllowPlainHTTP bool

	Timeout    time.Duration // of one attempt at a request, its body included; default 2 min
	Attempts   int           // of a request; default 4
	RetryDelay time.Duration // before the second attempt, doubled for each after, at most 5 s; default 250 ms

	Parallel           int   // requests at the same time; default 4
	MaxImageBytes      int64 // of one instance; default 256 MiB
	MaxMultiFrameBytes int64 // of one multi-frame CT, where that is more; above MaxImageBytes one is read at a time; default 1 GiB
	MaxBodyBytes       int64 // of the metadata of a series or one page of records; default 256 MiB
	CacheBytes         int64 // of images that an open series keeps, or one that is larger; default 64 MiB
	MaxStoreBytes      int64 // of one request that stores instances; default 64 MiB

	Logger *slog.Logger // debug lines, and a renewed certificate that cannot be used; default: none
}

const (
	maxRetryDelay  = 5 * time.Second
	maxSecretBytes = 16 << 10
	maxPEMBytes    = 1 << 20
)

func (o Options) withDefaults() Options {
	o.Timeout = orDefault(o.Timeout, 2*time.Minute)
	o.Attempts = orDefault(o.Attempts, 4)
	o.RetryDelay = orDefault(o.RetryDelay, 250*time.Millisecond)
	o.Parallel = orDefault(o.Parallel, 4)
	o.MaxImageBytes = orDefault(o.MaxImageBytes, 256<<20)
	o.MaxMultiFrameBytes = orDefault(o.MaxMultiFrameBytes, 1<<30)
	o.MaxBodyBytes = orDefault(o.MaxBodyBytes, 256<<20)
	o.CacheBytes = orDefault(o.CacheBytes, 64<<20)
	o.MaxStoreBytes = orDefault(o.MaxStoreBytes, 64<<20)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// ErrOptions is in the chain of every error of New.
var ErrOptions = errors.New("DICOMweb settings")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrOptions, fmt.Errorf(format, args...))
}

// check validates what needs no file, and returns the addresses to ask and to
// store at.
func (o Options) check() (base, store *url.URL, err error) {
	if base, err = o.address(o.URL); err != nil || o.StoreURL == "" {
		return base, base, err
	}
	if store, err = o.address(o.StoreURL); err != nil {
		return nil, nil, fmt.Errorf("store-url: %w", err)
	}
	return base, store, nil
}

// address validates one address and what goes with it.
func (o Options) address(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "" {
		return nil, bad("the address must be http(s)://host/path, the part before /studies")
	}
	switch {
	case u.User != nil:
		return nil, bad("name and password do not belong in the address: use user and password-file")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return nil, bad("the address must end in its path, without ? and #")
	case (o.User == "") != (o.PasswordFile == ""):
		return nil, bad("user and password-file go together")
	case o.User != "" && o.TokenFile != "":
		return nil, bad("sign in with user and password-file or with token-file, not both")
	case strings.Contains(o.User, ":"):
		return nil, bad("a user of basic authentication has no colon (RFC 7617)")
	case (o.CertFile == "") != (o.KeyFile == ""):
		return nil, bad("cert-file and key-file go together")
	case u.Scheme == "http" && (o.CAFile != "" || o.CertFile != ""):
		return nil, bad("ca-file and cert-file are for https addresses")
	case u.Scheme == "http" && (o.User != "" || o.TokenFile != "") && !o.AllowPlainHTTP && !loopback(u.Hostname()):
		return nil, bad("credentials would go over the network in the clear: use https, or say allow-plain-http where that network is trusted")
	case o.Timeout < 0 || o.Attempts < 0 || o.Attempts > 20 || o.RetryDelay < 0 || o.Parallel < 0 || o.Parallel > 64:
		return nil, bad("timeouts and delays must not be negative, attempts at most 20, parallel requests at most 64")
	case o.MaxImageBytes < 0 || o.MaxMultiFrameBytes < 0 || o.MaxBodyBytes < 0 || o.CacheBytes < 0 || o.MaxStoreBytes < 0:
		return nil, bad("limits of bytes must not be negative")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// transport makes the connections of one client.
func (o Options) transport() (*http.Transport, error) {
	dialer := &net.Dialer{Timeout: min(o.Timeout, 10*time.Second), KeepAlive: 30 * time.Second}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext,
		TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 30 * time.Second,
		MaxConnsPerHost: o.Parallel, MaxIdleConnsPerHost: o.Parallel,
		MaxResponseHeaderBytes: 1 << 20, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if o.CAFile != "" {
		pem, err := smallfile.Read(o.CAFile, maxPEMBytes)
		if err != nil {
			return nil, bad("ca-file cannot be read: %w", err)
		}
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, bad("ca-file holds no PEM certificate")
		}
	}
	if o.CertFile != "" {
		pair, err := certfile.Load(o.CertFile, o.KeyFile, o.Logger)
		if err != nil {
			return nil, bad("cert-file and key-file cannot be used: %w", err)
		}
		t.TLSClientConfig.GetClientCertificate = pair.Client
	}
	return t, nil
}

// authorization is the value of the header, read anew from its file.
func (o Options) authorization() (func(*http.Request), error) {
	switch {
	case o.TokenFile != "":
		token, err := readSecret(o.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("token-file: %w", err)
		}
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }, nil
	case o.User != "":
		password, err := readSecret(o.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("password-file: %w", err)
		}
		return func(r *http.Request) { r.SetBasicAuth(o.User, password) }, nil
	}
	return func(*http.Request) {}, nil
}

// readSecret reads the one line of a file.
func readSecret(path string) (string, error) {
	b, err := smallfile.Read(path, maxSecretBytes)
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(string(b), "\r\n")
	if secret == "" || strings.ContainsAny(secret, "\r\n\x00") {
		return "", errors.New("it must hold one line")
	}
	return secret, nil
}
