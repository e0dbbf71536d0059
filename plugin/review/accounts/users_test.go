package accounts

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/internal/checktest"
)

func TestUsersFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "users.json")
	if users, err := Load(path); err != nil || users != nil {
		t.Error(users, err)
	}
	f := &File{Path: path}
	if _, there, err := f.Find("ann"); there || err != nil {
		t.Error("found in a file that is not there", err)
	}
	hash := cheapHash(t, "x")
	checktest.Must(t, Save(path, []User{{Name: "Ann", Role: RoleView, Hash: hash, Created: time.Unix(1, 0).UTC()}}))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if u, there, err := f.Find("aNN"); !there || err != nil || u.Name != "Ann" {
		t.Error(u, err)
	}
	checktest.Must(t, Save(path, []User{{Name: "Ann", Role: RoleAdmin, Hash: hash}, {Name: "bob", Role: RoleView, Hash: hash}}))
	if u, _, err := f.Find("Ann"); err != nil || u.Role != RoleAdmin {
		t.Error("the change is not seen", u, err)
	}
	checktest.Must(t, os.WriteFile(path, []byte("{"), 0o600))
	if _, _, err := f.Find("Ann"); err == nil {
		t.Error("somebody is let in on a damaged file")
	}
	for _, text := range []string{
		"", "[]x", `{"users":[{"name":"a b","role":"view","hash":"` + hash + `"}]}`, `{"users":[{"name":"ann","role":"root","hash":"` + hash + `"}]}`,
		`{"users":[{"name":"ann","role":"view","hash":"x"}]}`, `{"users":[{"name":"ann","role":"view","hash":"` + hash + `"},{"name":"ANN","role":"view","hash":"` + hash + `"}]}`,
	} {
		if _, err := Decode(strings.NewReader(text)); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
	if _, err := Decode(bytes.NewReader(make([]byte, maxUsersBytes+1))); err == nil {
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

func FuzzDecode(f *testing.F) {
	f.Add(`{"users":[{"name":"ann","role":"view","hash":"` + cheapHash(f, "x") + `"}]}`)
	f.Add(`{"users":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		users, err := Decode(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, u := range users {
			if err := Check(u); err != nil {
				t.Error(err)
			}
		}
	})
}
