package accounts

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"

	"github.com/nodulescope/nodulescope/internal/checktest"
)

func TestPassword(t *testing.T) {
	hash, err := HashPassword("correct horse battery")
	checktest.Must(t, err)
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=65536,t=3,p=2$") {
		t.Error(hash)
	}
	for password, want := range map[string]bool{"correct horse battery": true, "correct horse batterz": false, "": false} {
		if ok, err := VerifyPassword(hash, password); ok != want || err != nil {
			t.Errorf("%q: %v %v", password, ok, err)
		}
	}
	// The test vector of another implementation (argon2-cffi, low-level API).
	const known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, err := VerifyPassword(known, "password"); !ok || err != nil {
		t.Error("a known hash is not verified:", err)
	}
	for _, bad := range []string{
		"", "password", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=99999999,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AA", "$argon2id$v=19$m=64,t=1,p=1$!$CTFhFdXPJO1aFaMaO6Mm5c8",
	} {
		if _, err := VerifyPassword(bad, "x"); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	for password, good := range map[string]bool{"short": false, "long enough it is": true, strings.Repeat("x", 257): false, "\xff23456789012345": false, "twelve chars": true} {
		if err := CheckPassword(password); (err == nil) != good {
			t.Errorf("%q: %v", password, err)
		}
	}
}

// A file that was written before hashing was the library's still lets people in.
func TestEarlierFile(t *testing.T) {
	users, err := Load(filepath.Join("testdata", "users.json"))
	checktest.Must(t, err)
	for name, password := range map[string]string{"ann": "correct horse battery staple", "vera": "a sentence that vera remembers"} {
		i := Find(users, name)
		if i < 0 {
			t.Fatalf("no %s in %+v", name, users)
		}
		if ok, err := VerifyPassword(users[i].Hash, password); !ok || err != nil {
			t.Errorf("%s: %v %v", name, ok, err)
		}
		if ok, _ := VerifyPassword(users[i].Hash, password+"."); ok {
			t.Errorf("%s gets in with another password", name)
		}
	}
}

// cheapHash is quick to make and to compare.
func cheapHash(t testing.TB, password string) string {
	t.Helper()
	hash, err := argon2id.CreateHash(password, &argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	checktest.Must(t, err)
	return hash
}

func FuzzCheckHash(f *testing.F) {
	f.Add(cheapHash(f, "x"))
	f.Add("$argon2id$v=19$m=8,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, text string) {
		if checkHash(text) != nil {
			return
		}
		p, _, _, err := argon2id.DecodeHash(text)
		if err != nil || p.Memory > maxHashMemory || p.Iterations > maxHashTime || p.Parallelism == 0 {
			t.Errorf("%+v %v", p, err)
		}
	})
}

// TestDecoy: comparing with it costs what comparing with a real hash does, and
// no password has it.
func TestDecoy(t *testing.T) {
	hash, err := HashPassword("correct horse battery")
	checktest.Must(t, err)
	real, _, key, err := argon2id.DecodeHash(hash)
	checktest.Must(t, err)
	decoy := Decoy()
	p, _, decoyKey, err := argon2id.DecodeHash(decoy)
	if err != nil || *p != *real || len(decoyKey) != len(key) || decoy == Decoy() {
		t.Errorf("%s, %v", decoy, err)
	}
	if ok, err := VerifyPassword(decoy, "correct horse battery"); ok || err != nil {
		t.Error(ok, err)
	}
}
