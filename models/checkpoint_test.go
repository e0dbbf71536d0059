package models

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func small(t testing.TB) (Header, Params) {
	t.Helper()
	v := VAE{Dims: 2, Latent: 2}
	return Header{Kind: "vae", Dims: 2, Latent: 2, Preprocessing: "p1", DataDigest: "sha256:0", Seed: 7, Metrics: map[string]float64{"a": 1.5}},
		v.NewParams(rand.New(rand.NewPCG(1, 1)))
}

func TestCheckpointRoundTrip(t *testing.T) {
	h, ps := small(t)
	path := filepath.Join(t.TempDir(), "m.safetensors")
	for range 2 { // the second replaces the first
		if err := Save(path, h, ps); err != nil {
			t.Fatal(err)
		}
	}
	got, gotPS, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	h.Format, h.Digest = 1, ps.Digest()
	if d := cmp.Diff(h, got); d != "" {
		t.Errorf("header (-saved +loaded):\n%s", d)
	}
	if d := cmp.Diff(ps, gotPS); d != "" {
		t.Errorf("weights (-saved +loaded):\n%s", d)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("%d files in the folder, want the checkpoint alone", len(files))
	}
}

func TestCheckpointIsReproducible(t *testing.T) {
	h, ps := small(t)
	a, err := Encode(h, ps)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		b, err := Encode(h, ps)
		if err != nil {
			t.Fatal(err)
		}
		if string(a) != string(b) {
			t.Fatal("the same model was encoded to other bytes: its digest would change")
		}
	}
}

func TestBadCheckpoints(t *testing.T) {
	h, ps := small(t)
	good, err := Encode(h, ps)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(f func(b []byte) []byte) []byte { return f(append([]byte(nil), good...)) }
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"empty":            {nil, ErrCheckpoint},
		"cut in header":    {good[:100], ErrCheckpoint},
		"cut in weights":   {good[:len(good)-1], ErrCheckpoint},
		"longer":           {edit(func(b []byte) []byte { return append(b, 0) }), ErrCheckpoint},
		"a weight differs": {edit(func(b []byte) []byte { b[len(b)-2] ^= 0x40; return b }), ErrDigest},
		"header too long":  {edit(func(b []byte) []byte { binary.LittleEndian.PutUint64(b, 1<<62); return b }), ErrCheckpoint},
		"not safetensors":  {[]byte("PK\x03\x04 something else altogether"), ErrCheckpoint},
	} {
		if _, _, err := Decode(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, _, err := Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	h, ps := small(f)
	good, err := Encode(h, ps[:2])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:200])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, ps, err := Decode(b); err == nil && ps.Digest() != h.Digest {
			t.Error("a checkpoint with a wrong digest was accepted")
		}
	})
}
