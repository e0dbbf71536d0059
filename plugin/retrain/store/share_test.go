package store

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// bucket is one of a real broker.
func bucket(t *testing.T, bytes int64) *bus.Objects {
	t.Helper()
	server, err := bus.Start(t.Context(), bus.ServerOptions{StoreDir: t.TempDir(), DontListen: true})
	plugintest.Must(t, err)
	t.Cleanup(func() { plugintest.Must(t, server.Shutdown(plugintest.Context(t))) })
	b, err := bus.Connect(t.Context(), bus.Options{Server: server, Streams: bus.StreamSettings{ModelsBytes: bytes}})
	plugintest.Must(t, err)
	t.Cleanup(b.Close)
	plugintest.Must(t, b.EnsureModels(t.Context()))
	o, err := b.Models(t.Context())
	plugintest.Must(t, err)
	return o
}

func objects(t *testing.T, in Shared) []bus.Object {
	t.Helper()
	list, err := in.List(t.Context())
	plugintest.Must(t, err)
	return list
}

// older makes what is shared look as if it were of yesterday.
type older struct{ Shared }

func (o older) List(ctx context.Context) ([]bus.Object, error) {
	list, err := o.Shared.List(ctx)
	for i := range list {
		list[i].Added = list[i].Added.Add(-24 * time.Hour)
	}
	return list, err
}

// TestShare: another workstation takes in what one has pushed where it trusts its key,
// and nothing otherwise. Pushed twice it is there once; files that versions share, too.
func TestShare(t *testing.T) {
	s, versions := imported(t, 1, 2)
	in := bucket(t, 0)
	key, err := s.Key()
	plugintest.Must(t, err)
	for i, m := range versions {
		for _, want := range []bool{false, true} {
			if got, known, err := s.Push(t.Context(), in, m.Version[9:]); err != nil || got.Version != m.Version || known != want {
				t.Fatalf("version %d: %s, %t, %v", i, got.Version, known, err)
			}
		}
	}
	_, _, err = s.Push(t.Context(), in, Shipped)
	plugintest.WantCode(t, err, CodeUnknown)
	files := map[string]bool{}
	for _, m := range versions {
		for _, f := range m.Candidate.Files {
			files[f.SHA256] = true
		}
	}
	if n := len(objects(t, in)); n != len(files)+2 {
		t.Errorf("%d objects of %d files and 2 versions", n, len(files))
	}

	other := Open(t.TempDir())
	_, _, err = other.Pull(t.Context(), in, versions[0].Version)
	plugintest.WantCode(t, err, CodeUntrusted)
	if list, err := other.List(); err != nil || len(list) > 0 {
		t.Errorf("%d versions, %v", len(list), err)
	}
	_, _, err = other.Pull(t.Context(), in, "2026", key)
	plugintest.WantCode(t, err, CodeUnknown) // of two
	for _, m := range versions {
		got, known, err := other.Pull(t.Context(), in, m.Version[9:], key)
		if err != nil || known || got.Version != m.Version || got.Set != m.Set || got.Signer != key {
			t.Fatalf("%+v, %t, %v", got, known, err)
		}
		set, err := other.Load(m.Version)
		plugintest.Must(t, err)
		if set.Digest != m.Set {
			t.Errorf("%s was loaded", set.Digest)
		}
		if _, known, err := other.Pull(t.Context(), in, m.Version, key); err != nil || !known {
			t.Errorf("again: %t, %v", known, err)
		}
	}
	// Both have it, and each has signed it.
	_, known, err := other.Push(t.Context(), in, versions[0].Version)
	if err != nil || known || len(objects(t, in)) != len(files)+3 {
		t.Errorf("%t, %d objects, %v", known, len(objects(t, in)), err)
	}
	list, err := s.ListShared(t.Context(), in)
	plugintest.Must(t, err)
	trusted := slices.DeleteFunc(slices.Clone(list), func(v SharedVersion) bool { return !v.Trusted })
	if len(list) != 3 || len(trusted) != 2 || !list[0].Here || !list[0].Whole || list[0].Kind != "retrain" || list[0].Set != versions[0].Set && list[0].Set != versions[1].Set {
		t.Errorf("%+v", list)
	}
	if _, known, err := s.Pull(t.Context(), in, versions[0].Version); err != nil || !known { // by its own signature, whichever is newer
		t.Errorf("%t, %v", known, err)
	}
}

// TestShareDamaged: what is half pushed or altered is refused and leaves no version;
// another push mends it.
func TestShareDamaged(t *testing.T) {
	s, versions := imported(t, 1)
	m := versions[0]
	key, err := s.Key()
	plugintest.Must(t, err)
	model := m.Scoring()[0]
	for name, c := range map[string]struct {
		spoil func(in *bus.Objects, o bus.Object) error
		code  coded.Code
	}{
		"a file is missing": {func(in *bus.Objects, o bus.Object) error {
			if o.Under() == sharedFile(model.SHA256) {
				return in.Remove(t.Context(), o.Name)
			}
			return nil
		}, CodeDamaged},
		"a file is another": {func(in *bus.Objects, o bus.Object) error {
			if o.Under() != sharedFile(model.SHA256) {
				return nil
			}
			b, err := in.Read(t.Context(), o.Name, o.Bytes)
			if err == nil {
				b[5000] ^= 1
				_, err = in.Add(t.Context(), o.Under(), b)
			}
			if err == nil {
				err = in.Remove(t.Context(), o.Name)
			}
			return err
		}, CodeDamaged},
		"the manifest is altered": {func(in *bus.Objects, o bus.Object) error {
			if o.Under() != sharedVersions+m.Version {
				return nil
			}
			b, err := in.Read(t.Context(), o.Name, o.Bytes)
			if err == nil {
				_, err = in.Add(t.Context(), o.Under(), []byte(strings.Replace(string(b), `"seed":1`, `"seed":2`, 1)))
			}
			if err == nil {
				err = in.Remove(t.Context(), o.Name)
			}
			return err
		}, CodeDamaged},
		"another version's name": {func(in *bus.Objects, o bus.Object) error {
			if o.Under() != sharedVersions+m.Version {
				return nil
			}
			other, list := imported(t, 2)
			_, _, err := other.Push(t.Context(), in, list[0].Version)
			for _, pushed := range objects(t, in) {
				if err == nil && pushed.Under() == sharedVersions+list[0].Version {
					var text []byte
					if text, err = in.Read(t.Context(), pushed.Name, pushed.Bytes); err == nil {
						_, err = in.Add(t.Context(), o.Under(), text)
					}
				}
			}
			if err == nil {
				err = in.Remove(t.Context(), o.Name)
			}
			return err
		}, CodeUntrusted},
	} {
		t.Run(name, func(t *testing.T) {
			in := bucket(t, 0)
			_, _, err := s.Push(t.Context(), in, m.Version)
			plugintest.Must(t, err)
			for _, o := range objects(t, in) {
				plugintest.Must(t, c.spoil(in, o))
			}
			other := Open(t.TempDir())
			_, _, err = other.Pull(t.Context(), in, m.Version, key)
			plugintest.WantCode(t, err, c.code)
			if list, err := other.List(); err != nil || len(list) > 0 {
				t.Errorf("%d versions, %v", len(list), err)
			}
			if _, known, err := s.Push(t.Context(), in, m.Version); err != nil || known {
				t.Errorf("%t, %v", known, err)
			}
			_, _, err = other.Pull(t.Context(), in, m.Version, key)
			plugintest.Must(t, err)
		})
	}
}

// TestShareNotItself: a manifest that a trusted key has signed, under the name of
// another version, is not taken for that.
func TestShareNotItself(t *testing.T) {
	s, versions := imported(t, 1, 2)
	key, err := s.Key()
	plugintest.Must(t, err)
	in := bucket(t, 0)
	_, _, err = s.Push(t.Context(), in, versions[0].Version)
	plugintest.Must(t, err)
	for _, o := range objects(t, in) {
		if o.Under() == sharedVersions+versions[0].Version {
			text, err := in.Read(t.Context(), o.Name, o.Bytes)
			plugintest.Must(t, err)
			_, err = in.Add(t.Context(), sharedVersions+versions[1].Version, text)
			plugintest.Must(t, err)
		}
	}
	other := Open(t.TempDir())
	_, _, err = other.Pull(t.Context(), in, versions[1].Version, key)
	plugintest.WantCode(t, err, CodeDamaged)
	if list, err := other.List(); err != nil || len(list) > 0 {
		t.Errorf("%d versions, %v", len(list), err)
	}
}

// TestShareFull: a bucket without room for a version keeps all that it has.
func TestShareFull(t *testing.T) {
	s, versions := imported(t, 1, 2)
	size := func(m Manifest) (n int64) {
		for _, f := range m.Candidate.Files {
			n += f.Bytes
		}
		return n
	}
	in := bucket(t, size(versions[0])+(1<<20))
	_, _, err := s.Push(t.Context(), in, versions[0].Version)
	plugintest.Must(t, err)
	_, _, err = s.Push(t.Context(), in, versions[1].Version) // its detector is another one
	plugintest.WantCode(t, err, bus.CodeBucketFull)
	key, err := s.Key()
	plugintest.Must(t, err)
	other := Open(t.TempDir())
	_, _, err = other.Pull(t.Context(), in, versions[1].Version, key)
	plugintest.WantCode(t, err, CodeUnknown)
	_, _, err = other.Pull(t.Context(), in, versions[0].Version, key)
	plugintest.Must(t, err)
	// What the failed push left goes; the version stays.
	c, err := CollectShared(t.Context(), older{in}, 1, false)
	if err != nil || len(c.Versions) > 0 {
		t.Errorf("%+v, %v", c, err)
	}
	_, _, err = Open(t.TempDir()).Pull(t.Context(), in, versions[0].Version, key)
	plugintest.Must(t, err)
}

// TestCollectShared: old versions go with the files that no other has; what may be on
// its way stays.
func TestCollectShared(t *testing.T) {
	s, versions := imported(t, 1, 2)
	names := []string{versions[0].Version, versions[1].Version}
	slices.Sort(names)
	in := bucket(t, 0)
	for _, v := range names {
		_, _, err := s.Push(t.Context(), in, v)
		plugintest.Must(t, err)
	}
	_, err := in.Add(t.Context(), sharedFile(strings.Repeat("0", 64)), []byte("on its way"))
	plugintest.Must(t, err)
	before := len(objects(t, in))
	plan, err := CollectShared(t.Context(), in, 1, true)
	if err != nil || len(plan.Versions) != 1 || plan.Versions[0] != names[0] || plan.Files != 2 || len(objects(t, in)) != before { // its detector and candidate.json
		t.Fatalf("%+v, %v", plan, err)
	}
	done, err := CollectShared(t.Context(), in, 1, false)
	if err != nil || done.Bytes != plan.Bytes || len(objects(t, in)) != before-3 {
		t.Errorf("%+v, %d objects, %v", done, len(objects(t, in)), err)
	}
	key, err := s.Key()
	plugintest.Must(t, err)
	other := Open(t.TempDir())
	_, _, err = other.Pull(t.Context(), in, names[0], key)
	plugintest.WantCode(t, err, CodeUnknown)
	_, _, err = other.Pull(t.Context(), in, names[1], key)
	plugintest.Must(t, err)
	if done, err := CollectShared(t.Context(), older{in}, 1, false); err != nil || done.Files != 1 { // it never came
		t.Errorf("%+v, %v", done, err)
	}
}
