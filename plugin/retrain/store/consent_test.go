package store

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// TestConsent: with two persons nothing scores before a second one has approved it;
// promotions, forced ones and rollbacks alike.
func TestConsent(t *testing.T) {
	s, versions := imported(t, 1, 2)
	a := versions[0].Version
	plugintest.Must(t, requireTwo(s))
	var noted []string
	apply := func(c Change) (Changed, coded.Code) {
		changed, _, err := s.Apply(c, func(to Changed, _ Set) error {
			kind := "done"
			switch {
			case to.Withdrawn:
				kind = "withdrawn"
			case to.Waits():
				kind = "asked"
			}
			noted = append(noted, kind+" "+to.To.Version)
			return nil
		})
		return changed, coded.CodeOf(err)
	}
	scores := func(want string) {
		t.Helper()
		if now, err := s.Current(); err != nil || now.Version != want {
			t.Fatalf("%s scores, %v", now.Version, err)
		}
	}
	asked, code := apply(Change{Version: a, By: "Ann", Forced: true, Reason: "a trial"})
	if code != "" || !asked.Waits() || asked.Done() || asked.Request.To.Version != a || asked.Request.Expires.Sub(asked.Request.Asked) != ConsentTime {
		t.Fatalf("%+v, %s", asked, code)
	}
	scores(Shipped)
	if c, err := s.Consent(); err != nil || c.Persons != 2 || c.Request.ID != asked.Request.ID || c.Void != "" {
		t.Errorf("%+v, %v", c, err)
	}
	for _, c := range []struct {
		change Change
		code   coded.Code
	}{
		{Change{Version: versions[1].Version, By: "bob", Forced: true}, CodeConsentPending},
		{Change{Rollback: true, By: "bob"}, CodePromotion},
		{Change{Approve: asked.Request.ID, By: "Ann"}, CodeConsentSame},
		{Change{Approve: asked.Request.ID, By: " ann "}, CodeConsentSame},
		{Change{Approve: "another", By: "bob"}, CodeConsentVoid},
		{Change{Withdraw: "another", By: "bob"}, CodeConsentVoid},
		{Change{Approve: asked.Request.ID, By: " "}, CodePromotion},
	} {
		if _, code := apply(c.change); code != c.code {
			t.Errorf("%+v: %s, want %s", c.change, code, c.code)
		}
	}
	scores(Shipped)
	// It is kept across a start.
	s = Open(strings.TrimSuffix(s.dir, "/models"))
	done, code := apply(Change{Approve: asked.Request.ID, By: "bob"})
	if code != "" || !done.Done() || done.Waits() || done.To.By != "Ann" || done.To.Approved != "bob" || !done.To.Forced || done.To.Reason != "a trial" {
		t.Errorf("%+v, %s", done, code)
	}
	scores(a)
	history, err := s.History()
	if err != nil || len(history) != 1 || history[0].Approved != "bob" {
		t.Errorf("%+v, %v", history, err)
	}
	if _, code := apply(Change{Approve: asked.Request.ID, By: "carl"}); code != CodeConsentVoid {
		t.Errorf("twice: %s", code)
	}
	back, code := apply(Change{Rollback: true, By: "bob"})
	if code != "" || !back.Waits() || back.Request.To.Version != Shipped {
		t.Fatalf("%+v, %s", back, code)
	}
	if dropped, code := apply(Change{Withdraw: back.Request.ID, By: "bob"}); code != "" || !dropped.Withdrawn || dropped.Done() {
		t.Errorf("%+v, %s", dropped, code)
	}
	back, _ = apply(Change{Rollback: true, By: "bob"})
	scores(a)
	if done, code := apply(Change{Approve: back.Request.ID, By: "Ann"}); code != "" || !done.Rollback(Change{}) || done.To.Version != Shipped {
		t.Errorf("%+v, %s", done, code)
	}
	scores(Shipped)
	want := []string{"asked " + a, "done " + a, "asked shipped", "withdrawn " + a, "asked shipped", "done shipped"}
	if strings.Join(noted, ", ") != strings.Join(want, ", ") {
		t.Errorf("noted %q", noted)
	}
}

func requireTwo(s *Store) error {
	_, err := s.RequireConsent(context.Background(), 2, func() error { return nil })
	return err
}

// TestConsentVoid: what is approved is what was asked for, or nothing.
func TestConsentVoid(t *testing.T) {
	shippedSet, err := ShippedDigest()
	plugintest.Must(t, err)
	compared := func(s *Store, m Manifest, note string) error {
		return s.KeepComparison(fmt.Appendf(nil, `{"candidate":{"set":%q},"incumbent":{"set":%q},"allowed":true,"note":%q}`, m.Set, shippedSet, note))
	}
	first, versions := imported(t, 1, 2)
	for name, change := range map[string]func(s *Store, versions []Manifest) error{
		"nothing": nil,
		"it is too old": func(s *Store, _ []Manifest) error {
			s.now = func() time.Time { return time.Now().Add(ConsentTime + time.Minute) }
			return nil
		},
		"compared again": func(s *Store, v []Manifest) error { return compared(s, v[0], "again") },
		"refused since": func(s *Store, v []Manifest) error {
			return s.KeepComparison(fmt.Appendf(nil, `{"candidate":{"set":%q},"incumbent":{"set":%q},"allowed":false}`, v[0].Set, shippedSet))
		},
		"others score now": func(s *Store, v []Manifest) error { return promoteBehind(s, v[1]) },
		"another candidate": func(s *Store, v []Manifest) error {
			key, err := readKey(s.keyFile())
			if err != nil {
				return err
			}
			other := v[1] // whole and signed, in the place of what was asked for
			other.Version = v[0].Version
			text, err := seal(key, forManifest, other)
			if err != nil {
				return err
			}
			return writeFile(s.versionFile(v[0].Version), text)
		},
		"the version is gone": func(s *Store, v []Manifest) error { return os.Remove(s.versionFile(v[0].Version)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := Open(t.TempDir())
			plugintest.Must(t, os.CopyFS(s.dir, os.DirFS(first.dir)))
			plugintest.Must(t, os.Chmod(s.keyFile(), 0o600))
			plugintest.Must(t, requireTwo(s))
			plugintest.Must(t, compared(s, versions[0], "first"))
			asked, _, err := s.Apply(Change{Version: versions[0].Version, By: "ann"}, note)
			plugintest.Must(t, err)
			want := Shipped
			if change != nil {
				plugintest.Must(t, change(s, versions))
				now, err := s.Current()
				plugintest.Must(t, err)
				want = now.Version
			}
			_, _, err = s.Apply(Change{Approve: asked.Request.ID, By: "bob"}, note)
			if change == nil {
				plugintest.Must(t, err)
				want = versions[0].Version
			} else {
				plugintest.WantCode(t, err, CodeConsentVoid)
				c, err := s.Consent()
				if err != nil || c.Void == "" {
					t.Errorf("%+v, %v", c, err)
				}
				// It does not stand in the way of another one.
				if _, _, err := s.Apply(Change{Version: versions[1].Version, By: "bob", Forced: true}, note); err != nil && want != versions[1].Version {
					t.Error(err)
				}
			}
			if now, err := s.Current(); err != nil || now.Version != want {
				t.Errorf("%s scores, %v", now.Version, err)
			}
		})
	}
}

// promoteBehind has a version score as a service with other settings would.
func promoteBehind(s *Store, m Manifest) error {
	c, err := s.readConsent()
	if err != nil {
		return err
	}
	c.Persons = 1
	request := c.Request
	c.Request = nil
	if err := s.writeConsent(c); err != nil {
		return err
	}
	if _, _, err := s.Apply(Change{Version: m.Version, By: "carl", Forced: true}, note); err != nil {
		return err
	}
	c.Persons, c.Request = 2, request
	return s.writeConsent(c)
}

// TestConsentAltered: a file that the site's key has not signed lets nobody promote alone.
func TestConsentAltered(t *testing.T) {
	s, versions := imported(t, 1)
	plugintest.Must(t, requireTwo(s))
	text, err := os.ReadFile(s.consentFile())
	plugintest.Must(t, err)
	plugintest.Must(t, os.WriteFile(s.consentFile(), []byte(strings.Replace(string(text), `"persons":2`, `"persons":1`, 1)), 0o600))
	_, _, err = s.Apply(Change{Version: versions[0].Version, By: "ann", Forced: true}, note)
	plugintest.WantCode(t, err, CodeDamaged)
	plugintest.Must(t, os.WriteFile(s.consentFile(), text, 0o600))
	// One person is enough again, and what waits is dropped; what cannot be noted is not done.
	_, _, err = s.Apply(Change{Version: versions[0].Version, By: "ann", Forced: true}, note)
	plugintest.Must(t, err)
	_, err = s.RequireConsent(t.Context(), 1, func() error { return coded.New("audit_failed", "", "", nil) })
	plugintest.WantCode(t, err, "audit_failed")
	for _, want := range []bool{true, false} {
		if changed, err := s.RequireConsent(t.Context(), 1, func() error { return nil }); err != nil || changed != want {
			t.Errorf("%t, %v", changed, err)
		}
	}
	if c, err := s.Consent(); err != nil || c.Persons != 1 || c.Request != nil {
		t.Errorf("%+v, %v", c, err)
	}
	_, _, err = s.Apply(Change{Version: versions[0].Version, By: "ann", Forced: true}, note)
	plugintest.Must(t, err)
}
