package bus

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// DefaultPort is the port of NATS.
const DefaultPort = natsserver.DEFAULT_PORT

// ServerOptions sets up an embedded server. Only StoreDir is needed.
type ServerOptions struct {
	// StoreDir is the folder of the streams; it is created, readable by its
	// owner alone, and locked: one process at a time.
	StoreDir string

	DontListen bool   // no port at all: only [Connect] of this process reaches the server
	Host       string // address to listen on, default 127.0.0.1
	Port       int    // 0: 4222, the port of NATS; -1: any free port

	// Credentials that connections from outside need. A host that is not
	// loopback is refused without any of them. The process's own connection
	// has a password of its own that never leaves memory.
	User         string
	PasswordFile string   // of User; one line, plain or bcrypt
	NkeyUsers    []string // public user nkeys ("U...")

	TLSCert, TLSKey string // PEM files; with both, connections must use TLS
	TLSClientCA     string // PEM file; with it, clients must show a certificate of this CA

	MaxStoreBytes  int64 // of all streams, default 8 GiB
	MaxMemoryBytes int64 // of streams in memory, default 64 MiB

	Logger *slog.Logger // default: none
}

// Server is a NATS server with JetStream inside this process.
type Server struct {
	ns       *natsserver.Server
	lock     *os.File
	log      *slog.Logger
	user     string // of this process's own connection, empty where none is needed
	password string
	started  chan struct{} // closed when the start has ended, well or not
	once     sync.Once
}

// Start runs an embedded server until [Server.Shutdown]; ctx bounds only the
// start. Streams are files that are synced at every write (SyncAlways): what
// was acknowledged to a publisher outlives a SIGKILL of this process and a
// loss of power. Codes: settings_invalid, store_locked, server_failed.
func Start(ctx context.Context, opts ServerOptions) (*Server, error) {
	const op = "start bus server"
	s := &Server{log: orDiscard(opts.Logger), started: make(chan struct{})}
	no, err := s.natsOptions(op, opts)
	if err != nil {
		return nil, err
	}
	if s.lock, err = lockStore(op, opts.StoreDir); err != nil {
		return nil, err
	}
	if s.ns, err = natsserver.NewServer(no); err != nil {
		s.unlock()
		return nil, coded.New(CodeSettings, op, "the server refuses its settings", err)
	}
	sl := newServerLog(s.log)
	s.ns.SetLoggerV2(sl, s.log.Enabled(ctx, slog.LevelDebug), false, false)
	go func() {
		defer close(s.started)
		s.ns.Start()
	}()
	if err := s.awaitReady(ctx, op, sl.fatal); err != nil {
		_ = s.Shutdown(context.WithoutCancel(ctx))
		return nil, err
	}
	s.log.Info("bus server ready", "url", s.URL(), "listen", !opts.DontListen)
	return s, nil
}

func (s *Server) awaitReady(ctx context.Context, op string, fatal <-chan string) error {
	for {
		select {
		case line := <-fatal:
			return coded.New(CodeServer, op, "choose a free port or another store folder", errors.New(line))
		case <-ctx.Done():
			return coded.New(CodeServer, op, "not ready in time", ctx.Err())
		default:
		}
		if s.ns.ReadyForConnections(20 * time.Millisecond) {
			return nil
		}
	}
}

func (s *Server) natsOptions(op string, o ServerOptions) (*natsserver.Options, error) {
	if o.StoreDir == "" {
		return nil, coded.New(CodeSettings, op, "name a store folder", nil)
	}
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if o.Port < -1 || o.Port > 65535 {
		return nil, coded.New(CodeSettings, op, "port must be -1 (any), 0 (4222) or 1..65535", nil)
	}
	store, err := filepath.Abs(o.StoreDir)
	if err != nil {
		return nil, coded.New(CodeSettings, op, "store folder", err)
	}
	no := &natsserver.Options{
		ServerName: "nodulescope-" + nuid.Next()[:8],
		Host:       o.Host, Port: o.Port, DontListen: o.DontListen,
		JetStream: true, StoreDir: store, SyncAlways: true,
		JetStreamMaxMemory: cmp.Or(o.MaxMemoryBytes, 64<<20),
		JetStreamMaxStore:  cmp.Or(o.MaxStoreBytes, 8<<30),
		MaxPayload:         maxResultBytes + headerRoom,
		NoSigs:             true, DisableJetStreamBanner: true,
	}
	if err := s.authenticate(op, o, no); err != nil {
		return nil, err
	}
	if len(no.Users) == 0 && len(no.Nkeys) == 0 && !o.DontListen && !loopback(o.Host) {
		return nil, coded.New(CodeSettings, op,
			"set a user with a password file or nkey users before listening on a non-loopback address", nil)
	}
	return no, nil
}

// URL returns the address for clients of other processes; it means nothing
// where the server does not listen.
func (s *Server) URL() string { return s.ns.ClientURL() }

// connectOptions are those of this process's own connection.
func (s *Server) connectOptions() []nats.Option {
	opts := []nats.Option{nats.InProcessServer(s.ns)}
	if s.user != "" {
		opts = append(opts, nats.UserInfo(s.user, s.password))
	}
	return opts
}

// Shutdown stops the server and lets go of its store. It may be called twice.
// Connections see it go and reconnect to whatever takes its place.
func (s *Server) Shutdown(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.once.Do(func() {
			<-s.started // or it would go on making files after the lock is gone
			s.ns.Shutdown()
			s.ns.WaitForShutdown()
			s.unlock()
		})
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return coded.New(CodeServer, "stop bus server", "still stopping", ctx.Err())
	}
}

func (s *Server) unlock() {
	if err := s.lock.Close(); err != nil {
		s.log.Warn("bus store lock", "error", err)
	}
}
