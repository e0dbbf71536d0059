package detector

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/models"
)

// savable is a detector that has a file.
type savable interface {
	Detector
	Save(path string) error
	Encode() ([]byte, error)
	Calibration() Calibration
}

// saved writes a detector and reads it back: it must be the same, and the file
// what Encode gives.
func saved[D savable](t *testing.T, d D, load func(string) (D, error)) D {
	t.Helper()
	path := filepath.Join(t.TempDir(), "d.safetensors")
	if err := d.Save(path); err != nil {
		t.Fatal(err)
	}
	again, err := load(path)
	if err != nil {
		t.Fatal(err)
	}
	if again.Digest() != d.Digest() || cmp.Diff(again.Calibration(), d.Calibration()) != "" {
		t.Error("saving and loading changed the detector")
	}
	if !bytes.Equal(encoded(t, again), encoded(t, d)) {
		t.Error("the file differs from what Encode gives")
	}
	return again
}

// changed writes a file anew with another header.
func changed(t *testing.T, file []byte) func(change func(*models.Header)) []byte {
	return func(change func(*models.Header)) []byte {
		t.Helper()
		h, ps, err := models.Decode(file)
		if err != nil {
			t.Fatal(err)
		}
		change(&h)
		out, err := models.Encode(h, ps)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// brokenFile is what a file is refused with.
type brokenFile struct {
	b    []byte
	says string
}

// refused decodes files that are broken in the ways of every detector's, and in
// others.
func refused[D any](t *testing.T, file []byte, decode func([]byte) (D, error), others map[string]brokenFile) {
	t.Helper()
	encode := changed(t, file)
	cases := map[string]brokenFile{
		"cut":                 {file[:len(file)/2], "not a usable checkpoint"},
		"altered":             {append(bytes.Clone(file[:len(file)-1]), file[len(file)-1]^1), "digest"},
		"other preprocessing": {encode(func(h *models.Header) { h.Preprocessing = "v0" }), "prepare patches differently"},
		"no calibration":      {encode(func(h *models.Header) { h.Detector = nil }), "no calibration"},
	}
	for name, c := range others {
		cases[name] = c
	}
	for name, c := range cases {
		if _, err := decode(c.b); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.says)
		}
	}
}
