package bus

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// Options says which bus to connect to and how. One of Server and URL is
// needed.
type Options struct {
	Server *Server // the embedded server of this process
	URL    string  // or an external one: nats://host:4222, tls://..., several separated by commas
	Name   string  // shown in the broker's list of connections, default "nodulescope"
	Domain string  // JetStream domain, for leaf nodes

	// At most one of the three ways to say who we are.
	NkeySeedFile string
	CredsFile    string // JWT and seed, as nsc writes it
	User         string // that of a [Role] has its inbox
	PasswordFile string // of User, one line
	Password     string // of User, in place of a file

	TLSCA, TLSCert, TLSKey string // PEM files; the certificate is the client's own

	// Wait makes Connect try until ctx ends, for a service that may start
	// before its broker. Otherwise the first refusal is an error.
	Wait bool

	Streams StreamSettings
	Logger  *slog.Logger // default: none

	// Waiting, where set, is told why Connect has to try again.
	Waiting func(error)

	// Observe, where set, is told of every attempt at an exchange with the
	// broker: how long it took, and whether it had no good answer. It must not
	// block.
	Observe func(took time.Duration, failed bool)
}

// Bus is a connection with its streams. It is safe for concurrent use, and
// reconnects for ever, with jitter, until [Bus.Close].
type Bus struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	streams StreamSettings
	log     *slog.Logger
	observe func(took time.Duration, failed bool)
	calls   calls
	lost    losses
}

const reconnectWait = time.Second

// Connect opens a connection; it creates nothing on the broker (see
// [Bus.EnsureStreams]). Codes: settings_invalid, bus_unreachable.
func Connect(ctx context.Context, opts Options) (*Bus, error) {
	const op = "connect to bus"
	b := &Bus{streams: opts.Streams, log: orDiscard(opts.Logger).With("part", "bus"), observe: opts.Observe}
	no, err := b.natsOptions(op, opts)
	if err != nil {
		return nil, err
	}
	for {
		b.nc, err = nats.Connect(opts.URL, no...)
		if err == nil {
			break
		}
		if !opts.Wait {
			return nil, coded.New(CodeUnreachable, op, unreachable(opts.URL, err), err)
		}
		b.log.Warn("bus not reachable yet", "url", redact(opts.URL), "error", err)
		if opts.Waiting != nil {
			opts.Waiting(coded.New(CodeUnreachable, op, unreachable(opts.URL, err), err))
		}
		select {
		case <-ctx.Done():
			return nil, coded.New(CodeUnreachable, op, "no broker at "+redact(opts.URL), errors.Join(ctx.Err(), err))
		case <-time.After(reconnectWait):
		}
	}
	if opts.Domain != "" {
		b.js, err = jetstream.NewWithDomain(b.nc, opts.Domain)
	} else {
		b.js, err = jetstream.New(b.nc)
	}
	if err != nil {
		b.nc.Close()
		return nil, coded.New(CodeSettings, op, "JetStream domain", err)
	}
	b.log.Debug("bus connected", "url", b.nc.ConnectedUrlRedacted())
	return b, nil
}

// unreachable says what is wrong with a connection that was not made.
func unreachable(address string, err error) string {
	if reason := unwelcome(err); reason != "" {
		return "the broker at " + redact(address) + " is there, but " + reason
	}
	return "is the broker running at " + redact(address) + ", and are the credentials right?"
}

// unwelcome says why a broker and this side do not accept each other; "": that is not it.
func unwelcome(err error) string {
	var unverified *tls.CertificateVerificationError
	var invalid x509.CertificateInvalidError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case Denied(err):
		return "does not take these credentials"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate has run out, or is not valid yet: see its dates, and this machine's clock"
	case errors.As(err, &authority):
		return "its certificate is not of the authority that nats-tls-ca names"
	case errors.As(err, &host):
		return "its certificate is for another host name"
	case errors.As(err, &unverified):
		return "its certificate is not accepted"
	}
	return ""
}

func (b *Bus) natsOptions(op string, o Options) ([]nats.Option, error) {
	if (o.Server == nil) == (o.URL == "") {
		return nil, coded.New(CodeSettings, op, "name an external URL or use the embedded server, not both", nil)
	}
	no := []nats.Option{
		nats.Name(cmp.Or(o.Name, "nodulescope")),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		// Two refusals in a row would end the connection for good, although
		// credentials are put right on the broker while it runs.
		nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(20 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			b.lost.lost()
			if err != nil {
				b.log.Warn("bus connection lost, reconnecting", "error", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) { b.log.Info("bus reconnected", "url", c.ConnectedUrlRedacted()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if Denied(err) {
				b.calls.denied(err)
			}
			b.log.Warn("bus", "error", err)
		}),
	}
	ways := 0
	for _, set := range []bool{o.NkeySeedFile != "", o.CredsFile != "", o.User != ""} {
		if set {
			ways++
		}
	}
	switch {
	case (o.User == "") != (o.PasswordFile == "" && o.Password == ""):
		return nil, coded.New(CodeSettings, op, "a user to sign in as, and the file of the password, go together", nil)
	case ways > 1 || o.PasswordFile != "" && o.Password != "":
		return nil, coded.New(CodeSettings, op, "use one of nkey seed file, creds file, and user with password file", nil)
	}
	if o.Server != nil {
		return append(no, o.Server.connectOptions()...), nil
	}
	secret, err := credentials(o)
	if err != nil {
		return nil, coded.New(CodeSettings, op, "credentials or TLS files", err)
	}
	return append(no, secret...), nil
}

// Check reads the files that the options name, as [Connect] does. Code:
// settings_invalid.
func (o Options) Check() error {
	const op = "check bus settings"
	no, err := (&Bus{log: orDiscard(nil)}).natsOptions(op, o)
	if err != nil {
		return err
	}
	for _, set := range no {
		if err := set(&nats.Options{}); err != nil {
			return coded.New(CodeSettings, op, "credentials or TLS files", err)
		}
	}
	return nil
}

// role is the one that o signs in as, where it signs in with a name.
func (o Options) role() Role {
	first, _, _ := strings.Cut(o.URL, ",")
	if u, err := url.Parse(first); err == nil && o.User == "" {
		return Role(u.User.Username())
	}
	return Role(o.User)
}

func credentials(o Options) (no []nats.Option, err error) {
	switch {
	case o.NkeySeedFile != "":
		opt, err := nats.NkeyOptionFromSeed(o.NkeySeedFile)
		if err != nil {
			return nil, err
		}
		no = append(no, opt)
	case o.CredsFile != "":
		if _, err := os.Stat(o.CredsFile); err != nil {
			return nil, err
		}
		no = append(no, nats.UserCredentials(o.CredsFile))
	case o.User != "":
		if o.PasswordFile == "" {
			no = append(no, nats.UserInfo(o.User, o.Password))
			break
		}
		if _, err := readSecret(o.PasswordFile); err != nil {
			return nil, err
		}
		// Read at every sign-in, as the other files are: a password is changed
		// without a restart. A file that cannot be read is refused by the broker.
		no = append(no, nats.UserInfoHandler(func() (user, password string) {
			password, _ = readSecret(o.PasswordFile)
			return o.User, password
		}))
	}
	if inbox := o.role().inbox(); inbox != "" {
		no = append(no, nats.CustomInboxPrefix(inbox))
	}
	if o.TLSCA != "" {
		no = append(no, nats.RootCAs(o.TLSCA))
	}
	if (o.TLSCert == "") != (o.TLSKey == "") {
		return nil, errors.New("a TLS certificate and its key go together")
	}
	if o.TLSCert != "" {
		no = append(no, nats.ClientCert(o.TLSCert, o.TLSKey))
	}
	return no, nil
}

// Close sends what is still to be sent and closes the connection. Deliveries
// that were neither done, retried nor dead are delivered again after AckWait.
func (b *Bus) Close() {
	if b.nc.IsConnected() {
		if err := b.nc.FlushTimeout(2 * time.Second); err != nil {
			b.log.Warn("bus closed before everything was sent", "error", err)
		}
	}
	b.nc.Close()
}

// Closed tells whether the connection was closed for good.
func (b *Bus) Closed() bool { return b.nc.IsClosed() }

// Health returns nil where the broker answers, all streams are there, and none
// of this connection's exchanges fails now: what a readiness probe asks. Codes:
// bus_unreachable, stream_unavailable.
func (b *Bus) Health(ctx context.Context) error {
	const op = "check bus"
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if !b.nc.IsConnected() {
		hint := "not connected, reconnecting"
		if reason := unwelcome(b.nc.LastError()); reason != "" {
			hint += ": the broker is there, but " + reason
		}
		return coded.New(CodeUnreachable, op, hint, b.nc.LastError())
	}
	for _, name := range Streams() {
		if _, err := b.js.Stream(ctx, name); err != nil {
			return coded.New(CodeStream, op, "stream "+name, err)
		}
	}
	return b.calls.trouble()
}

// redact drops the password of a URL, for logs.
func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || raw == "" {
		return "the configured URL"
	}
	return u.Redacted()
}
