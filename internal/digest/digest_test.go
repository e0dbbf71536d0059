package digest

import (
	"crypto/sha256"
	"math"
	"testing"
)

func TestOf(t *testing.T) {
	// FIPS 180-2, appendix B.1.
	const want = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got := Of([]byte("abc")); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	h := sha256.New()
	h.Write([]byte("abc"))
	if got := Sum(h); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestFramed(t *testing.T) {
	of := func(add func(Framed)) string {
		f := New()
		add(f)
		return f.Digest()
	}
	text := func(parts ...string) string { return of(func(f Framed) { f.Text(parts...) }) }
	if text("a/b", "c") == text("a", "b/c") || text("a", "") == text("", "a") || text() == text("") {
		t.Error("two lists of values read the same")
	}
	// Eight bytes of length, then the bytes.
	if got, want := text("ab"), Of([]byte("\x00\x00\x00\x00\x00\x00\x00\x02ab")); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	number := func(x float64) string { return of(func(f Framed) { f.Number(x) }) }
	if number(0) != number(math.Copysign(0, -1)) || number(1) == number(-1) {
		t.Error("signs of numbers")
	}
	f := New()
	f.Text("a")
	if short := f.Hex(8); Prefix+f.Hex(32) != f.Digest() || len(short) != 16 || f.Hex(32)[:16] != short {
		t.Errorf("%s is not the start of %s", short, f.Digest())
	}
}

func TestTexts(t *testing.T) {
	if Texts("a/b", "c") == Texts("a", "b/c") || Texts("") == Texts() {
		t.Error("two lists have one digest")
	}
	const known = "b9d97d139567da27b9c14473743ddc53f0155bdf530c3babb5740e21c00d1e7e" // sha256sum of 5:local
	if got := Texts("local"); got != known {
		t.Errorf("the digest of a text is %s, want %s: ids that are kept depend on it", got, known)
	}
}
