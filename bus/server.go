package bus

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
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

// DefaultStoreBytes is what the streams of an embedded server may hold together.
const DefaultStoreBytes = 8 << 30

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

	// AccessFile, where set, holds the passwords of the [Role]s, which may then
	// sign in from this machine; it is made where it is missing, for its owner
	// alone. It does not allow another host than loopback by itself.
	AccessFile string

	TLSCert, TLSKey string // PEM files; with both, connections must use TLS
	TLSClientCA     string // PEM file; with it, clients must show a certificate of this CA

	MaxStoreBytes  int64 // of all streams, default [DefaultStoreBytes]
	MaxMemoryBytes int64 // of streams in memory, default 64 MiB

	// SyncLater leaves out the sync at every write, for a store that is being made and
	// counts only when [SyncStore] has synced all of it, after the server's end.
	SyncLater bool

	Logger *slog.Logger // default: none
}

// Server is a NATS server with JetStream inside this process.
type Server struct {
	lock     *os.File
	log      *slog.Logger
	user     string // of this process's own connection, empty where none is needed
	password string
	options  *natsserver.Options
	once     sync.Once

	life    sync.Mutex // held while it starts, starts again or stops
	stopped bool

	mu      sync.Mutex // guards what follows
	ns      *natsserver.Server
	started chan struct{} // closed when the start has ended, well or not
}

// current is the server as it runs now.
func (s *Server) current() *natsserver.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ns
}

// Start runs an embedded server until [Server.Shutdown]; ctx bounds only the
// start. Streams are files that are synced at every write (SyncAlways): what
// was acknowledged to a publisher outlives a SIGKILL of this process and a
// loss of power. Streams that the last start could not open are put aside first.
// Codes: settings_invalid, store_locked, store_damaged, server_failed. After
// store_damaged the server may still be at work inside this process and hold the
// store: end the process.
func Start(ctx context.Context, opts ServerOptions) (*Server, error) {
	const op = "start bus server"
	s := &Server{log: orDiscard(opts.Logger)}
	no, err := s.natsOptions(op, opts)
	if err != nil {
		return nil, err
	}
	if s.lock, err = lockStore(op, opts.StoreDir); err != nil {
		return nil, err
	}
	s.options = no
	s.life.Lock()
	defer s.life.Unlock()
	names, aside, err := putAside(op, no.StoreDir)
	if err != nil {
		s.unlock()
		return nil, err
	}
	if aside != "" {
		s.log.Error("streams that did not open at the last start were put aside and are made anew", "streams", names, "folder", aside)
	}
	if err := s.launch(ctx, op); err != nil {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWait)
		defer cancel()
		if ended := s.end(stopping); ended != nil { // it may still write: the lock ends with the process
			return nil, errors.Join(err, ended)
		}
		s.unlock()
		return nil, err
	}
	if opts.DontListen {
		s.log.Debug("bus server ready, for this process alone")
	} else {
		s.log.Info("bus server ready", "url", s.URL())
	}
	return s, nil
}

// launch starts a server with the options; life is held.
func (s *Server) launch(ctx context.Context, op string) error {
	ns, err := natsserver.NewServer(s.options.Clone())
	if err != nil {
		return coded.New(CodeSettings, op, "the server refuses its settings", err)
	}
	sl := newServerLog(s.log)
	ns.SetLoggerV2(sl, s.log.Enabled(ctx, slog.LevelDebug), false, false)
	limit := openLimit(s.options.StoreDir)
	started := make(chan struct{})
	s.mu.Lock()
	s.ns, s.started = ns, started
	s.mu.Unlock()
	go func() {
		defer close(started)
		ns.Start()
	}()
	if err := s.awaitReady(ctx, op, sl, limit); err != nil {
		return err
	}
	if addr, ok := ns.Addr().(*net.TCPAddr); ok {
		s.options.Port = addr.Port // where any was asked for: it stays
	}
	return nil
}

// endWait is how long a server may take to stop that did not start.
const endWait = 5 * time.Second

// end stops what launch started; life is held. Where that hangs, which no
// program can end but with itself, its error comes when ctx ends, and the store
// must stay locked.
func (s *Server) end(ctx context.Context) error {
	s.mu.Lock()
	ns, started := s.ns, s.started
	s.mu.Unlock()
	if ns == nil {
		return nil
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-started // or it would go on making files after the lock is gone
		ns.Shutdown()
		ns.WaitForShutdown()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return coded.New(CodeServer, "stop bus server", "it still has the store open: that ends with this process", ctx.Err())
	}
}

// Health returns nil where all streams can be written, as far as the server
// knows. A disk that was full makes it give a stream up until it starts again,
// and leave its publishers without an answer. Code: server_failed.
func (s *Server) Health() error {
	h := s.current().Healthz(&natsserver.HealthzOptions{})
	if h.Error == "" {
		return nil
	}
	return coded.New(CodeServer, "check bus server", "a stream cannot be written: was the disk full?", errors.New(h.Error))
}

// restartWait is how long a server may take to stop that is to start again.
const restartWait = time.Minute

// Restart stops the server and starts it again on its store and its port, so
// that it takes up streams which it gave up. Connections see it go and come
// back. Codes: server_failed, settings_invalid; then it does not run, and
// Restart may be called again. After store_damaged it may not: see [Start].
func (s *Server) Restart(ctx context.Context) error {
	const op = "restart bus server"
	s.life.Lock()
	defer s.life.Unlock()
	if s.stopped {
		return coded.New(CodeServer, op, "it was stopped", nil)
	}
	stopping, cancel := context.WithTimeout(ctx, restartWait)
	defer cancel()
	if err := s.end(stopping); err != nil {
		return err
	}
	if err := s.launch(ctx, op); err != nil {
		return err
	}
	s.log.Info("bus server ready again", "url", s.URL())
	return nil
}

// InProcessConn is a connection of this process to the server as it runs now.
func (s *Server) InProcessConn() (net.Conn, error) { return s.current().InProcessConn() }

// awaitReady waits until the server takes connections, for as long as it goes on
// opening its streams: see openLimit.
func (s *Server) awaitReady(ctx context.Context, op string, sl *serverLog, limit time.Duration) error {
	heap := heapBytes()
	for {
		select {
		case line := <-sl.fatal:
			return coded.New(CodeServer, op, "choose a free port or another store folder", errors.New(line))
		case <-ctx.Done():
			return coded.New(CodeServer, op, "not ready in time", ctx.Err())
		default:
		}
		if s.current().ReadyForConnections(20 * time.Millisecond) {
			return nil
		}
		if err := sl.opening.stuck(op, s.options.StoreDir, limit, heap); err != nil {
			return err
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
		JetStream: true, StoreDir: store, SyncAlways: !o.SyncLater,
		JetStreamMaxMemory: cmp.Or(o.MaxMemoryBytes, 64<<20),
		JetStreamMaxStore:  cmp.Or(o.MaxStoreBytes, DefaultStoreBytes),
		MaxPayload:         maxResultBytes + headerRoom,
		NoSigs:             true, DisableJetStreamBanner: true,
	}
	if err := s.authenticate(op, o, no); err != nil {
		return nil, err
	}
	if o.User == "" && len(no.Nkeys) == 0 && !o.DontListen && !loopback(o.Host) {
		return nil, coded.New(CodeSettings, op,
			"set a user with a password file or nkey users before listening on a non-loopback address", nil)
	}
	return no, nil
}

// URL returns the address for clients of other processes; it means nothing
// where the server does not listen.
func (s *Server) URL() string { return s.current().ClientURL() }

// connectOptions are those of this process's own connection.
func (s *Server) connectOptions() []nats.Option {
	opts := []nats.Option{nats.InProcessServer(s)}
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
			s.life.Lock()
			defer s.life.Unlock()
			s.stopped = true
			_ = s.end(context.WithoutCancel(ctx)) // without an end: it is the caller who waits no longer
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
