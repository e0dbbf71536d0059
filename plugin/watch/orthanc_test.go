package watch

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// orthancRig is a watcher that follows a real Orthanc.
type orthancRig struct {
	*rig
	server *orthanctest.Server
	extra  string // folder of candidates
}

// drop writes a file of candidates.
func (r *orthancRig) drop(name, text string) { (&rig{t: r.t, root: r.extra}).write(name, text) }

func newOrthancRig(t *testing.T) *orthancRig {
	t.Helper()
	server := orthanctest.Start(t, orthanctest.Settings{Extra: map[string]any{"StableAge": 1}})
	r := &orthancRig{rig: newRig(t), server: server, extra: t.TempDir()}
	r.opts.Candidates = r.extra
	r.again()
	return r
}

// again starts the watcher anew.
func (r *orthancRig) again() {
	r.t.Helper()
	plugintest.Must(r.t, r.w.Close())
	archives, err := series.NewArchives(r.server.Options())
	plugintest.Must(r.t, err)
	opts := r.server.Options()
	opts.URL, err = web.RootOf(r.server.DICOMweb)
	plugintest.Must(r.t, err)
	o, err := web.NewOrthanc(opts)
	plugintest.Must(r.t, err)
	r.t.Cleanup(o.Close)
	r.opts.Source = &Orthanc{Server: o, Archives: archives, DICOMweb: r.server.DICOMweb}
	r.w, err = New(r.opts)
	plugintest.Must(r.t, err)
}

// until looks again and again.
func (r *orthancRig) until(what string, done func() bool) {
	r.t.Helper()
	for limit := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if err := r.w.Look(r.t.Context()); err != nil {
			r.t.Logf("look: %v", err)
		}
		if done() {
			return
		}
		if time.Now().After(limit) {
			r.t.Fatalf("not %s\n%s", what, r.log)
		}
	}
}

func (r *orthancRig) jobsAre(n int) func() bool {
	return func() bool {
		jobs, err := r.bus.WaitingJobs(r.t.Context(), "local", 100)
		plugintest.Must(r.t, err)
		return len(jobs) == n
	}
}

func (r *orthancRig) missing(what string) func() bool {
	return func() bool {
		list, err := ReadList(r.opts.Dir)
		return err == nil && len(list) == 1 && list[0].Missing == what
	}
}

// send writes a series, or a part of it, into Orthanc by C-STORE.
func (r *orthancRig) send(spec dicomtest.Spec, from, to int) (folder string) {
	r.t.Helper()
	dir := r.t.TempDir()
	part := &rig{t: r.t, root: dir}
	part.slices("ct", spec, from, to)
	r.server.StoreSCU(filepath.Join(dir, "ct"))
	return filepath.Join(dir, "ct")
}

// store puts a file into Orthanc by STOW-RS.
func (r *orthancRig) store(file []byte) {
	r.t.Helper()
	client, err := web.New(r.server.Options())
	plugintest.Must(r.t, err)
	defer client.Close()
	_, err = client.Store(r.t.Context(), file)
	plugintest.Must(r.t, err)
}

// TestOrthancSeriesThenReport: the report of another detector comes after the
// images; our own report, stored then, makes no job; neither does a restart.
func TestOrthancSeriesThenReport(t *testing.T) {
	t.Parallel()
	r := newOrthancRig(t)
	r.look() // from here on
	folder := r.send(ctSpec(), 0, 24)
	r.until("complete", r.missing(MissingCandidates))
	r.again()
	s, err := dicomio.OpenSeries(t.Context(), folder, "", dicomio.Options{})
	plugintest.Must(t, err)
	r.store(report(t, s, s.Geometry.ToLPS([3]float64{12, 20, 20})))
	r.until("published", r.jobsAre(1))
	job := r.jobs(1)[0]
	if job.Job.URI != series.ArchiveURI(r.server.DICOMweb, studyUID, seriesUID) || len(job.Job.Nodules) != 1 || job.Job.Nodules[0].ID != "cad-1" {
		t.Errorf("%+v", job)
	}
	own := strings.ReplaceAll(string(report(t, s, dicomio.Vec{3, 0, 0})), "99OTHERS ", "99NDSCOPE")
	r.store([]byte(own))
	before := strings.Count(r.log.String(), "report passed over")
	r.until("passed over", func() bool { return strings.Count(r.log.String(), "report passed over") > before })
	r.again()
	r.look()
	r.jobs(1)
	r.waiting(0)
	if text := r.log.String(); strings.Contains(text, seriesUID) || strings.Contains(text, studyUID) {
		t.Errorf("the log names a series:\n%s", text)
	}
}

// TestOrthancTableThenSeries: candidates first, then a series that arrives in
// two parts, with Orthanc and the watcher away in between; a part that comes
// late makes another job.
func TestOrthancTableThenSeries(t *testing.T) {
	t.Parallel()
	r := newOrthancRig(t)
	r.drop("nodules.csv", rowsOf(seriesUID+",1,2,3,7.5"))
	r.look()
	r.until("waiting for images", r.missing(MissingSeries))
	r.send(ctSpec(), 0, 10)
	r.send(ctSpec(), 12, 23)
	r.until("incomplete", func() bool {
		list, err := ReadList(r.opts.Dir)
		return err == nil && len(list) == 2 && strings.Contains(list[0].Detail, "2 slices")
	})
	r.server.Kill()
	if err := r.w.Look(t.Context()); dicomio.CodeOf(err) != dicomio.CodeUnreachable {
		t.Errorf("without Orthanc: %v", err)
	}
	r.again()
	r.server.Restart()
	r.send(ctSpec(), 10, 12)
	r.until("published", r.jobsAre(1))
	r.send(ctSpec(), 23, 24)
	r.until("published again", r.jobsAre(2))
	r.waiting(0)
}

// TestOrthancKilledBeforeItIsStable: a series that Orthanc never calls stable
// in its journal, for it was restarted meanwhile.
func TestOrthancKilledBeforeItIsStable(t *testing.T) {
	t.Parallel()
	r := newOrthancRig(t)
	r.drop("nodules.csv", rowsOf(seriesUID+",1,2,3,7.5"))
	r.look()
	r.send(ctSpec(), 0, 24)
	r.server.Kill()
	r.server.Restart()
	r.until("published", r.jobsAre(1))
}

// TestOrthancKilledAfterThePartThatWasMissing: part of a series was called stable and
// looked at; the rest comes, and Orthanc dies before it calls that stable.
func TestOrthancKilledAfterThePartThatWasMissing(t *testing.T) {
	t.Parallel()
	r := newOrthancRig(t)
	r.drop("nodules.csv", rowsOf(seriesUID+",1,2,3,7.5"))
	r.look()
	r.send(ctSpec(), 0, 10)
	r.send(ctSpec(), 12, 24)
	r.until("incomplete", func() bool {
		list, err := ReadList(r.opts.Dir)
		return err == nil && len(list) > 0 && strings.Contains(list[0].Detail, "2 slices")
	})
	r.send(ctSpec(), 10, 12)
	r.server.Kill()
	r.server.Restart()
	r.until("published", r.jobsAre(1))
}

// TestOrthancFromStart takes what is there already, where it is asked to.
func TestOrthancFromStart(t *testing.T) {
	t.Parallel()
	r := newOrthancRig(t)
	r.drop("nodules.csv", rowsOf(seriesUID+",1,2,3,7.5"))
	r.send(ctSpec(), 0, 24)
	r.opts.Source.(*Orthanc).FromStart = true
	r.until("published", r.jobsAre(1))
}
