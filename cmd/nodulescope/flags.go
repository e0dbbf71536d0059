package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/bus"
)

// Flags that several commands have. A setting has one meaning everywhere: a
// settings file is for all commands.

func siteFlag(f *pflag.FlagSet, site *string, fallback, usage string) {
	f.StringVar(site, "site", fallback, usage)
	markSettings(f, "site")
}

// Annotations of flags, see refuseZero and refuseNegative.
const (
	zeroRefused     = "nodulescope_zero_refused"
	negativeRefused = "nodulescope_negative_refused"
)

// refuseZero makes 0 a wrong value of flags whose number has a default: a
// package would take that in its place, which nobody asked for.
func refuseZero(f *pflag.FlagSet, names ...string) { annotate(f, zeroRefused, names) }

// refuseNegative makes what is below 0 a wrong value of flags.
func refuseNegative(f *pflag.FlagSet, names ...string) { annotate(f, negativeRefused, names) }

// annotate marks flags. It panics where one does not exist.
func annotate(f *pflag.FlagSet, mark string, names []string) {
	for _, name := range names {
		if err := f.SetAnnotation(name, mark, []string{"true"}); err != nil {
			panic(fmt.Sprintf("nodulescope: mark flag: %v", err))
		}
	}
}

// checkNumbers names the flags whose number was refused.
func checkNumbers(f *pflag.FlagSet) error {
	var errs []error
	f.VisitAll(func(flag *pflag.Flag) {
		value := flag.Value.String()
		switch {
		case flag.Annotations[zeroRefused] != nil && (value == "0" || value == "0s"):
			errs = append(errs, usageError(fmt.Errorf("--%s %s", flag.Name, value), "give a value above 0"))
		case flag.Annotations[negativeRefused] != nil && strings.HasPrefix(value, "-"):
			errs = append(errs, usageError(fmt.Errorf("--%s %s", flag.Name, value), "give a value of at least 0"))
		}
	})
	return errors.Join(errs...)
}

// orAtOnce is a time as packages take it that wait for their default where they
// are given 0: the shortest there is.
func orAtOnce(d time.Duration) time.Duration {
	if d == 0 {
		return time.Nanosecond
	}
	return d
}

// mustRequire marks a flag that has to be given.
func mustRequire(cmd *cobra.Command, name string) {
	if err := cmd.MarkFlagRequired(name); err != nil {
		panic(fmt.Sprintf("nodulescope: require flag: %v", err))
	}
}

// localBus is where 'serve' listens with its own bus.
var localBus = ownBus(bus.DefaultPort)

// ownBus is the URL of a service's own bus on this machine.
func ownBus(port int) string { return fmt.Sprintf("nats://127.0.0.1:%d", port) }

// busFlags say how a bus is reached.
type busFlags struct {
	url, domain     string
	nkeyFile        string
	credsFile       string
	user, password  string
	tlsCA           string
	tlsCert, tlsKey string
	port            int // of a service's own bus on this machine, where there is no url; 0: there must be one
}

// registerClient adds the flags of a program that joins the bus of a service.
func (b *busFlags) registerClient(f *pflag.FlagSet) {
	b.register(f, "that of a service on this machine, at --nats-port")
	f.IntVar(&b.port, "nats-port", bus.DefaultPort, "port of a service's own bus on this machine")
	markSettings(f, "nats-port")
	refuseZero(f, "nats-port")
}

// register adds the flags. fallback says what counts where no URL is given.
func (b *busFlags) register(f *pflag.FlagSet, fallback string) {
	f.StringVar(&b.url, "nats-url", "", "`URL` of the bus, such as nats://host:4222, several with commas (default: "+fallback+")")
	f.StringVar(&b.domain, "nats-domain", "", "JetStream `DOMAIN`, for leaf nodes")
	f.StringVar(&b.nkeyFile, "nats-nkey-file", "", "`FILE` with the nkey seed to sign in with")
	f.StringVar(&b.credsFile, "nats-creds-file", "", "`FILE` with JWT and seed to sign in with")
	f.StringVar(&b.user, "nats-user", "", "`NAME` to sign in with")
	f.StringVar(&b.password, "nats-password-file", "", "`FILE` with the password of --nats-user, one line")
	f.StringVar(&b.tlsCA, "nats-tls-ca", "", "PEM `FILE` of the certificate authority of the bus")
	f.StringVar(&b.tlsCert, "nats-tls-cert", "", "PEM `FILE` of this client's certificate")
	f.StringVar(&b.tlsKey, "nats-tls-key", "", "PEM `FILE` of its key")
	markSettings(f, "nats-url", "nats-domain", "nats-nkey-file", "nats-creds-file", "nats-user", "nats-password-file",
		"nats-tls-ca", "nats-tls-cert", "nats-tls-key")
}

// options are those of a client; as is what it is on a bus of this machine that
// wants a password and was told none.
func (b *busFlags) options(log *slog.Logger, as bus.Role) bus.Options {
	o := bus.Options{
		URL: cmp.Or(b.url, b.own()), Domain: b.domain, NkeySeedFile: b.nkeyFile, CredsFile: b.credsFile,
		User: b.user, PasswordFile: b.password, TLSCA: b.tlsCA, TLSCert: b.tlsCert, TLSKey: b.tlsKey, Logger: log,
	}
	if o.NkeySeedFile == "" && o.CredsFile == "" && o.User == "" {
		o.User, o.Password = localAccess(o.URL, as)
	}
	return o
}

// own is the bus where no URL was given; "": there is none.
func (b *busFlags) own() string {
	if b.port == 0 {
		return ""
	}
	return ownBus(b.port)
}

// flag is what a command that uses the same bus needs.
func (b *busFlags) flag() string {
	address := cmp.Or(b.url, b.own())
	if address == "" || address == localBus {
		return ""
	}
	return " --nats-url " + quoted(address)
}

// connect opens the bus of a client. The caller closes it.
func (b *busFlags) connect(ctx context.Context, log *slog.Logger) (*bus.Bus, error) {
	connection, err := bus.Connect(ctx, b.options(log, bus.RoleOperator))
	switch {
	case bus.Denied(err):
		return nil, fmt.Errorf("%w — give --nats-user and --nats-password-file; at a service's own bus the user that runs the service is signed in without (docs/operations.md)", err)
	case bus.CodeOf(err) == bus.CodeUnreachable:
		return nil, fmt.Errorf("%w — start 'nodulescope serve', or name your bus with --nats-url", err)
	}
	return connection, err
}
