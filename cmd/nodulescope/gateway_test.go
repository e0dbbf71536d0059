package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
	"github.com/nodulescope/nodulescope/nodule"
)

// TestAPACSWithoutDICOMweb goes the whole way with dcmtk's dcmqrscp as an old
// PACS and Orthanc before it, with the script that docs/pacs.md shows: C-FIND
// and C-MOVE bring the series and its candidates come as a table, and C-STORE
// takes the report to the old PACS, once.
func TestAPACSWithoutDICOMweb(t *testing.T) {
	storescu := orthanctest.LookPath(t, "storescu")
	orthanctest.LookPath(t, "dcmqrscp")
	m := regexp.MustCompile("(?s)```lua\n(.*?)```").FindSubmatch(repository(t)["docs/pacs.md"])
	if m == nil {
		t.Fatal("docs/pacs.md shows no script")
	}
	script := filepath.Join(t.TempDir(), "forward.lua")
	if err := os.WriteFile(script, m[1], 0o600); err != nil {
		t.Fatal(err)
	}
	port := orthanctest.FreePort(t)
	c := newChain(t, map[string]any{
		"DicomAet": "GATEWAY", "LuaScripts": []string{script},
		"DicomModalities": map[string]any{"pacs": []any{"PACS", "127.0.0.1", port}},
	})
	held := orthanctest.StartDCMQRSCP(t, port, c.server.DICOMPort)
	out, err := exec.Command(storescu, "-aec", "PACS", "+sd", "+sp", "*.dcm", "127.0.0.1", fmt.Sprint(port), c.folder).CombinedOutput() //nolint:gosec // this test
	if err != nil {
		t.Fatalf("storescu: %v\n%s", err, out)
	}
	row := "seriesuid,coordX,coordY,coordZ,diameter_mm\n"
	for _, n := range c.phantom.Nodules() {
		row += fmt.Sprintf("%s,%g,%g,%g,%g\n", c.series.SeriesUID, n.PositionLPS[0], n.PositionLPS[1], n.PositionLPS[2], n.DiameterMM)
	}
	if err := os.WriteFile(filepath.Join(c.dropped, "nodules.csv"), []byte(row), 0o600); err != nil {
		t.Fatal(err)
	}

	var query struct{ ID string }
	c.server.Post("/modalities/pacs/query", map[string]any{"Level": "Series", "Query": map[string]string{
		"StudyInstanceUID": c.series.StudyUID, "SeriesInstanceUID": c.series.SeriesUID,
	}}, &query)
	c.server.Post("/queries/"+query.ID+"/retrieve", map[string]any{"TargetAet": "GATEWAY", "Synchronous": true}, nil)
	c.until("the old PACS has the report", func() bool { return len(reportsIn(t, held)) == 1 })
	again(t, c, c.service.results(1)[0])
	if n := len(reportsIn(t, held)); n != 1 || len(c.reports()) != 1 {
		t.Errorf("%d reports in the old PACS, %d in the gateway", n, len(c.reports()))
	}
	if found, err := nodule.ReadCandidates(bytes.NewReader(reportsIn(t, held)[0])); err != nil || len(found.Marks) != len(c.phantom.Nodules()) {
		t.Errorf("nodules in the report: %+v, %v", found, err)
	}
}

// reportsIn are the reports of this program in a folder.
func reportsIn(t *testing.T, dir string) (files [][]byte) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		file, err := os.ReadFile(name)
		if err != nil {
			continue // dcmqrscp writes beside it
		}
		if id, err := dicomio.Identify(file); err == nil && id.SOPClassUID == sr.ClassComprehensive3D && sr.IsOwn(file) {
			files = append(files, file)
		}
	}
	return files
}
