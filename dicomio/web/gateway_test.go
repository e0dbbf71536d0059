package web_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/web/orthanctest"
)

// gatewayScript is the one that docs/pacs.md shows: what Nodulescope stores in
// the gateway goes on to the PACS behind it.
const gatewayScript = `function OnStoredInstance(instanceId, tags, metadata, origin)
  if tags['Modality'] == 'SR' and origin['RequestOrigin'] ~= 'DicomProtocol' then
    SendToModality(instanceId, 'pacs')
  end
end
`

// TestAPACSWithoutDICOMweb has dcmtk's dcmqrscp as the PACS and Orthanc before
// it: C-FIND and C-MOVE fetch a series, DICOMweb reads it, and a report that is
// stored comes back by C-STORE.
func TestAPACSWithoutDICOMweb(t *testing.T) {
	storescu := orthanctest.LookPath(t, "storescu")
	orthanctest.LookPath(t, "dcmqrscp")
	script := filepath.Join(t.TempDir(), "forward.lua")
	if err := os.WriteFile(script, []byte(gatewayScript), 0o600); err != nil {
		t.Fatal(err)
	}
	port := orthanctest.FreePort(t)
	gateway := orthanctest.Start(t, orthanctest.Settings{Extra: map[string]any{
		"DicomAet": "GATEWAY", "LuaScripts": []string{script},
		"DicomModalities": map[string]any{"pacs": []any{"PACS", "127.0.0.1", port}},
	}})
	held := orthanctest.StartDCMQRSCP(t, port, gateway.DICOMPort)
	folder, local := series(t, dicomtest.Spec{Slices: 6})
	if out, err := exec.Command(storescu, "-aec", "PACS", "+sd", "127.0.0.1", fmt.Sprint(port), folder).CombinedOutput(); err != nil {
		t.Fatalf("storescu: %v\n%s", err, out)
	}

	var query struct{ ID string }
	gateway.Post("/modalities/pacs/query", map[string]any{"Level": "Series", "Query": map[string]string{
		"StudyInstanceUID": local.StudyUID, "SeriesInstanceUID": local.SeriesUID,
	}}, &query)
	gateway.Post("/queries/"+query.ID+"/retrieve", map[string]any{"TargetAet": "GATEWAY", "Synchronous": true}, nil)

	client := connect(t, gateway.Options())
	remote, err := client.Open(t.Context(), local.StudyUID, local.SeriesUID, dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, local, remote)
	sameHU(t, local, remote, 0, 6)

	before := files(t, held)
	report := dicomtest.Spec{Modality: "SR", SOPClass: "1.2.840.10008.5.1.4.1.1.88.34", SeriesUID: "1.2.826.0.1.3680043.10.9.1.9", NoPixels: []int{0}}
	if _, err := client.Store(t.Context(), mustEncode(t, report)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return files(t, held) == before+1 })
}

// files counts the images that dcmqrscp holds.
func files(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		if e.Name() != "index.dat" {
			n++
		}
	}
	return n
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("it did not happen in time")
		}
	}
}
