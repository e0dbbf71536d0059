package codec

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestLossyCode: a code says itself that something was lost, in any number of
// fragments.
func TestLossyCode(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.j*")
	if err != nil || len(paths) < 20 {
		t.Fatalf("%d streams, %v", len(paths), err)
	}
	for _, path := range paths {
		name := filepath.Base(path)
		code := testStream(t, name)
		syntax, want := JPEG2000Lossy, strings.Contains(name, "97") || strings.Contains(name, "near")
		switch {
		case strings.HasSuffix(name, ".jpg"):
			continue
		case strings.HasSuffix(name, ".jls"):
			syntax = JPEGLSNear
		}
		p := Pixels{Found: true, Encapsulated: true, syntax: SyntaxOf(syntax)}
		for kind, fragments := range map[string][][]byte{"one": {code}, "several": {code[:3], {}, code[3:30], code[30:]}} {
			if got := p.Lossy(bytes.NewReader(encapsulated(nil, fragments...))); got != want {
				t.Errorf("%s in %s: lossy %v, want %v", name, kind, got, want)
			}
		}
		for n := range 100 { // what is cut short says nothing wrong
			if p.Lossy(bytes.NewReader(encapsulated(nil, code[:n]))) && !want {
				t.Errorf("%s, %d bytes: lossy", name, n)
			}
		}
		p.syntax = SyntaxOf(RLE)
		if p.Lossy(bytes.NewReader(encapsulated(nil, code))) {
			t.Errorf("%s: lossy as RLE", name)
		}
	}
}
