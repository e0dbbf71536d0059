package bus

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// signedIn is a connection that knows what it was refused.
type signedIn struct {
	js      jetstream.JetStream
	refused chan error
}

func signIn(t *testing.T, url string, role Role, password string) signedIn {
	t.Helper()
	s := signedIn{refused: make(chan error, 100)}
	nc, err := nats.Connect(url, nats.UserInfo(string(role), password), nats.CustomInboxPrefix("_INBOX_"+string(role)), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { s.refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if s.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	return s
}

// mayNot fails where the broker does not refuse.
func (s signedIn) mayNot(t *testing.T, what string, do func() error) {
	t.Helper()
	go func() { _ = do() }() // it is not answered
	select {
	case err := <-s.refused:
		if !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v", what, err)
		}
	case <-time.After(time.Minute):
		t.Errorf("%s is not refused", what)
	}
}

// checkRoles tries what each role may and may not do on a broker with streams.
func checkRoles(t *testing.T, url string, access Access) {
	t.Helper()
	for _, role := range Roles() {
		b := connect(t, Options{URL: url, User: string(role), Password: access[role]})
		if role == RoleService {
			if err := b.EnsureStreams(testContext(t)); err != nil {
				t.Fatal(err)
			}
			publishResult(t, b, "site", "a")
			q := openQueue(t, b, "site")
			submit(t, b, "site", "poison", sampleJob(1))
			if err := next(t, q).Dead(testContext(t), "not_json", "a test"); err != nil {
				t.Fatal(err)
			}
		}
		submit(t, b, "site", "by "+string(role), sampleJob(1))
		named := connect(t, Options{URL: strings.Replace(url, "://", "://"+string(role)+":"+access[role]+"@", 1)})
		submit(t, named, "site", "by the URL of "+string(role), sampleJob(1))
		seen := 0
		err := b.FollowResults(testContext(t), "site", FollowOptions{FromStart: true}, func(Envelope, Result) error { seen++; return ErrStop })
		if err != nil || seen != 1 {
			t.Errorf("%s: %d results, %v", role, seen, err)
		}
		if role != RoleDetector {
			letters, err := b.DeadLetters(testContext(t), "site", DeadOptions{})
			if err != nil || len(letters) != 1 {
				t.Fatalf("%s: %v, %v", role, letters, err)
			}
			if _, err := b.Replay(testContext(t), "site", letters[0].LetterAt); err != nil {
				t.Errorf("%s: %v", role, err)
			}
		}
	}
	for _, role := range Roles() {
		checkModels(t, connect(t, Options{URL: url, User: string(role), Password: access[role]}), url, role, access[role])
	}
	for _, role := range []Role{RoleDetector, RoleOperator} {
		s := signIn(t, url, role, access[role])
		ctx := testContext(t)
		publish := func(subject string) func() error {
			return func() error { _, err := s.js.Publish(ctx, subject, []byte("x")); return err }
		}
		for _, subject := range []string{"nodule.v1.result.site", "nodule.v1.review.site", "nodule.v1.dead.site"} {
			s.mayNot(t, string(role)+" publishes "+subject, publish(subject))
		}
		for _, stream := range Streams() {
			s.mayNot(t, string(role)+" purges "+stream, func() error {
				_, err := s.js.Conn().Request("$JS.API.STREAM.PURGE."+stream, nil, time.Second)
				return err
			})
			s.mayNot(t, string(role)+" deletes "+stream, func() error { return s.js.DeleteStream(ctx, stream) })
			s.mayNot(t, string(role)+" deletes a message of "+stream, func() error {
				_, err := s.js.Conn().Request("$JS.API.STREAM.MSG.DELETE."+stream, []byte(`{"seq":1}`), time.Second)
				return err
			})
		}
		s.mayNot(t, string(role)+" takes jobs", func() error {
			_, err := s.js.CreateConsumer(ctx, StreamJobs, jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy})
			return err
		})
		if info, err := s.js.AccountInfo(ctx); err != nil || info.Streams == 0 {
			t.Errorf("%s is not answered in its inbox: %v", role, err)
		}
		for _, inbox := range []string{"_INBOX.>", "_INBOX_operator.>", "_INBOX_detector.>", "*.>", ">"} {
			if inbox != "_INBOX_"+string(role)+".>" {
				s.mayNot(t, string(role)+" listens to "+inbox, func() error { _, err := s.js.Conn().SubscribeSync(inbox); return err })
			}
		}
		s.mayNot(t, string(role)+" listens to jobs", func() error { _, err := s.js.Conn().SubscribeSync("nodule.v1.job.>"); return err })
	}
	s := signIn(t, url, RoleDetector, access[RoleDetector])
	s.mayNot(t, "a detector reads dead letters", func() error { _, err := s.js.Stream(testContext(t), StreamDead); return err })
	if _, err := nats.Connect(url); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("without a password: %v", err)
	}
}

func TestRolesOfTheEmbeddedServer(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data", "access.json")
	s := startServer(t, ServerOptions{Port: -1, AccessFile: path})
	access, err := ReadAccess(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	checkRoles(t, s.URL(), access)
	if again, err := accessOf(path); err != nil || again[RoleDetector] != access[RoleDetector] {
		t.Errorf("the passwords changed: %v", err)
	}
	if err := os.WriteFile(path, []byte(`{"service":"short"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Start(testContext(t), ServerOptions{StoreDir: t.TempDir(), Port: -1, AccessFile: path})
	wantCode(t, err, CodeSettings)
	_, err = Start(testContext(t), ServerOptions{StoreDir: t.TempDir(), Port: -1, Host: "0.0.0.0", AccessFile: filepath.Join(t.TempDir(), "a")})
	wantCode(t, err, CodeSettings)
}

// Who may not do something is told so, soon, and not that the broker is silent; and so
// is who is not let in.
func TestDeniedIsTold(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.json")
	s := startServer(t, ServerOptions{Port: -1, AccessFile: path})
	access, err := ReadAccess(path)
	if err != nil {
		t.Fatal(err)
	}
	var attempts atomic.Int32
	b := connect(t, Options{URL: s.URL(), User: string(RoleDetector), Password: access[RoleDetector], Observe: func(time.Duration, bool) { attempts.Add(1) }})
	if _, err := b.DeadLetters(testContext(t), "site", DeadOptions{}); !Denied(err) || attempts.Load() != 1 {
		t.Errorf("after %d attempts: %v", attempts.Load(), err)
	}
	if err := b.EnsureStreams(testContext(t)); !Denied(err) || !strings.Contains(coded.Summary(err), "this user may not") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(testContext(t))
	var why error
	_, err = Connect(ctx, Options{URL: s.URL(), User: string(RoleDetector), Password: "wrong", Wait: true, Waiting: func(err error) { why = err; cancel() }})
	if !Denied(err) || !strings.Contains(coded.Summary(why), "does not take these credentials") {
		t.Errorf("%v; waited because: %v", err, why)
	}
}

// The configuration in docs makes an external broker with the same roles.
func TestRolesOfAnExternalServer(t *testing.T) {
	access := Access{RoleService: "service-password-1", RoleOperator: "operator-password-1", RoleDetector: "detector-password-1"}
	for role, password := range access {
		t.Setenv("NODULESCOPE_"+strings.ToUpper(string(role))+"_PASSWORD", password)
	}
	opts, err := natsserver.ProcessConfigFile("../docs/nats-server.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range opts.Users {
		publish, subscribe := Permitted(Role(u.Username))
		if (publish == nil) != (u.Permissions == nil) || publish != nil && (!slices.Equal(publish, u.Permissions.Publish.Allow) || !slices.Equal(subscribe, u.Permissions.Subscribe.Allow)) {
			t.Errorf("%s may publish\n%q\nnot\n%q", u.Username, u.Permissions.Publish.Allow, publish)
		}
	}
	opts.Host, opts.Port, opts.StoreDir, opts.NoSigs, opts.NoLog = "127.0.0.1", -1, t.TempDir(), true, true
	ns, err := natsserver.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	go ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	if !ns.ReadyForConnections(20 * time.Second) {
		t.Fatal("the broker is not ready")
	}
	checkRoles(t, ns.ClientURL(), access)
}
