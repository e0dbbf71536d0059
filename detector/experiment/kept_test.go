package experiment

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/nodulescope/nodulescope/detector"
)

const keptResults = "../../docs/results"

// TestKeptResults makes the tables of a run whose scores are kept in the
// repository, and compares with what docs/paper.md says of it.
func TestKeptResults(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(keptResults, "nodules-sigma"))); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, scoresFile))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(context.Background(), Options{Dir: dir, Rebuild: true})
	if err != nil {
		t.Fatal(err)
	}
	a := r.Sets[0].mean(detector.VAEName).Average
	if got := fmt.Sprintf("%.3f (%.3f–%.3f) [%.3f, %.3f]", a.Mean, a.Min, a.Max, a.Low, a.High); got != "0.751 (0.747–0.755) [0.625, 0.862]" {
		t.Errorf("AUROC %s, not what docs/paper.md says", got)
	}
	after, err := os.ReadFile(filepath.Join(dir, scoresFile))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the scores are another file after a rebuild (%v)", err)
	}
}

// TestKeptResultsNameNobody looks for identifiers of patients in what is kept,
// and at how much that is.
func TestKeptResultsNameNobody(t *testing.T) {
	patient := regexp.MustCompile(`LIDC-IDRI-[0-9]{4}`)
	total := int64(0)
	err := filepath.WalkDir(keptResults, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		total += info.Size()
		b, err := readBounded(path)
		if who := patient.Find(b); who != nil {
			t.Errorf("%s names %s", path, who)
		}
		return err
	})
	if err != nil || total == 0 || total > 3_000_000 {
		t.Errorf("%d bytes of results are kept, want some and at most 3 MB (%v)", total, err)
	}
}
