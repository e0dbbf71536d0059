package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/nodule"
)

// TestAPACSWithoutDICOMweb goes the whole way with dcmtk's dcmqrscp as an old
// PACS and Orthanc before it, with the script that docs/pacs.md shows: C-FIND
// and C-MOVE bring the series and its candidates come as a table, and C-STORE
// takes the report to the old PACS, once.
func TestAPACSWithoutDICOMweb(t *testing.T) {
	tools := map[string]string{}
	for _, name := range []string{"dcmqrscp", "storescu"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("%s is not installed (Debian: dcmtk)", name)
		}
		tools[name] = path
	}
	m := regexp.MustCompile("(?s)```lua\n(.*?)```").FindSubmatch(repository(t)["docs/pacs.md"])
	if m == nil {
		t.Fatal("docs/pacs.md shows no script")
	}
	script := filepath.Join(t.TempDir(), "forward.lua")
	if err := os.WriteFile(script, m[1], 0o600); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	c := newChain(t, map[string]any{
		"DicomAet": "GATEWAY", "LuaScripts": []string{script},
		"DicomModalities": map[string]any{"pacs": []any{"PACS", "127.0.0.1", port}},
	})
	held := oldPACS(t, tools["dcmqrscp"], port, c.server.DICOMPort)
	out, err := exec.Command(tools["storescu"], "-aec", "PACS", "+sd", "+sp", "*.dcm", "127.0.0.1", fmt.Sprint(port), c.folder).CombinedOutput() //nolint:gosec // this test
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

// oldPACS runs dcmqrscp until the test ends, and returns the folder of what it
// holds.
func oldPACS(t *testing.T, tool string, port, gateway int) (held string) {
	t.Helper()
	held = t.TempDir()
	config := filepath.Join(t.TempDir(), "dcmqrscp.cfg")
	if err := os.WriteFile(config, fmt.Appendf(nil, `NetworkTCPPort = %d
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
gateway = (GATEWAY, 127.0.0.1, %d)
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
PACS %s RW (20, 64mb) ANY
AETable END
`, port, gateway, held), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	pacs := exec.Command(tool, "-c", config) //nolint:gosec // this test
	pacs.Stdout, pacs.Stderr = &log, &log
	if err := pacs.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = pacs.Process.Kill()
		_ = pacs.Wait()
		if t.Failed() {
			t.Logf("log of dcmqrscp:\n%s", log.String())
		}
	})
	for limit := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		connection, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err == nil {
			connection.Close()
			return held
		}
		if time.Now().After(limit) {
			t.Fatal("dcmqrscp does not answer")
		}
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

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
