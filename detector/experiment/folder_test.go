package experiment

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestFolderBelongsToOneRun(t *testing.T) {
	s, f := tiny(t, MNIST, VAE), folder(t.TempDir())
	for range 2 {
		if err := f.claim(s, "sha256:a"); err != nil {
			t.Fatal(err)
		}
	}
	other := s.clone()
	other.Seeds++
	if err := f.claim(other, "sha256:a"); !errors.Is(err, ErrFolder) || !strings.Contains(err.Error(), `"seeds": 2`) {
		t.Errorf("other settings: error %v", err)
	}
	if err := f.claim(s, "sha256:b"); !errors.Is(err, ErrFolder) {
		t.Errorf("other data: error %v", err)
	}
	if err := f.write([]byte("x"), "a", "b.txt"); err != nil {
		t.Fatal(err)
	}
	if b, err := f.read("a", "b.txt"); err != nil || string(b) != "x" {
		t.Errorf("read %q, %v", b, err)
	}
	const name = "b.csv.gz"
	if err := f.write(bytes.Repeat([]byte("0123456789"), 1000), name); err != nil {
		t.Fatal(err)
	}
	if b, err := f.read(name); err != nil || len(b) != 10_000 {
		t.Errorf("%d bytes from a compressed file of 10000 (%v)", len(b), err)
	}
	if info, err := os.Stat(f.path(name)); err != nil || info.Size() > 1000 {
		t.Errorf("the file is not compressed (%v)", err)
	}
	if err := os.WriteFile(f.path(name), []byte("not gzip"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.read(name); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("a damaged file: error %v", err)
	}
	left, err := os.ReadDir(f.path("a"))
	if err != nil || len(left) != 1 {
		t.Errorf("%d files are left of one (%v)", len(left), err)
	}
}

func TestTestMark(t *testing.T) {
	s, f := tiny(t, MNIST, VAE), folder(t.TempDir())
	for _, unit := range []string{"seed-1", "seed-2", "seed-1"} {
		if err := f.markTest(s, unit); err != nil {
			t.Fatal(err)
		}
	}
	b, err := f.read(testFile)
	if err != nil || strings.Count(string(b), "seed-1") != 1 || !strings.Contains(string(b), "seed-2") {
		t.Errorf("record %s (%v)", b, err)
	}
	if err := f.write([]byte("{"), testFile); err != nil {
		t.Fatal(err)
	}
	if err := f.markTest(s, "seed-3"); err == nil {
		t.Error("a damaged record is taken for none")
	}
}

func TestProgress(t *testing.T) {
	clock := time.Unix(0, 0)
	var told []Progress
	tr := newTracker(map[string]work{"a": {10, 10}, "b": {10, 10}}, func() time.Time { return clock }, func(p Progress) { told = append(told, p) })
	last := func() Progress { return told[len(told)-1] }
	wait := func(s int) { clock = clock.Add(time.Duration(s) * time.Second) }

	tr.begin("a") // training takes twice as long as expected, scoring half
	for i := range 5 {
		wait(4)
		tr.step(training, i+1, 5, "")
	}
	if p := last(); p.Done != 10 || p.All != 40 || p.Part != "training" || p.Left != 60*time.Second {
		t.Errorf("after training %+v: want 10 of 40, and a minute left at the speed so far", p)
	}
	for set := range 2 {
		tr.set, tr.sets = set, 2
		wait(5)
		tr.step(scoring, 1, 2, "")
		tr.step(scoring, 2, 2, "")
	}
	tr.end()
	if p := last(); p.Done != 20 || p.Left != 30*time.Second {
		t.Errorf("after the first unit %+v: want 20 of 40, 20 s of training and 10 s of scoring left", p)
	}

	tr.begin("b") // resumed at step 4 of 5: that took no time now
	wait(4)
	tr.step(training, 4, 5, "")
	if p := last(); p.Done != 28 || p.Left != 14*time.Second {
		t.Errorf("resumed %+v: want 28 of 40, 4 s of training and 10 s of scoring left", p)
	}
	tr.end() // what was not reported is done
	if p := last(); p.Done != 40 || p.Left != 0 {
		t.Errorf("at the end %+v", p)
	}
	for i := 1; i < len(told); i++ {
		if told[i].Done < told[i-1].Done {
			t.Errorf("progress goes back from %g to %g", told[i-1].Done, told[i].Done)
		}
	}
}
