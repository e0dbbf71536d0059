package detector

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nodulescope/nodulescope/detector/weights"
)

type encoder interface{ Encode() ([]byte, error) }

func encoded(t *testing.T, d encoder) []byte {
	t.Helper()
	b, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPretrained(t *testing.T) {
	v, err := Pretrained()
	if err != nil {
		t.Fatal(err)
	}
	all, err := PretrainedAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 || all[0].Digest() != v.Digest() {
		t.Errorf("%d detectors, of which the first is not VAE-AD", len(all))
	}
	const digest = "sha256:5b40283ebdbbc0c6d34c22cc5da44bd43a87e0b00b9a1d3b821812a3285afd81"
	if c := v.Calibration(); v.Digest() == digest { // the first that shipped says no diameters
		if low, high := c.DiameterRange(); low != 3 || high != 13 {
			t.Errorf("diameters of %g to %g mm", low, high)
		}
	}
}

// TestSecondDetectorIsFound: a file with weights is all that it takes.
func TestSecondDetectorIsFound(t *testing.T) {
	v, g := encoded(t, untrained(t)), encoded(t, untrainedGAN(t, shortSearch))
	for name, c := range map[string]struct {
		files map[string][]byte
		names string // of the detectors
		says  string
	}{
		"both":          {map[string][]byte{"vae-ad": v, "gan-ad": g}, "vae-ad gan-ad", ""},
		"the first":     {map[string][]byte{"vae-ad": v}, "vae-ad", ""},
		"the second":    {map[string][]byte{"gan-ad": g}, "gan-ad", ""},
		"none":          {nil, "", "without weights"},
		"wrong name":    {map[string][]byte{"vae-ad": g}, "", "those of gan-ad"},
		"damaged":       {map[string][]byte{"vae-ad": v, "gan-ad": g[:len(g)/2]}, "", "weights of gan-ad"},
		"another thing": {map[string][]byte{"README": g}, "", "without weights"},
	} {
		files := fstest.MapFS{}
		for file, b := range c.files {
			files[weights.Name(file)] = &fstest.MapFile{Data: b}
		}
		ds, err := decodeAll(files)
		var names []string
		for _, d := range ds {
			names = append(names, d.Name())
		}
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: error %v, want %q", name, err, c.says)
		}
		if got := strings.Join(names, " "); got != c.names {
			t.Errorf("%s: detectors %q, want %q", name, got, c.names)
		}
	}
}

func TestLoadReadsEitherKind(t *testing.T) {
	dir := t.TempDir()
	for name, d := range map[string]encoder{VAEName: untrained(t), GANName: untrainedGAN(t, shortSearch)} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, encoded(t, d), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Load(path); err != nil || got.Name() != name {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := LoadVAEAD(filepath.Join(dir, GANName)); err == nil || !strings.Contains(err.Error(), "no VAE") {
		t.Errorf("a GAN as a VAE: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "missing")); !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("missing: %v", err)
	}
	large := filepath.Join(dir, "large")
	f, err := os.Create(large)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(maxDetectorBytes + 1); err != nil { // a file with a hole: it takes no room
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(large); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("large: %v", err)
	}
}

// unwrapAll is the innermost error of a chain.
func unwrapAll(err error) error {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		err = inner.Unwrap()
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("not a model"))
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := Decode(b); err == nil && (d.Name() == "" || d.Digest() == "") {
			t.Error("a detector without name or digest was accepted")
		}
	})
}
