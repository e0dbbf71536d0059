package review

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPassword(t *testing.T) {
	hash, err := HashPassword("correct horse battery")
	must(t, err)
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=65536,t=3,p=2$") {
		t.Error(hash)
	}
	for password, want := range map[string]bool{"correct horse battery": true, "correct horse batterz": false, "": false} {
		if ok, err := verifyPassword(hash, password); ok != want || err != nil {
			t.Errorf("%q: %v %v", password, ok, err)
		}
	}
	// The test vector of another implementation (argon2-cffi, low-level API).
	const known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, err := verifyPassword(known, "password"); !ok || err != nil {
		t.Error("a known hash is not verified:", err)
	}
	for _, bad := range []string{
		"", "password", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=99999999,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AA", "$argon2id$v=19$m=64,t=1,p=1$!$CTFhFdXPJO1aFaMaO6Mm5c8",
	} {
		if _, err := verifyPassword(bad, "x"); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	for password, good := range map[string]bool{"short": false, "long enough it is": true, strings.Repeat("x", 257): false, "\xff23456789012345": false, "twelve chars": true} {
		if err := CheckPassword(password); (err == nil) != good {
			t.Errorf("%q: %v", password, err)
		}
	}
}

func TestUsersFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "users.json")
	if users, err := LoadUsers(path); err != nil || users != nil {
		t.Error(users, err)
	}
	f := &userFile{path: path}
	if _, there, err := f.find("ann"); there || err != nil {
		t.Error("found in a file that is not there", err)
	}
	hash := cheapHash("x")
	must(t, SaveUsers(path, []User{{Name: "Ann", Role: RoleView, Hash: hash, Created: time.Unix(1, 0).UTC()}}))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if u, there, err := f.find("aNN"); !there || err != nil || u.Name != "Ann" {
		t.Error(u, err)
	}
	must(t, SaveUsers(path, []User{{Name: "Ann", Role: RoleAdmin, Hash: hash}, {Name: "bob", Role: RoleView, Hash: hash}}))
	if u, _, err := f.find("Ann"); err != nil || u.Role != RoleAdmin {
		t.Error("the change is not seen", u, err)
	}
	must(t, os.WriteFile(path, []byte("{"), 0o600))
	if _, _, err := f.find("Ann"); err == nil {
		t.Error("somebody is let in on a damaged file")
	}
	for _, text := range []string{
		"", "[]x", `{"users":[{"name":"a b","role":"view","hash":"` + hash + `"}]}`, `{"users":[{"name":"ann","role":"root","hash":"` + hash + `"}]}`,
		`{"users":[{"name":"ann","role":"view","hash":"x"}]}`, `{"users":[{"name":"ann","role":"view","hash":"` + hash + `"},{"name":"ANN","role":"view","hash":"` + hash + `"}]}`,
	} {
		if _, err := DecodeUsers(strings.NewReader(text)); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
	if _, err := DecodeUsers(bytes.NewReader(make([]byte, maxUsersBytes+1))); err == nil {
		t.Error("a huge file was taken")
	}
}

func TestRoles(t *testing.T) {
	for _, tt := range []struct {
		have, need Role
		want       bool
	}{{RoleView, RoleView, true}, {RoleView, RoleReview, false}, {RoleReview, RoleView, true}, {RoleAdmin, RoleReview, true}, {"", RoleView, false}, {"root", RoleView, false}} {
		if got := tt.have.Allows(tt.need); got != tt.want {
			t.Errorf("%q for %q: %v", tt.have, tt.need, got)
		}
	}
}

func TestThrottle(t *testing.T) {
	var th throttle
	now := time.Unix(0, 0)
	for i := range freeAttempts {
		if w := th.wait(now, "ann", "10.0.0.1"); w != 0 {
			t.Fatalf("attempt %d waits %s", i+1, w)
		}
	}
	last := time.Duration(0)
	for range 4 { // each wait is longer
		w := th.wait(now, "ANN", "10.0.0.2")
		if w <= last {
			t.Fatalf("%s after %s", w, last)
		}
		last, now = w, now.Add(w)
		if again := th.wait(now, "ann", "10.0.0.3"); again != 0 {
			t.Fatalf("%s when the wait is over", again)
		}
	}
	th.succeed("ann", "10.0.0.3")
	if w := th.wait(now, "ann", "10.0.0.4"); w != 0 {
		t.Error(w)
	}
	for i := range addressFactor * freeAttempts { // many names from one address
		th.wait(now, strings.Repeat("x", i+1), "10.9.9.9")
	}
	if w := th.wait(now, "somebody", "10.9.9.9"); w == 0 {
		t.Error("an address is never held back")
	}
	if w := th.wait(now.Add(2*forgetAfter), "somebody", "10.9.9.9"); w != 0 {
		t.Error(w)
	}
	for i := range maxThrottled + 10 {
		th.wait(now, "n"+itoa(int64(i)), "a"+itoa(int64(i)))
	}
	if len(th.bad) > maxThrottled+2 {
		t.Errorf("%d entries are kept", len(th.bad))
	}
}

func FuzzDecodeUsers(f *testing.F) {
	f.Add(`{"users":[{"name":"ann","role":"view","hash":"` + cheapHash("x") + `"}]}`)
	f.Add(`{"users":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		users, err := DecodeUsers(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, u := range users {
			if err := CheckUser(u); err != nil {
				t.Error(err)
			}
		}
	})
}

func FuzzParseHash(f *testing.F) {
	f.Add(cheapHash("x"))
	f.Add("$argon2id$v=19$m=8,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, text string) {
		if h, err := parseHash(text); err == nil && (h.memory > maxHashMemory || h.time > maxHashTime || h.threads == 0) {
			t.Errorf("%+v", h)
		}
	})
}

func FuzzParseQuery(f *testing.F) {
	f.Add("state=scored,done&sort=time&limit=3&flagged=true")
	f.Add("min_probability=1e309&offset=-0")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		q, err := parseQuery(v)
		if err == nil && (q.limit < 1 || q.limit > maxRows || q.offset < 0 || q.minProbability < 0 || q.minProbability > 1) {
			t.Errorf("%+v", q)
		}
	})
}

func FuzzNewDecision(f *testing.F) {
	f.Add("reject", "other", "=1", 0)
	f.Fuzz(func(t *testing.T, decision, reason, comment string, base int) {
		n := NewDecision{decision, reason, comment, base}
		if n.check() == nil && (len(comment) > 4*maxCommentChars || base < 0 || decision == Reject && reason == "") {
			t.Errorf("%+v", n)
		}
	})
}
