package outline

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/nodule"
)

// untrained is a small network that has learned nothing.
func untrained(seed uint64) *models.TrainedUNet {
	u := models.UNet{Channels: [4]int{2, 2, 2, 2}}
	t := &models.TrainedUNet{UNet: u, Params: u.NewParams(rand.New(rand.NewPCG(seed, 1)), 0.5),
		Header: models.Header{Kind: "unet", Dims: 3, Channels: u.Channels[:], Preprocessing: nodule.WholeVersion}}
	return t
}

func outlinerOf(t *testing.T, net *models.TrainedUNet) *Outliner {
	t.Helper()
	o, err := New(net, compute.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestPretrained(t *testing.T) {
	o, err := Pretrained()
	if errors.Is(err, ErrNoNetwork) {
		t.Skip("this build has no network")
	}
	if err != nil || !strings.HasPrefix(o.Digest(), "sha256:") {
		t.Error(err)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "unet.safetensors")
	if err := untrained(1).Save(path); err != nil {
		t.Fatal(err)
	}
	o, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := outlinerOf(t, untrained(1)).Digest(); o.Digest() != d || d == outlinerOf(t, untrained(2)).Digest() {
		t.Errorf("digest %s of the file, %s of its network", o.Digest(), d)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := untrained(1)
	other.Header.Preprocessing = "another"
	for name, tt := range map[string]struct {
		write func(path string) error
		says  string
	}{
		"missing": {func(string) error { return nil }, "no such file"},
		"cut":     {func(p string) error { return os.WriteFile(p, b[:len(b)/2], 0o600) }, "copy or train it again"},
		"large":   {func(p string) error { return os.WriteFile(p, make([]byte, maxBytes+1), 0o600) }, "larger than 64 MiB"},
		"foreign": {other.Save, "train it again"},
	} {
		p := filepath.Join(t.TempDir(), name)
		if err := tt.write(p); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(p); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
	}
}

// TestOutlinerIsShared: many outline at once, on whatever device they were
// placed on, and get what one alone gets.
func TestOutlinerIsShared(t *testing.T) {
	o := outlinerOf(t, untrained(3))
	cubes := make([]*nodule.Cube, 6)
	want := make([]*Outline, len(cubes))
	for i := range cubes {
		cubes[i], _ = lung(ball(float64(2 + i)))
		var err error
		if want[i], err = o.Outline(cubes[i]); err != nil {
			t.Fatal(err)
		}
		if want[i].Machine.Device == "" {
			t.Error("it does not say what computed it")
		}
	}
	var group sync.WaitGroup
	for i := range cubes {
		group.Go(func() {
			if i == 2 {
				o.Place(cpu.List()[0])
			}
			if got, err := o.Outline(cubes[i]); err != nil || cmp.Diff(want[i], got) != "" {
				t.Errorf("cube %d: %v", i, err)
			}
		})
	}
	group.Wait()
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("not a network"))
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if o, err := decode(b); err == nil && o.Digest() == "" {
			t.Error("a network without a digest was accepted")
		}
	})
}
