package plugin

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// firstSlices is a series of which the last are not there yet.
func firstSlices(n int) dicomtest.Spec {
	s := plugintest.CT()
	for z := n; z < s.Slices; z++ {
		s.Skip = append(s.Skip, z)
	}
	return s
}

// aged makes all files look as if they were written long ago, as a copy that
// keeps their times does.
func aged(t *testing.T, dir string) {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	plugintest.Must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chtimes(path, old, old)
	}))
}

func warnings(r bus.Result) (codes []string) {
	for _, w := range r.Warnings {
		codes = append(codes, w.Code)
	}
	return codes
}

// TestSeriesStillArriving: 32 of 48 slices are there when the job comes. One
// answer is given, to the whole series.
func TestSeriesStillArriving(t *testing.T) {
	for name, prepare := range map[string]func(dir string){
		"files written just now": func(string) {},
		"a nodule beyond them":   func(dir string) { aged(t, dir) },
	} {
		cfg := testConfig(t)
		cfg.Quiet, cfg.QuietLimit = 1500*time.Millisecond, time.Minute
		p, dir := start(t, cfg), plugintest.WriteCT(t, firstSlices(32))
		prepare(dir)
		job := plugintest.Job(dir)
		job.Nodules = append(job.Nodules, bus.JobNodule{ID: "n2", PositionLPS: [3]float64{0, 0, 6}, DiameterMM: 8})
		p.submit("/test", "j", job)
		p.outcome(jobs.Retried, 1)
		plugintest.Must(t, dicomtest.WriteSeries(dir, plugintest.CT()))
		prepare(dir)
		p.outcome(jobs.Scored, 1)
		r := p.idle(1)[0].Result
		if r.Geometry.Slices != 48 || r.Nodules[1].Error != nil || len(r.Warnings) > 0 {
			t.Errorf("%s: %d slices, %+v, warnings %v", name, r.Geometry.Slices, r.Nodules[1].Error, r.Warnings)
		}
	}
}

// TestNothingMoreComes: a nodule beyond the slices of a series that is all there
// is refused, after one more look.
func TestNothingMoreComes(t *testing.T) {
	cfg := testConfig(t)
	cfg.Quiet, cfg.QuietLimit = 100*time.Millisecond, time.Minute
	p, dir := start(t, cfg), plugintest.WriteCT(t, firstSlices(32))
	aged(t, dir)
	job := plugintest.Job(dir)
	job.Nodules[0].PositionLPS = [3]float64{0, 0, 20}
	p.submit("/test", "j", job)
	p.outcome(jobs.Scored, 1)
	if r := p.idle(1)[0].Result; r.Nodules[0].Error == nil || len(r.Warnings) > 0 {
		t.Errorf("%+v, warnings %v", r.Nodules[0], r.Warnings)
	}
}

// TestPartialAnswerIsReplaced: files stay cut short for longer than is waited.
func TestPartialAnswerIsReplaced(t *testing.T) {
	cfg := testConfig(t)
	cfg.Quiet, cfg.QuietLimit = 100*time.Millisecond, 1500*time.Millisecond
	cut := plugintest.CT()
	cut.Truncate = []int{45, 46, 47}
	p, dir := start(t, cfg), plugintest.WriteCT(t, cut)
	later := time.Now().Add(time.Minute) // it stays just written
	for _, e := range plugintest.Files(t, dir) {
		plugintest.Must(t, os.Chtimes(e, later, later))
	}
	p.submit("/test", "j", plugintest.Job(dir))
	first := p.results(1)[0].Result
	if got := warnings(first); !slices.Contains(got, string(jobs.CodeArriving)) || !slices.Contains(got, string(dicomio.CodeTruncated)) || first.Geometry.Slices != 45 {
		t.Errorf("%d slices, warnings %v", first.Geometry.Slices, got)
	}
	plugintest.Must(t, dicomtest.WriteSeries(dir, plugintest.CT()))
	aged(t, dir)
	p.outcome(jobs.Scored, 1)
	second := p.idle(2)[1].Result
	if second.Geometry.Slices != 48 || len(second.Warnings) > 0 || second.Supersedes != first.Identity {
		t.Errorf("%d slices, warnings %v, supersedes %q of %q", second.Geometry.Slices, second.Warnings, second.Supersedes, first.Identity)
	}
}
