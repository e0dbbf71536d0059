package phantom_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/phantom"
)

// write writes a phantom into a new folder and opens it again.
func write(t *testing.T, s phantom.Spec) (*phantom.Phantom, string, *dicomio.Series) {
	t.Helper()
	p, err := phantom.Generate(s)
	checktest.Must(t, err)
	dir := filepath.Join(t.TempDir(), "series")
	checktest.Must(t, p.WriteDICOM(t.Context(), dir, nil))
	series, err := dicomio.OpenSeries(t.Context(), dir, p.SeriesUID(), dicomio.Options{})
	checktest.Must(t, err)
	return p, dir, series
}

func variants() map[string]phantom.Spec {
	padding := -2000
	plain, padded, tilted, wide := phantom.Small(1), phantom.Small(2), phantom.Small(3), phantom.Small(4)
	padded.PaddingValue = &padding
	tilted.TiltDeg = -15
	wide.Rows, wide.SpacingMM = 80, [3]float64{2.5, 4.1, 3.6}
	return map[string]phantom.Spec{"plain": plain, "padded": padded, "tilted": tilted, "oblong": wide}
}

func TestWrittenSeriesReadsBack(t *testing.T) {
	for name, spec := range variants() {
		t.Run(name, func(t *testing.T) {
			p, _, series := write(t, spec)
			near := cmpopts.EquateApprox(0, 1e-5)
			if diff := cmp.Diff(p.Geometry(), series.Geometry, near, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("geometry (-phantom +read):\n%s", diff)
			}
			if series.StudyUID != p.StudyUID() || series.FrameOfReferenceUID != p.FrameOfReferenceUID() {
				t.Error("the UIDs of the files are not those that the phantom tells")
			}
			n := p.Spec().Slices
			want, err := p.HU(t.Context(), 0, n)
			checktest.Must(t, err)
			got, err := series.HU(t.Context(), 0, n)
			checktest.Must(t, err)
			if !slices.Equal(want.HU, got.HU) || !slices.Equal(want.Padding, got.Padding) {
				t.Error("pixels or padding that were read are not those that were rendered")
			}
			for _, w := range series.Warnings {
				if w.Code != dicomio.CodeGantryTilt || name != "tilted" {
					t.Errorf("read with a warning: %+v", w)
				}
			}
		})
	}
}

func TestFileNamesAreNotInScanOrder(t *testing.T) {
	_, dir, series := write(t, phantom.Small(1))
	var paths []string
	for _, s := range series.Slices {
		paths = append(paths, s.Path)
	}
	if sort.StringsAreSorted(paths) {
		t.Error("file names are in scan order: a reader that sorts by name would not be found out")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.dcm"))
	if err != nil || len(files) != 48 {
		t.Errorf("%d files, error %v", len(files), err)
	}
}

func TestTruthIsReadAsCandidates(t *testing.T) {
	p, dir, series := write(t, phantom.Small(1))
	file, err := nodule.OpenCandidates(t.Context(), filepath.Join(dir, phantom.TruthFile))
	checktest.Must(t, err)
	got, _, err := file.In(series)
	checktest.Must(t, err)
	if diff := cmp.Diff(p.Candidates(), got); diff != "" {
		t.Errorf("candidates (-phantom +read):\n%s", diff)
	}
}

func TestCubesOfDrawnNodulesLieInside(t *testing.T) {
	for name, spec := range variants() {
		t.Run(name, func(t *testing.T) {
			p, err := phantom.Generate(spec)
			checktest.Must(t, err)
			cutter, err := nodule.NewCutter(p.Geometry(), p, nodule.CutOptions{})
			checktest.Must(t, err)
			cut, err := cutter.CutAll(t.Context(), p.Candidates())
			checktest.Must(t, err)
			for i, r := range cut {
				if r.Err != nil || r.Cube.PaddingPct != 0 {
					t.Errorf("nodule %d: error %v, cube %+v", i, r.Err, r.Cube != nil)
				}
			}
		})
	}
}

func TestDciodvfyAcceptsTheFiles(t *testing.T) {
	tool, err := exec.LookPath("dciodvfy")
	if err != nil {
		t.Skip("dciodvfy is not installed (Debian: dicom3tools)")
	}
	for name, spec := range variants() {
		t.Run(name, func(t *testing.T) {
			_, _, series := write(t, spec)
			for _, z := range []int{0, 24, 47} {
				out, err := exec.Command(tool, series.Slices[z].Path).CombinedOutput()
				if err != nil || !strings.Contains(string(out), "CTImage") {
					t.Errorf("slice %d: %v\n%s", z, err, out)
				}
				for line := range strings.Lines(string(out)) {
					if strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "Warning") {
						t.Errorf("slice %d: %s", z, line)
					}
				}
			}
		})
	}
}

func TestProgressCountsEverySlice(t *testing.T) {
	p, err := phantom.Generate(phantom.Small(1))
	checktest.Must(t, err)
	last := 0
	err = p.WriteDICOM(t.Context(), t.TempDir(), func(done, total int) {
		if done != last+1 || total != 48 {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	})
	if err != nil || last != 48 {
		t.Errorf("ended at %d of 48, error %v", last, err)
	}
}

func TestNonEmptyFolderIsRefused(t *testing.T) {
	p, err := phantom.Generate(phantom.Small(1))
	checktest.Must(t, err)
	dir := t.TempDir()
	other := filepath.Join(dir, "000001.dcm")
	checktest.Must(t, os.WriteFile(other, []byte("of somebody else"), 0o600))
	if err := p.WriteDICOM(t.Context(), dir, nil); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("got error %v, want a refusal", err)
	}
	if b, err := os.ReadFile(other); err != nil || string(b) != "of somebody else" {
		t.Errorf("the file that was there is gone or changed: %v", err)
	}
}

func TestCancelledWriteLeavesNothing(t *testing.T) {
	p, err := phantom.Generate(phantom.Small(1))
	checktest.Must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dir := t.TempDir()
	err = p.WriteDICOM(ctx, dir, func(done, _ int) {
		if done == 5 {
			cancel()
		}
	})
	if err == nil {
		t.Error("a cancelled write reports success")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%d files are left, error %v", len(left), err)
	}
}
