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
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// firstSlices is a series of which the last are not there yet.
func firstSlices(n int) dicomtest.Spec {
	s := plugintest.CT()
	for z := n; z < s.Slices; z++ {
		s.Skip = append(s.Skip, z)
	}
	return s
}

// wave is slices from to to-1 of the series.
func wave(from, to int) dicomtest.Spec {
	s := firstSlices(to)
	for z := range from {
		s.Skip = append(s.Skip, z)
	}
	return s
}

// arriving is a place that a series arrives in, wave by wave.
type arriving struct {
	config func(*Config)
	job    bus.Job
	add    func(dicomtest.Spec)
}

// places are a folder to which a copy brings files with the times that they had,
// and a PACS: neither tells by itself when an image came.
func places(t *testing.T) map[string]func(t *testing.T) arriving {
	t.Helper()
	return map[string]func(t *testing.T) arriving{
		"folder": func(t *testing.T) arriving {
			dir := filepath.Join(t.TempDir(), "ct")
			return arriving{func(*Config) {}, plugintest.Job(dir), func(s dicomtest.Spec) {
				from := plugintest.WriteCT(t, s)
				aged(t, from)
				plugintest.Must(t, os.MkdirAll(dir, 0o755))
				for _, file := range plugintest.Files(t, from) {
					plugintest.Must(t, os.Rename(file, filepath.Join(dir, filepath.Base(file))))
				}
			}}
		},
		"PACS": func(t *testing.T) arriving {
			server := orthanctest.Start(t, orthanctest.Settings{})
			job := plugintest.Job(t.TempDir())
			job.URI = series.ArchiveURI(server.DICOMweb, plugintest.StudyUID, plugintest.SeriesUID)
			return arriving{func(c *Config) { c.PACS = []web.Options{server.Options()} }, job, func(s dicomtest.Spec) {
				server.StoreSCU(plugintest.WriteCT(t, s))
			}}
		},
	}
}

// TestSeriesComesInWaves: the job is there first, then 20, 12 and 16 of 48 slices
// come, each after the last ones were looked at. One answer is given, to all.
func TestSeriesComesInWaves(t *testing.T) {
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, cfg := place(t), testConfig(t)
			at.config(&cfg)
			cfg.Quiet, cfg.QuietLimit = 5*time.Second, time.Minute
			p := start(t, cfg)
			p.submit("/test", "j", at.job)
			p.outcome(jobs.Retried, 1)
			for i, w := range []dicomtest.Spec{wave(0, 20), wave(20, 32), wave(32, 48)} {
				at.add(w)
				if i < 2 {
					p.outcome(jobs.Retried, i+2)
				}
			}
			p.outcome(jobs.Scored, 1)
			if r := p.idle(1)[0].Result; r.Geometry.Slices != 48 || len(r.Warnings) > 0 {
				t.Errorf("%d slices, warnings %v", r.Geometry.Slices, r.Warnings)
			}
		})
	}
}

// TestSeriesComesForLongerThanIsWaited: slices still come when the limit is over.
// The answer to those that are there says so, and that to all supersedes it.
func TestSeriesComesForLongerThanIsWaited(t *testing.T) {
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, cfg := place(t), testConfig(t)
			at.config(&cfg)
			cfg.Quiet, cfg.QuietLimit = 10*time.Second, 20*time.Second // long enough for a file to be added on a busy machine
			p := start(t, cfg)
			at.add(wave(0, 40))
			p.submit("/test", "j", at.job)
			there := 40
			for looks, partial := 0.0, false; !partial; {
				p.settled(func(m map[string]float64) bool {
					n := m["nodulescope_deliveries_total/"+string(jobs.Retried)]
					partial = m["nodulescope_deliveries_total/"+string(jobs.Partial)] > 0
					if n == looks && !partial {
						return false
					}
					looks = n
					return true
				})
				if !partial {
					at.add(wave(there, there+1))
					there++
				}
			}
			at.add(wave(there, 48))
			p.settled(func(m map[string]float64) bool {
				return m["nodulescope_deliveries_total/"+string(jobs.Scored)]+m["nodulescope_deliveries_total/"+string(jobs.Answered)] > 0
			})
			all := plugintest.Results(t, p.bus, p.Site(), 2)
			first, last := all[0].Result, all[len(all)-1].Result
			if first.Geometry.Slices != there || !slices.Equal(warnings(first), []string{string(jobs.CodeArriving)}) {
				t.Errorf("first: %d of %d slices, warnings %v", first.Geometry.Slices, there, first.Warnings)
			}
			if last.Geometry.Slices != 48 || last.Supersedes != all[len(all)-2].Result.Identity {
				t.Errorf("last: %d slices, supersedes %q", last.Geometry.Slices, last.Supersedes)
			}
			p.idle(len(all))
		})
	}
}

// TestWaitingEndsBeforeADeadline: a series whose files change is answered while
// there is time.
func TestWaitingEndsBeforeADeadline(t *testing.T) {
	cfg := testConfig(t)
	cfg.Quiet, cfg.QuietLimit = time.Minute, time.Hour
	p := start(t, cfg)
	job := plugintest.Job(plugintest.WriteCT(t, plugintest.CT()))
	deadline := time.Now().Add(90 * time.Second)
	job.Deadline = &deadline
	p.submit("/test", "j", job)
	p.outcome(jobs.Scored, 1)
	if r := p.idle(1)[0].Result; !slices.Equal(warnings(r), []string{string(jobs.CodeArriving)}) {
		t.Errorf("warnings %v", r.Warnings)
	}
}

// TestNothingComes: a series that is not there at the limit is put aside.
func TestNothingComes(t *testing.T) {
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, cfg := place(t), testConfig(t)
			at.config(&cfg)
			cfg.Quiet, cfg.QuietLimit = 100*time.Millisecond, 500*time.Millisecond
			p := start(t, cfg)
			p.submit("/test", "j", at.job)
			want := map[string]dicomio.Code{"folder": dicomio.CodeFolderMissing, "PACS": dicomio.CodeNotStored}[name]
			if letter := p.letter(1); letter.Code != string(want) {
				t.Errorf("code %s, want %s", letter.Code, want)
			}
			p.outcome(jobs.Retried, 2)
		})
	}
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
