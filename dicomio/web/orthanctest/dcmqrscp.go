package orthanctest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// LookPath finds a tool of dcmtk, and skips the test where it is not installed.
func LookPath(t testing.TB, tool string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Skipf("%s is not installed (Debian: dcmtk)", tool)
	}
	return path
}

// StartDCMQRSCP runs dcmtk's dcmqrscp, a PACS without DICOMweb, until the test
// ends. It is PACS on a port, knows the Orthanc named GATEWAY by its DICOM port,
// and keeps its files in the folder held, beside its index.
func StartDCMQRSCP(t testing.TB, port, gateway int) (held string) {
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
	pacs := exec.Command(LookPath(t, "dcmqrscp"), "-c", config) //nolint:gosec // this test
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
