package bus

import (
	"bytes"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// newObjects is the bucket of a fresh server.
func newObjects(t *testing.T, settings StreamSettings) (*Bus, *Objects) {
	t.Helper()
	b := connect(t, Options{Server: startServer(t, ServerOptions{DontListen: true}), Streams: settings})
	if err := b.EnsureModels(testContext(t)); err != nil {
		t.Fatal(err)
	}
	o, err := b.Models(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return b, o
}

func add(t *testing.T, o *Objects, under string, content []byte) string {
	t.Helper()
	name, err := o.Add(testContext(t), under, content)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func list(t *testing.T, o *Objects) map[string]Object {
	t.Helper()
	all, err := o.List(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]Object{}
	for _, one := range all {
		found[one.Name] = one
	}
	return found
}

// TestObjects: what is added is read as it was, beside an older one of the same kind,
// until it is removed.
func TestObjects(t *testing.T) {
	t.Parallel()
	_, o := newObjects(t, StreamSettings{})
	if len(list(t, o)) != 0 {
		t.Error("a new bucket is not empty")
	}
	large := bytes.Repeat([]byte("weights "), 100_000) // several pieces
	first, second, empty := add(t, o, "files/a", large), add(t, o, "files/a", []byte("other")), add(t, o, "files/b", nil)
	all := list(t, o)
	if len(all) != 3 || all[first].Bytes != int64(len(large)) || all[first].Under() != "files/a" || all[second].Under() != "files/a" || time.Since(all[first].Added) > time.Minute {
		t.Errorf("%+v", all)
	}
	for name, want := range map[string][]byte{first: large, second: []byte("other"), empty: {}} {
		got, err := o.Read(testContext(t), name, int64(len(want)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	_, err := o.Read(testContext(t), second, 4)
	wantCode(t, err, CodeObject)
	for range 2 { // also where it is gone already
		if err := o.Remove(testContext(t), second); err != nil {
			t.Fatal(err)
		}
	}
	_, err = o.Read(testContext(t), second, 5)
	wantCode(t, err, CodeObject)
	if all := list(t, o); len(all) != 2 {
		t.Errorf("%+v", all)
	}
}

// TestDamagedObjects: one whose pieces are missing, or are others, is refused, and at once.
func TestDamagedObjects(t *testing.T) {
	t.Parallel()
	b, o := newObjects(t, StreamSettings{})
	content := bytes.Repeat([]byte("x"), 1000)
	begin := time.Now()
	for what, spoil := range map[string]func(pieces string) error{
		"half written": func(string) error { return nil },
		"altered": func(pieces string) error {
			_, err := b.js.Publish(testContext(t), pieces, bytes.Repeat([]byte("y"), 1000))
			return err
		},
	} {
		name := add(t, o, "files/"+what, content)
		info, err := o.in.GetInfo(testContext(t), name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := b.js.Stream(testContext(t), StreamModels)
		if err != nil {
			t.Fatal(err)
		}
		pieces := "$O.MODELS.C." + info.NUID
		if err := s.Purge(testContext(t), jetstream.WithPurgeSubject(pieces)); err != nil {
			t.Fatal(err)
		}
		if err := spoil(pieces); err != nil {
			t.Fatal(err)
		}
		_, err = o.Read(testContext(t), name, 1000)
		wantCode(t, err, CodeObject)
	}
	if took := time.Since(begin); took > objectTime/2 {
		t.Errorf("it took %v: a missing piece was waited for", took)
	}
	link := add(t, o, "files/c", content)
	target, err := o.in.GetInfo(testContext(t), link)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.in.AddLink(testContext(t), "files/link/1", target); err != nil {
		t.Fatal(err)
	}
	_, err = o.Read(testContext(t), "files/link/1", 1000)
	wantCode(t, err, CodeObject)
}

// TestFullBucket: what finds no room is refused, and harms nothing that is there.
func TestFullBucket(t *testing.T) {
	t.Parallel()
	_, o := newObjects(t, StreamSettings{ModelsBytes: 150_000})
	content := make([]byte, 100_000)
	first := add(t, o, "files/a", content)
	for range 3 {
		_, err := o.Add(testContext(t), "files/a", content)
		wantCode(t, err, CodeBucketFull)
	}
	if got, err := o.Read(testContext(t), first, 100_000); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	for name := range list(t, o) { // a record without pieces may be left, and is refused
		if name != first {
			_, err := o.Read(testContext(t), name, 100_000)
			wantCode(t, err, CodeObject)
		}
	}
	if err := o.Remove(testContext(t), first); err != nil {
		t.Fatal(err)
	}
	add(t, o, "files/a", content)
}

// TestBucketOfModels: its size is as set, it is no other stream, and one is needed.
func TestBucketOfModels(t *testing.T) {
	t.Parallel()
	url := external(t, func(*natsserver.Options) {})
	b := connect(t, Options{URL: url})
	_, err := b.Models(testContext(t))
	wantCode(t, err, CodeStream)
	size := func() int64 {
		s, err := b.js.Stream(testContext(t), StreamModels)
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().Config.MaxBytes
	}
	for _, step := range []struct{ set, want int64 }{{0, defaultModelsBytes}, {5 << 20, 5 << 20}, {0, 5 << 20}, {9 << 20, 9 << 20}} {
		if err := connect(t, Options{URL: url, Streams: StreamSettings{ModelsBytes: step.set}}).EnsureModels(testContext(t)); err != nil {
			t.Fatal(err)
		}
		if got := size(); got != step.want {
			t.Errorf("%d bytes, want %d", got, step.want)
		}
	}
	wantCode(t, connect(t, Options{URL: url, Streams: StreamSettings{ModelsReplicas: 3}}).EnsureModels(testContext(t)), CodeStream)
	s, err := b.js.Stream(testContext(t), StreamModels)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.MaxAge = time.Hour
	if _, err := b.js.UpdateStream(testContext(t), cfg); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.EnsureModels(testContext(t)), CodeIncompatible)
}

// checkModels tries what a role may do with the bucket of models.
func checkModels(t *testing.T, b *Bus, url string, role Role, password string) {
	t.Helper()
	if role == RoleService {
		if err := b.EnsureModels(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	s := signIn(t, url, role, password)
	if role == RoleDetector {
		s.mayNot(t, "a detector opens the bucket of models", func() error { _, err := s.js.ObjectStore(testContext(t), BucketModels); return err })
		s.mayNot(t, "a detector writes to the bucket of models", func() error { return s.js.Conn().Publish("$O.MODELS.C.x", []byte("x")) })
		return
	}
	o, err := b.Models(testContext(t))
	if err != nil {
		t.Fatalf("%s: %v", role, err)
	}
	content := []byte(strings.Repeat("by "+string(role), 100_000)) // several pieces
	name := add(t, o, "files/a", content)
	if got, err := o.Read(testContext(t), name, int64(len(content))); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%s reads %d bytes, %v", role, len(got), err)
	}
	if len(list(t, o)) != 1 {
		t.Errorf("%s lists %+v", role, list(t, o))
	}
	if err := o.Remove(testContext(t), name); err != nil {
		t.Errorf("%s: %v", role, err)
	}
	if role == RoleOperator {
		s.mayNot(t, "an operator deletes the bucket of models", func() error { return s.js.DeleteObjectStore(testContext(t), BucketModels) })
		s.mayNot(t, "an operator listens to the bucket of models", func() error { _, err := s.js.Conn().SubscribeSync("$O.MODELS.>"); return err })
	}
	select {
	case err := <-s.refused:
		t.Errorf("%s: %v", role, err)
	default:
	}
}
