package rungs

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/detector/features"
	"github.com/nodulescope/nodulescope/internal/coded"
)

func TestFile(t *testing.T) {
	r := train(t, nodules(160, 11))
	path := filepath.Join(t.TempDir(), "rungs.json")
	if err := r.Save(path); err != nil {
		t.Fatal(err)
	}
	read, err := Load(path)
	if err != nil || read.Digest() != r.Digest() {
		t.Fatalf("%v, digest %s, want %s", err, read.Digest(), r.Digest())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string][]byte{
		"empty":    nil,
		"other":    []byte("{}"),
		"cut":      b[:len(b)/2],
		"more":     append(bytes.Clone(b), '1'),
		"unknown":  bytes.Replace(b, []byte(`"seed"`), []byte(`"seeds"`), 1),
		"rung":     bytes.Replace(b, []byte(`"normals-only"`), []byte(`"normals"`), 1),
		"feature":  bytes.Replace(b, []byte(`"log_volume"`), []byte(`"volume"`), 1),
		"format":   bytes.Replace(b, []byte(`"format":1`), []byte(`"format":2`), 1),
		"waves":    bytes.ReplaceAll(b, []byte(`"count":256`), []byte(`"count":255`)),
		"width":    bytes.ReplaceAll(b, []byte(`"width":33`), []byte(`"width":32`)),
		"too much": make([]byte, maxBytes+1),
	} {
		if _, err := Decode(wrong); coded.CodeOf(err) != CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is read")
	}
}

// TestPretrained: the rungs in the binary are sound, and call a mass of 60 mm what
// it is.
func TestPretrained(t *testing.T) {
	r, err := Pretrained()
	if err != nil {
		t.Fatal(err)
	}
	v := r.typical()
	v[0] = math.Log(math.Pi / 6 * 60 * 60 * 60)
	answer, err := r.Score(v, 60)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range answer.All {
		if s.Percentile <= 95 || !s.Flagged || s.Code != OutsideRange {
			t.Errorf("%s: percentile %.0f, code %q", s.Row(), s.Percentile, s.Code)
		}
	}
	if answer, err = r.Score(r.typical(), 0); err != nil || answer.Headline.Percentile < 20 || answer.Headline.Percentile > 95 || answer.Headline.Code != "" {
		t.Errorf("a typical normal: %+v, %v", answer.Headline, err)
	}
}

// typical are the mean features of the normals.
func (r *Rungs) typical() (v features.Vector) {
	copy(v[:], r.Rungs[0].Model.Scale.Mean)
	return v
}

func FuzzDecode(f *testing.F) {
	b, err := os.ReadFile("../weights/rungs.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil {
			if coded.CodeOf(err) != CodeInvalid {
				t.Error(err)
			}
			return
		}
		if _, err := r.Encode(); err != nil {
			t.Error(err)
		}
	})
}
