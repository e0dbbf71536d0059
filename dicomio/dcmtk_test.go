package dicomio_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

// TestDcmtkFiles: what DCMTK writes from a series reads as the series itself,
// every JPEG lossless predictor and 12-bit code among it.
func TestDcmtkFiles(t *testing.T) {
	for _, tool := range []string{"dcmcjpeg", "dcmcrle", "dcmconv"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s here", tool)
		}
	}
	commands := []string{"dcmcrle", "dcmcjpeg +e1", "dcmconv +ti", "dcmconv +te", "dcmconv +tb", "dcmconv +td", "dcmconv +te -e", "dcmconv +te +e", "dcmconv -F +ti"}
	for p := 1; p <= 7; p++ {
		commands = append(commands, fmt.Sprintf("dcmcjpeg +el +sv %d", p))
	}
	for _, spec := range []dicomtest.Spec{
		{Slices: 2, Rows: 33, Cols: 40, Unsigned: true, Bits: 12, Intercept: -1024},
		{Slices: 2, Rows: 33, Cols: 40},
	} {
		spec.Stored = func(z, y, x int) int { return (x*x*y*31 + y*77 + z*5 + x&y*300) % 3000 }
		dir := write(t, "", spec)
		want := decode(t, must(dicomio.OpenSeries(context.Background(), dir, "", dicomio.Options{}))(t), 0, 2)
		files, _ := filepath.Glob(filepath.Join(dir, "*.dcm"))
		for _, command := range commands {
			to := t.TempDir()
			for _, file := range files {
				args := append(strings.Fields(command)[1:], file, filepath.Join(to, filepath.Base(file)))
				if out, err := exec.Command(strings.Fields(command)[0], args...).CombinedOutput(); err != nil {
					t.Fatalf("%s: %v\n%s", command, err, out)
				}
			}
			s, err := dicomio.OpenSeries(context.Background(), to, "", dicomio.Options{})
			if err != nil {
				t.Errorf("%s: %v", command, err)
				continue
			}
			got, err := s.HU(context.Background(), 0, 2)
			if err != nil || !cmp.Equal(got, want) {
				t.Errorf("%s, %d bits: pixels differ (%v)", command, spec.Bits, err)
			}
		}
	}
}

func must(s *dicomio.Series, err error) func(*testing.T) *dicomio.Series {
	return func(t *testing.T) *dicomio.Series {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}
