package experiment

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func imagesRun(t *testing.T, name string) Options {
	return Options{Settings: tiny(t, MNIST, name), Dir: filepath.Join(t.TempDir(), "run"), images: &squares{}, Software: "test"}
}

// results are the files that must not depend on how a run came about. The
// report is one of them: with its list of variants beside it.
var results = []string{resultsFile, scoresFile, reportFile, "seed-1/" + historyFile, "seed-2/" + modelFile, "seed-1/figures/" + picCases + ".png"}

func TestEveryDetectorOnImages(t *testing.T) {
	for _, name := range Detectors() {
		t.Run(name, func(t *testing.T) {
			o := wholeImages(t, name)
			r := o.report
			m := r.Sets[0].mean(o.Settings.detectorName())
			if m == nil || len(m.Average.Each) != 2 || m.Average.Each[0].Normals != 18 || m.Average.Each[0].Anomalies != 12 {
				t.Fatalf("the score's row is %+v", m)
			}
			page, err := os.ReadFile(r.Report)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"Every variant that was tried", "kNN on pixels", "never a probability of cancer", o.Settings.Digest()} {
				if !strings.Contains(string(page), want) {
					t.Errorf("the report does not say %q", want)
				}
			}
			if _, err := os.Stat(filepath.Join(o.Dir, "seed-1", stateDir)); !errors.Is(err, os.ErrNotExist) {
				t.Error("the state of a training that is over was kept")
			}
			if text := r.Text(); !strings.Contains(text, "| ranked by") || !strings.Contains(text, "18 normal, 12 anomalies") {
				t.Errorf("text for the terminal:\n%s", text)
			}
		})
	}
}

// interrupt runs again and again, each time stopped after some more reports of
// progress, until the run is over.
func interrupt(t *testing.T, o Options, after []int) int {
	t.Helper()
	for stops := 0; ; stops++ {
		ctx, cancel := context.WithCancel(context.Background())
		left := after[stops%len(after)]
		o.Progress = func(Progress) {
			if left--; left == 0 {
				cancel()
			}
		}
		_, err := Run(ctx, o)
		cancel()
		if err == nil {
			return stops
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if stops > 100 {
			t.Fatal("the run does not get anywhere")
		}
	}
}

func TestInterruptedRunEndsInTheSameResult(t *testing.T) {
	for _, name := range []string{VAE, DCGAN, WGAN} {
		t.Run(name, func(t *testing.T) {
			whole, pieces := wholeImages(t, name), imagesRun(t, name)
			if n := interrupt(t, pieces, []int{5, 1, 7, 4, 6, 8}); n < 3 {
				t.Errorf("only %d interruptions: the test shows nothing", n)
			}
			same(t, whole.Dir, pieces.Dir, results...)
		})
	}
}

func TestRebuildNeedsNoDataAndChangesNothing(t *testing.T) {
	before, o := wholeImages(t, VAE).Dir, Options{Dir: t.TempDir()}
	if err := os.CopyFS(o.Dir, os.DirFS(before)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{resultsFile, scoresFile, reportFile} {
		if err := os.Remove(filepath.Join(o.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Run(context.Background(), Options{Dir: o.Dir, Rebuild: true, Software: "test"}); err != nil {
		t.Fatal(err)
	}
	same(t, before, o.Dir, results...)
	if err := os.Remove(filepath.Join(o.Dir, "seed-2", scoresFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(context.Background(), Options{Dir: o.Dir, Rebuild: true, Software: "test"}); err != nil {
		t.Fatal(err)
	}
	same(t, before, o.Dir, resultsFile, scoresFile, reportFile) // of the run's scores
	if err := os.Remove(filepath.Join(o.Dir, scoresFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(context.Background(), Options{Dir: o.Dir, Rebuild: true}); err == nil || !strings.Contains(err.Error(), "without --rebuild") {
		t.Errorf("the report of a run that is not over was made again: error %v", err)
	}
	if _, err := Run(context.Background(), Options{Dir: t.TempDir(), Rebuild: true}); err == nil || !strings.Contains(err.Error(), "folder of a run") {
		t.Errorf("a folder without a run: error %v", err)
	}
}

func TestTestFilesAreScoredOnce(t *testing.T) {
	o := imagesRun(t, VAE)
	source := &squares{}
	o.images = source
	if _, err := Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if source.opened != 0 {
		t.Fatal("the test files were opened though nobody asked")
	}
	o.Test = true
	r, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	opened := source.opened
	if len(r.Sets) != 2 || r.Sets[1].Name != testFilesName || r.TestScored != 2 || opened != 2 {
		t.Errorf("%d sets, %d networks scored, files opened %d times: want 2, 2 and 2", len(r.Sets), r.TestScored, opened)
	}
	if _, err := Run(context.Background(), o); err != nil || source.opened != opened {
		t.Errorf("the same run again opened the test files again (%d times, error %v)", source.opened, err)
	}
	page, err := os.ReadFile(r.Report)
	if err != nil || !strings.Contains(string(page), "scored once by this run, with 2 networks") {
		t.Errorf("the report does not say how often the test files were scored (%v)", err)
	}
	other := o
	other.Settings = o.Settings.clone()
	other.Settings.VAE.Rate *= 2
	if _, err := Run(context.Background(), other); !errors.Is(err, ErrFolder) {
		t.Errorf("other settings in the same folder: error %v", err)
	}
	if err := folder(o.Dir).markTest(other.Settings, "seed-1"); !errors.Is(err, ErrFolder) {
		t.Errorf("the test files would be scored with other settings: error %v", err)
	}
}

func TestRunRefuses(t *testing.T) {
	good := imagesRun(t, VAE)
	for name, change := range map[string]func(*Options){
		"no folder":           func(o *Options) { o.Dir = "" },
		"settings":            func(o *Options) { o.Settings.Seeds = 0 },
		"detector of images":  func(o *Options) { o.Model = "x.safetensors" },
		"seed to ship":        func(o *Options) { o.Ship = 3 },
		"test side of images": func(o *Options) { o.Settings, o.Test = tiny(t, Nodules, VAE), true },
	} {
		o := good
		change(&o)
		if _, err := Run(context.Background(), o); !errors.Is(err, ErrSettings) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
