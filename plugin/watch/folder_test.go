package watch

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// TestSeriesThenCandidates: a series that arrives slowly, and a table after it.
func TestSeriesThenCandidates(t *testing.T) {
	r := newRig(t)
	r.slices("ct", ctSpec(), 0, 10)
	r.look()
	r.clock.add(9 * time.Second)
	r.slices("ct", ctSpec(), 10, 24)
	r.look()
	r.clock.add(9 * time.Second)
	r.look()
	r.jobs(0)
	r.clock.add(2 * time.Second)
	r.look()
	if l := r.waiting(1)[0]; l.What != "series" || l.Missing != MissingCandidates || l.SeriesUID != seriesUID || l.Late {
		t.Errorf("%+v", l)
	}
	r.write("nodules.csv", rowsOf(seriesUID+",1,2,3,7.5", "1.2.3,9,9,9,9", seriesUID+",-4,-5,-6,0"))
	r.settle()
	job := r.jobs(1)[0]
	uri, err := series.FileURI(filepath.Join(r.root, "ct"))
	plugintest.Must(t, err)
	if job.Job.SeriesUID != seriesUID || job.Job.StudyUID != studyUID || job.Job.URI != uri || len(job.Job.Nodules) != 2 ||
		job.Job.Nodules[0].PositionLPS != [3]float64{1, 2, 3} || job.Job.Nodules[0].DiameterMM != 7.5 || job.Job.FrameOfReferenceUID == "" {
		t.Errorf("%+v", job)
	}
	r.waiting(0)
	r.restart()
	r.settle()
	r.jobs(1)
	if text := r.log.String(); strings.Contains(text, seriesUID) || strings.Contains(text, studyUID) || strings.Contains(text, r.root) {
		t.Errorf("the log names a series or a folder:\n%s", text)
	}
}

// TestCandidatesThenSeries: a report and a table are there before the images,
// and the watcher is started anew in between.
func TestCandidatesThenSeries(t *testing.T) {
	r := newRig(t)
	elsewhere := newRig(t)
	elsewhere.slices("ct", ctSpec(), 0, 24)
	s, err := dicomio.OpenSeries(t.Context(), filepath.Join(elsewhere.root, "ct"), "", dicomio.Options{})
	plugintest.Must(t, err)
	at := s.Geometry.ToLPS([3]float64{12, 20.25, 19.5})
	r.write("report.dcm", string(report(t, s, at)))
	r.settle()
	if l := r.waiting(1)[0]; l.What != "candidates" || l.Missing != MissingSeries || l.StudyUID != studyUID {
		t.Errorf("%+v", l)
	}
	r.restart()
	r.slices("ct", ctSpec(), 0, 24)
	r.settle()
	n := r.jobs(1)[0].Job.Nodules
	if len(n) != 1 || n[0].ID != "cad-1" || n[0].DiameterMM != 8 {
		t.Fatalf("%+v", n)
	}
	for i := range at {
		if math.Abs(n[0].PositionLPS[i]-at[i]) > 1e-3 {
			t.Errorf("at %v, want %v", n[0].PositionLPS, at)
		}
	}
	r.waiting(0)
}

// TestJSONWithItsSeries: a file without a UID in the folder of one series, and
// our own report, which brings nothing.
func TestJSONWithItsSeries(t *testing.T) {
	r := newRig(t)
	r.slices("ct", ctSpec(), 0, 24)
	r.write("ct/nodules.json", `{"nodules": [{"id": "a", "position_lps_mm": [1, 2, 3]}]}`)
	s, err := dicomio.OpenSeries(t.Context(), filepath.Join(r.root, "ct"), "", dicomio.Options{})
	plugintest.Must(t, err)
	own := strings.ReplaceAll(string(report(t, s, dicomio.Vec{0, 0, 0})), "99OTHERS ", "99NDSCOPE")
	r.write("ct/report.dcm", own)
	r.write("own.dcm", own)
	r.settle()
	if n := r.jobs(1)[0].Job.Nodules; len(n) != 1 || n[0].ID != "a" {
		t.Errorf("%+v", n)
	}
	r.waiting(0)
}

// TestGaps: a series without a slice waits for it, and what comes late makes a
// job; one that came after the job makes another.
func TestGaps(t *testing.T) {
	r := newRig(t)
	r.write("nodules.csv", rowsOf(seriesUID+",1,2,3,7.5"))
	r.slices("ct", ctSpec(), 0, 10)
	r.slices("ct", ctSpec(), 12, 23)
	r.settle()
	r.clock.add(time.Minute)
	r.look()
	r.jobs(0)
	late := 0
	for _, l := range r.waiting(2) {
		if !l.Late {
			t.Errorf("%+v", l)
		}
		if l.What == "series" && l.Missing == MissingImages && strings.Contains(l.Detail, "2 slices") {
			late++
		}
	}
	if text := r.log.String(); late != 1 || strings.Count(text, "2 slices are missing") != 1 || strings.Count(text, MissingSeries) != 1 {
		t.Errorf("not told once:\n%s", text)
	}
	r.slices("ct", ctSpec(), 10, 12)
	r.settle()
	first := r.jobs(1)[0]
	r.slices("ct", ctSpec(), 23, 24)
	r.settle()
	jobs := r.jobs(2)
	if jobs[0].ID != first.ID || jobs[1].ID == first.ID {
		t.Errorf("%s and %s", jobs[0].ID, jobs[1].ID)
	}
	r.write("nodules.csv", rowsOf(seriesUID+",1,2,3.5,7.5")) // a corrected position
	r.settle()
	r.jobs(3)
	r.waiting(0)
}

// TestGapsAccepted, where the user says so.
func TestGapsAccepted(t *testing.T) {
	r := newRig(t)
	r.opts.AcceptGaps = true
	r.restart()
	r.write("nodules.csv", rowsOf(seriesUID+",1,2,3,7.5"))
	r.slices("ct", ctSpec(), 0, 10)
	r.slices("ct", ctSpec(), 12, 24)
	r.settle()
	r.jobs(1)
}

// TestWhatCannotBeUsed is listed with its reason: too few images, a table that
// is none, an image that is cut short.
func TestWhatCannotBeUsed(t *testing.T) {
	r := newRig(t)
	r.slices("scout", ctSpec(), 0, 1)
	r.write("empty/readme.txt", "nothing")
	r.write("bad.json", `{"nodules": [{"id": "a"}]}`)
	r.write("other.txt", "not ours")
	r.slices("cut", ctSpec(), 0, 24)
	path := filepath.Join(r.root, "cut", "005.dcm")
	file, err := os.ReadFile(path)
	plugintest.Must(t, err)
	plugintest.Must(t, os.WriteFile(path, file[:len(file)-100], 0o600))
	r.settle()
	r.clock.add(time.Hour)
	r.look()
	r.jobs(0)
	found := map[string]string{}
	list, err := ReadList(r.opts.Dir)
	plugintest.Must(t, err)
	for _, l := range list {
		found[l.What+" "+l.Missing+" "+filepath.Base(l.Path)] = l.Detail
	}
	for key, want := range map[string]string{
		"candidates unusable bad.json": "candidate_file_invalid", "folder images_missing empty": "folder_empty",
		"folder images_missing scout": "too_few_slices", "series images_missing .": "file_truncated",
	} {
		if !strings.Contains(found[key], want) {
			t.Errorf("%s: %q, want %s; all: %v", key, found[key], want, found)
		}
	}
}

// TestJobsThatAreSentAhead are held until their series is there, and then go
// to the service under their own id.
func TestJobsThatAreSentAhead(t *testing.T) {
	r := newRig(t)
	r.opts.HoldSite = "early"
	plugintest.Must(t, r.w.Close())
	r.opts.Now = nil
	r.opts.Source = &Folder{Root: r.root, Quiet: 50 * time.Millisecond}
	w, err := New(r.opts)
	plugintest.Must(t, err)
	r.w = w
	ended := make(chan error, 1)
	go func() { ended <- w.Run(t.Context()) }()
	job := bus.Job{SeriesUID: seriesUID, URI: "file:///elsewhere", Priority: bus.PriorityStat, Nodules: []bus.JobNodule{{ID: "n1", PositionLPS: [3]float64{1, 2, 3}}}}
	_, err = r.bus.SubmitJob(t.Context(), "early", "/detector/ct-3", "study-17", job)
	plugintest.Must(t, err)
	r.slices("ct", ctSpec(), 0, 24)
	var jobs []bus.WaitingJob
	for limit := time.Now().Add(30 * time.Second); len(jobs) == 0 && time.Now().Before(limit); time.Sleep(10 * time.Millisecond) {
		jobs, err = r.bus.WaitingJobs(t.Context(), "local", 10)
		plugintest.Must(t, err)
	}
	if len(jobs) != 1 || jobs[0].ID != "study-17" || jobs[0].Source != "/detector/ct-3/held" || jobs[0].Job.Priority != bus.PriorityStat || !strings.HasSuffix(jobs[0].Job.URI, "/ct") {
		t.Fatalf("%+v\n%s", jobs, r.log)
	}
	early, err := r.bus.WaitingJobs(t.Context(), "early", 10)
	plugintest.Must(t, err)
	if len(early) != 0 {
		t.Errorf("%d jobs are held on the bus, not in the state", len(early))
	}
}

// TestManyCandidates become several jobs.
func TestManyCandidates(t *testing.T) {
	r := newRig(t)
	r.slices("ct", ctSpec(), 0, 24)
	s, err := dicomio.OpenSeries(t.Context(), filepath.Join(r.root, "ct"), "", dicomio.Options{})
	plugintest.Must(t, err)
	places := make([]dicomio.Vec, bus.MaxJobNodules+5)
	for i := range places {
		places[i] = dicomio.Vec{float64(i%30) - 15, float64(i/30) - 15, 0}
	}
	r.write("report.dcm", string(report(t, s, places...)))
	r.settle()
	jobs := r.jobs(2)
	if len(jobs[0].Job.Nodules)+len(jobs[1].Job.Nodules) != len(places) {
		t.Errorf("%d and %d", len(jobs[0].Job.Nodules), len(jobs[1].Job.Nodules))
	}
}

func TestOptionsAreChecked(t *testing.T) {
	r := newRig(t)
	for name, change := range map[string]func(*Options){
		"no source": func(o *Options) { o.Source = nil }, "no bus": func(o *Options) { o.Bus = nil }, "no folder": func(o *Options) { o.Dir = "" },
		"site": func(o *Options) { o.Site = "No Site" }, "hold": func(o *Options) { o.HoldSite = "local" }, "priority": func(o *Options) { o.Priority = "soon" },
		"keep": func(o *Options) { o.Keep = time.Second }, "second watcher": func(*Options) {},
	} {
		opts := r.opts
		change(&opts)
		if w, err := New(opts); err == nil {
			w.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

// FuzzNotes gives the reader of candidates files of any kind.
func FuzzNotes(f *testing.F) {
	f.Add([]byte(rowsOf(seriesUID + ",1,2,3,4")))
	f.Add([]byte(`{"series_uid": "1.2", "nodules": [{"id": "a", "position_lps_mm": [1,2,3]}]}`))
	f.Add([]byte(`{"specversion": "1.0"}`))
	f.Add(append(make([]byte, 128), "DICM"...))
	f.Add([]byte("seriesuid\n\"a\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		n, err := readNote(file)
		if err == nil && n.file == nil && n.SeriesUID == "" && n.Nodules == nil {
			t.Errorf("a note of nothing: %+v", n)
		}
		if err == nil && n.Digest == "" {
			t.Error("a note without a name")
		}
	})
}
