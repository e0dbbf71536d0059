package pictures

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/nodule"
)

func room() error { return nil }

func open(t *testing.T, limit int64) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "pictures"), limit, room)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sample is something that does not compress to nothing.
func sample(n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(i*i%9973) / 9973
	}
	return values
}

func put(t *testing.T, s *Store, id string) {
	t.Helper()
	d := s.Begin(id)
	defer d.Drop()
	d.Nodule(2, &nodule.Cube{HU: sample(nodule.CubeVoxels), Valid: make([]bool, nodule.CubeVoxels)}, nodule.Patch{Voxels: sample(nodule.PatchVoxels), Support: sample(nodule.PatchVoxels)})
	mask := make([]bool, nodule.CubeVoxels)
	mask[7] = true
	d.Outline(2, mask)
	d.Reconstruction(2, "sha256:a", sample(nodule.PatchVoxels))
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestKeptIsGivenBack(t *testing.T) {
	s := open(t, 1<<30)
	put(t, s, "a")
	scanned, patch, err := s.Nodule("a", 2)
	if err != nil || scanned[3] != -1 || !slices.Equal(patch.Voxels, sample(nodule.PatchVoxels)) || !slices.Equal(patch.Support, patch.Voxels) {
		t.Errorf("%v", err)
	}
	if mask, err := s.Outline("a", 2); err != nil || !mask[7] || mask[8] || len(mask) != nodule.CubeVoxels {
		t.Errorf("%v", err)
	}
	if r, err := s.Reconstruction("a", 2, "sha256:a"); err != nil || !slices.Equal(r, patch.Voxels) {
		t.Errorf("%v", err)
	}
	for _, f := range []func() error{
		func() error { _, _, err := s.Nodule("a", 1); return err },
		func() error { _, err := s.Outline("b", 2); return err },
		func() error { _, err := s.Reconstruction("a", 2, "sha256:b"); return err },
		func() error { _, err := s.Reconstruction("a", 2, "../../x"); return err },
		func() error { _, err := (*Store)(nil).Outline("a", 2); return err },
	} {
		if err := f(); !errors.Is(err, ErrNone) {
			t.Errorf("%v", err)
		}
	}
}

// What a crash or another program did to a file is never shown.
func TestDamageIsNotShown(t *testing.T) {
	s := open(t, 1<<30)
	put(t, s, "a")
	path := s.path("a")
	whole, err := os.ReadFile(path) //nolint:gosec // of this test
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for at := 0; at < len(whole); at += len(whole) / 40 {
		b := slices.Clone(whole)
		b[at] ^= 0x55
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, patch, err := s.Nodule("a", 2); err != nil {
			changed++
		} else if !slices.Equal(patch.Voxels, sample(nodule.PatchVoxels)) || !slices.Equal(patch.Support, patch.Voxels) {
			t.Errorf("a changed byte %d is shown", at)
		}
	}
	if changed < 10 {
		t.Errorf("%d changes were noticed", changed)
	}
	if err := os.WriteFile(path, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Nodule("a", 2); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}

// The oldest go first, those of results that are gone always, and what was begun
// and not ended leaves nothing.
func TestRoom(t *testing.T) {
	s := open(t, 1<<30)
	put(t, s, "a")
	info, err := os.Stat(s.path("a"))
	if err != nil {
		t.Fatal(err)
	}
	s.limit = 2*info.Size() + info.Size()/2
	for i, id := range []string{"a", "b", "c"} {
		put(t, s, id)
		at := time.Unix(int64(1000+i), 0)
		if err := os.Chtimes(s.path(id), at, at); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s, "d")
	names := func() (names []string) {
		t.Helper()
		entries, err := os.ReadDir(s.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	if got := names(); !slices.Equal(got, []string{"c.zip", "d.zip"}) {
		t.Errorf("%v", got)
	}
	if err := s.Tidy(func(id string) bool { return id == "c" }); err != nil || !slices.Equal(names(), []string{"c.zip"}) {
		t.Errorf("%v %v", names(), err)
	}
	left := s.Begin("e")
	left.Outline(1, make([]bool, 9))
	if s, err = Open(s.dir, s.limit, room); err != nil || !slices.Equal(names(), []string{"c.zip"}) { // as after a crash
		t.Errorf("%v %v", names(), err)
	}
	s.Begin("f").Drop()
	filling := s.Begin("h")
	filling.Outline(1, make([]bool, 9))
	noRoom := errors.New("full")
	s.room = func() error { return noRoom }
	filling.Outline(2, make([]bool, 9))
	if !slices.Equal(names(), []string{"c.zip"}) { // before it ends
		t.Errorf("%v", names())
	}
	filling.Outline(3, make([]bool, 9))
	if err := filling.Commit(); !errors.Is(err, noRoom) || !slices.Equal(names(), []string{"c.zip"}) {
		t.Errorf("%v %v", names(), err)
	}
	full := s.Begin("g")
	full.Outline(1, make([]bool, 9))
	if err := full.Commit(); err != nil || full != nil || !slices.Equal(names(), []string{"c.zip"}) {
		t.Errorf("%v %v", names(), err)
	}
}
