package plugin

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/scoring"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// inOrthanc stores a series in a PACS of the test, and makes the job for it
// there and in its folder. archives has that PACS alone.
func inOrthanc(t *testing.T) (server *orthanctest.Server, archives *series.Archives, local, remote bus.Job) {
	t.Helper()
	server = orthanctest.Start(t, orthanctest.Settings{})
	dir := plugintest.WriteCT(t, plugintest.CT())
	server.StoreSCU(dir)
	local = plugintest.Job(dir)
	remote = local
	remote.URI = series.ArchiveURI(server.DICOMweb, "1.2.826.0.1.3680043.10.9.1", local.SeriesUID)
	archives, err := series.NewArchives(server.Options())
	plugintest.Must(t, err)
	return server, archives, local, remote
}

func TestScoreOverDICOMweb(t *testing.T) {
	t.Parallel()
	server, archives, local, remote := inOrthanc(t)
	req := request(t, "")
	req.Job = local
	want, _, err := scoring.Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	req.Job, req.Series = remote, series.Reader{Roots: []string{t.TempDir()}, Archives: archives}
	got, _, err := scoring.Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, withoutTimings); d != "" {
		t.Errorf("result (-folder +PACS):\n%s", d)
	}

	req.Job.SeriesUID = "1.2.3"
	_, _, err = scoring.Score(t.Context(), req)
	plugintest.WantCode(t, err, series.CodeMismatch)
	req.Job = remote
	req.Job.StudyUID = "1.2.3"
	_, _, err = scoring.Score(t.Context(), req)
	plugintest.WantCode(t, err, series.CodeStudyMismatch)
	req.Job = remote
	req.Job.URI = series.ArchiveURI(server.DICOMweb, "1.2.3", "1.2.3.4")
	req.Job.SeriesUID = ""
	_, _, err = scoring.Score(t.Context(), req)
	plugintest.WantCode(t, err, dicomio.CodeNotStored)
	req.Job, req.Series = remote, series.Reader{}
	_, _, err = scoring.Score(t.Context(), req)
	plugintest.WantCode(t, err, series.CodeURIForbidden)
}

// TestPACSIsAwayForLongerThanAJobHasAttempts takes Orthanc away before a job is
// read, and brings it back.
func TestPACSIsAwayForLongerThanAJobHasAttempts(t *testing.T) {
	t.Parallel()
	server, _, local, remote := inOrthanc(t)
	cfg := testConfig(t)
	opts := server.Options()
	opts.Attempts = 1
	cfg.PACS, cfg.MaxAttempts = []web.Options{opts}, 2
	p := start(t, cfg)
	server.Kill()
	p.submit("/detector", "j1", remote)
	p.outcome(jobs.Retried, 5)
	server.Restart()
	p.outcome(jobs.Scored, 1)
	got := p.idle(1)[0]
	req := request(t, "")
	req.Job, req.Source, req.JobID, req.Software = local, "/detector", "j1", got.Software
	want, _, err := scoring.Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got.Result, withoutTimings); d != "" {
		t.Errorf("result (-folder +PACS):\n%s", d)
	}

	gone := remote
	gone.URI, gone.SeriesUID = series.ArchiveURI(server.DICOMweb, "1.2.3", "1.2.3.4"), "1.2.3.4"
	p.submit("/detector", "j2", gone)
	if letter := p.letter(1); letter.Code != string(dicomio.CodeNotStored) {
		t.Errorf("%+v", letter)
	}
}

// TestPACSGoesAwayInTheMiddle takes Orthanc away between the metadata and the
// images: no nodule may be blamed for it.
func TestPACSGoesAwayInTheMiddle(t *testing.T) {
	t.Parallel()
	server, archives, _, remote := inOrthanc(t)
	req := request(t, "")
	req.Job, req.Series = remote, series.Reader{Archives: archives}
	req.Progress = func(p scoring.Progress) {
		if p.Stage == "cut" && p.Done == 0 {
			server.Kill()
		}
	}
	_, _, err := scoring.Score(t.Context(), req)
	plugintest.WantCode(t, err, dicomio.CodeUnreachable)
}
