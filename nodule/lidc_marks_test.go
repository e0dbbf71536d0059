package nodule

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/internal/checktest"
)

// TestReaderMarks: the four readers of a real scan, whose nodules are those that
// candidates are made of.
func TestReaderMarks(t *testing.T) {
	series := openCT(t, "LIDC-IDRI-0003")
	files, err := filepath.Glob(filepath.Join(filepath.Dir(series.Slices[0].Path), "*.xml"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	f, err := os.Open(files[0])
	checktest.Must(t, err)
	defer f.Close()
	nodules, err := ReaderMarks(f, series)
	checktest.Must(t, err)
	readers := map[int]int{}
	for _, marks := range nodules {
		readers[len(marks)]++
		for _, m := range marks {
			n := 0
			m.Each(func(int, int, int) { n++ })
			g := series.Geometry
			if v := float64(n) * g.SpacingMM[0] * g.SpacingMM[1] * g.SpacingMM[2]; n == 0 || math.Abs(v/m.VolumeMM3-1) > 0.01 {
				t.Errorf("reader %d: %d voxels, %.0f mm³, want %.0f", m.Reader, n, v, m.VolumeMM3)
			}
		}
	}
	if len(nodules) != 4 || readers[1] != 1 {
		t.Errorf("%d nodules, by number of readers %v", len(nodules), readers)
	}
}
