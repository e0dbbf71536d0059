package plugin

import (
	"testing"

	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// A series that lies in a PACS is reviewed like one in a folder: with identity,
// slices and pictures; without the PACS the row stays and says why it is bare.
func TestReviewFromPACS(t *testing.T) {
	t.Parallel()
	server := orthanctest.Start(t, orthanctest.Settings{})
	dir := plugintest.WriteCT(t, patientSpec())
	server.StoreSCU(dir)
	cfg := reviewConfig(t)
	opts := server.Options()
	opts.Attempts = 1
	cfg.PACS = []web.Options{opts}
	p := start(t, cfg)
	job := plugintest.Job(dir)
	job.URI = series.ArchiveURI(server.DICOMweb, "1.2.826.0.1.3680043.10.9.1", job.SeriesUID)
	p.submit("/test", "1", job)
	p.outcome(jobs.Scored, 1)
	b := signIn(t, p, "ann")
	for range 2 { // the second time its place is known
		row := b.worklist("").Rows[0]
		if row.Patient == nil || row.Patient.Name != "Testname, Given Middle" || row.Patient.ID != "ID-4711" {
			t.Fatalf("%+v", row)
		}
	}
	id := b.worklist("").Rows[0].ID
	var s struct {
		SlicesURL    string `json:"slices_url"`
		InstancesURL string `json:"instances_url"`
		Geometry     struct{ Instances []string }
	}
	b.get("/api/v1/series/"+id, &s)
	checkSlices(t, b, s.SlicesURL, s.InstancesURL, s.Geometry.Instances)
	if res, _ := b.do("GET", "/api/v1/series/"+id+"/findings/1/images/residual", nil); res.StatusCode != 200 || res.Header.Get("Nodulescope-Reproduced") != "true" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}

	server.Kill()
	var w struct {
		Rows []struct {
			Patient *struct{}
			Problem struct{ Code string } `json:"patient_problem"`
		}
	}
	b.get("/api/v1/worklist", &w)
	if len(w.Rows) != 1 || w.Rows[0].Patient != nil || w.Rows[0].Problem.Code == "" || w.Rows[0].Problem.Code == string(CodeInternal) {
		t.Errorf("%+v", w)
	}
}
