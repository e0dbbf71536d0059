package plugintest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// SeriesUID and StudyUID are those of the series of [CT].
const (
	StudyUID  = "1.2.826.0.1.3680043.10.9.1"
	SeriesUID = "1.2.826.0.1.3680043.10.9.1.2"
)

// CT is a small series, 48 mm in every direction, with a ball of soft tissue in
// its middle, at the origin.
func CT() dicomtest.Spec {
	return dicomtest.Spec{
		Slices: 48, Rows: 48, Cols: 48, Spacing: [3]float64{1, 1, 1}, Origin: [3]float64{-23.5, -23.5, -23.5},
		Stored: func(z, y, x int) int {
			dz, dy, dx := float64(z)-23.5, float64(y)-23.5, float64(x)-23.5
			if dz*dz+dy*dy+dx*dx < 36 {
				return 40
			}
			return -850 + (z*7+y*5+x*3)%20
		},
	}
}

// WriteCT writes a series to a folder of the test.
func WriteCT(t testing.TB, spec dicomtest.Spec) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "ct")
	Must(t, dicomtest.WriteSeries(dir, spec))
	return dir
}

// Files are those in a folder.
func Files(t testing.TB, dir string) (paths []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	Must(t, err)
	return paths
}

// Job asks for one nodule in the middle of a series of [CT].
func Job(dir string) bus.Job {
	return bus.Job{
		SeriesUID: SeriesUID, URI: (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}).String(),
		Nodules: []bus.JobNodule{{ID: "n1", DiameterMM: 12, Confidence: 0.9}},
	}
}

// ErrTest is a failure of the test.
var ErrTest = errors.New("a failure of the test")

// Context ends with the test, and after two minutes.
func Context(t testing.TB) context.Context {
	return checktest.Context(t)
}

// Logger writes to the test's output.
func Logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Must fails the test at an error.
func Must(t testing.TB, err error) {
	t.Helper()
	checktest.Must(t, err)
}

// WantCode fails the test unless err carries a code.
func WantCode(t testing.TB, err error, code any) {
	t.Helper()
	if got := coded.CodeOf(err); err == nil || string(got) != fmt.Sprint(code) {
		t.Fatalf("error %v (code %q), want code %v", err, got, code)
	}
}

// WaitFor waits until something has happened.
func WaitFor(t testing.TB, done func() bool) {
	t.Helper()
	ctx := Context(t)
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatal("it did not happen in time")
		case <-time.After(10 * time.Millisecond):
		}
	}
}
