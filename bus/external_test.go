package bus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// external runs a broker that this package did not set up, and has its URL.
func external(t *testing.T, change func(*natsserver.Options)) string {
	t.Helper()
	return externalServer(t, change).ClientURL()
}

func externalServer(t *testing.T, change func(*natsserver.Options)) *natsserver.Server {
	t.Helper()
	opts := &natsserver.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true}
	change(opts)
	ns, err := natsserver.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	if !ns.ReadyForConnections(20 * time.Second) {
		t.Fatal("the broker is not ready")
	}
	return ns
}

// A broker as it comes takes 1 MiB with headers.
func TestBrokerWithDefaults(t *testing.T) {
	b := connect(t, Options{URL: external(t, func(*natsserver.Options) {})})
	if err := b.EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	r := sampleResult("r")
	r.IntendedUse = strings.Repeat("x", 1<<20-2000)
	if _, err := b.PublishResult(testContext(t), "site", "/p", r); err != nil {
		t.Errorf("just below: %v", err)
	}
	r.Identity = "s"
	r.IntendedUse = strings.Repeat("x", 1<<20-100)
	_, err := b.PublishResult(testContext(t), "site", "/p", r)
	wantCode(t, err, CodeMessageTooLarge)

	send(t, b, make([]byte, 1<<20), nil)
	if err := next(t, openQueue(t, b, "site")).Dead(testContext(t), CodeJobTooLarge, ""); err != nil {
		t.Errorf("the largest message cannot be put aside: %v", err)
	}
}

func TestBrokerWithoutJetStream(t *testing.T) {
	b := connect(t, Options{URL: external(t, func(o *natsserver.Options) { o.JetStream = false })})
	wantCode(t, b.EnsureStreams(testContext(t)), CodeStream)
}

// A password that is changed on the broker and in its file needs no restart.
func TestPasswordIsChanged(t *testing.T) {
	var opts *natsserver.Options
	ns := externalServer(t, func(o *natsserver.Options) { o.Username, o.Password, opts = "plugin", "first", o })
	file := filepath.Join(t.TempDir(), "password")
	write := func(password string) {
		if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	b := connect(t, Options{URL: ns.ClientURL(), User: "plugin", PasswordFile: file})
	changed := opts.Clone()
	changed.Password = "second"
	if err := ns.ReloadOptions(changed); err != nil {
		t.Fatal(err)
	}
	refused := func() bool { return Denied(b.nc.LastError()) }
	for end := time.Now().Add(time.Minute); !refused(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the former password is still taken")
		}
	}
	write("second")
	for end := time.Now().Add(time.Minute); b.EnsureStreams(testContext(t)) != nil; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the new password is not used")
		}
	}
}

// TestCredsFile has a broker of operator mode, as nsc sets it up.
func TestCredsFile(t *testing.T) {
	operator, account, user := pair(t, nkeys.PrefixByteOperator), pair(t, nkeys.PrefixByteAccount), pair(t, nkeys.PrefixByteUser)
	claims := jwt.NewAccountClaims(public(t, account))
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: -1, MemoryStorage: -1, Streams: -1, Consumer: -1}
	token, err := claims.Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	system := pair(t, nkeys.PrefixByteAccount)
	systemToken, err := jwt.NewAccountClaims(public(t, system)).Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	resolver := &natsserver.MemAccResolver{}
	for key, value := range map[string]string{public(t, account): token, public(t, system): systemToken} {
		if err := resolver.Store(key, value); err != nil {
			t.Fatal(err)
		}
	}
	url := external(t, func(o *natsserver.Options) {
		o.TrustedKeys, o.AccountResolver, o.SystemAccount = []string{public(t, operator)}, resolver, public(t, system)
	})
	userToken, err := jwt.NewUserClaims(public(t, user)).Encode(account)
	if err != nil {
		t.Fatal(err)
	}
	seed, _ := user.Seed()
	creds, err := jwt.FormatUserConfig(userToken, seed)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "user.creds")
	write(t, file, string(creds))
	b := connect(t, Options{URL: url, CredsFile: file})
	if err := b.EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	submit(t, b, "site", "1", sampleJob(1))
	if _, err := Connect(testContext(t), Options{URL: url}); CodeOf(err) != CodeUnreachable {
		t.Errorf("without credentials: %v", err)
	}
}

func pair(t *testing.T, kind nkeys.PrefixByte) nkeys.KeyPair {
	t.Helper()
	kp, err := nkeys.CreatePair(kind)
	if err != nil {
		t.Fatal(err)
	}
	return kp
}

func public(t *testing.T, kp nkeys.KeyPair) string {
	t.Helper()
	key, err := kp.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}
