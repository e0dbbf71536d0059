package orthanctest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/dicomio/web"
)

// Settings change how the server is started. The zero value is ready to use.
type Settings struct {
	TLS   bool           // DICOMweb by https, with a certificate of the test
	Extra map[string]any // added to, or in place of, the settings in Orthanc's file
}

// Server is a running Orthanc.
type Server struct {
	URL          string // of Orthanc's own REST interface, without a slash at its end
	DICOMweb     string // URL of DICOMweb
	DICOMPort    int    // of C-STORE, C-FIND and C-MOVE, on 127.0.0.1
	AET          string
	User         string
	PasswordFile string
	CAFile       string // empty without TLS

	t       testing.TB
	dir     string
	client  *http.Client
	process *exec.Cmd
	ended   chan struct{}
	log     *os.File
}

const (
	password = "orthanc-of-a-test"
	patience = 60 * time.Second
)

// Start runs an Orthanc until the test ends.
func Start(t testing.TB, settings Settings) *Server {
	t.Helper()
	if _, err := exec.LookPath("Orthanc"); err != nil {
		t.Skip("Orthanc is not installed (Debian: orthanc, orthanc-dicomweb)")
	}
	plugin := findPlugin()
	if plugin == "" {
		t.Skip("Orthanc's plugin for DICOMweb is not installed (Debian: orthanc-dicomweb)")
	}
	s := &Server{
		AET: "ORTHANC", User: "tester", t: t, dir: t.TempDir(), DICOMPort: FreePort(t),
		client: &http.Client{Timeout: 30 * time.Second},
	}
	s.PasswordFile = s.write("password", password+"\n")
	port := FreePort(t)
	config := map[string]any{
		"Name": "test", "StorageDirectory": filepath.Join(s.dir, "store"), "IndexDirectory": filepath.Join(s.dir, "store"),
		"Plugins": []string{plugin}, "HttpPort": port, "DicomPort": s.DICOMPort, "DicomAet": s.AET,
		"RemoteAccessAllowed": false, "AuthenticationEnabled": true, "RegisteredUsers": map[string]string{s.User: password},
		"DicomAlwaysAllowFind": true, "DicomAlwaysAllowMove": true, "DicomAlwaysAllowGet": true,
		"DicomWeb": map[string]any{"Enable": true, "Root": "/dicom-web/", "SeriesMetadata": "Full"},
		"Locale":   "C",
	}
	maps.Copy(config, settings.Extra)
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	s.write("orthanc.json", string(text))
	s.URL = fmt.Sprintf("http://127.0.0.1:%d", port)
	s.DICOMweb = s.URL + "/dicom-web"
	if settings.TLS {
		s.secure()
	}
	if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill()
		s.log.Close()
		if log, err := os.ReadFile(s.log.Name()); err == nil && t.Failed() {
			t.Logf("log of Orthanc:\n%s", log[max(0, len(log)-8000):])
		}
	})
	s.Restart()
	return s
}

// findPlugin looks where packages put the plugin for DICOMweb.
func findPlugin() string {
	for _, pattern := range []string{"/usr/share/orthanc/plugins", "/usr/lib/orthanc", "/usr/local/share/orthanc/plugins"} {
		if found, _ := filepath.Glob(filepath.Join(pattern, "libOrthancDicomWeb.so*")); len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

// FreePort is a TCP port of this machine on which nobody listens now.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *Server) write(name, text string) (path string) {
	s.t.Helper()
	path = filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// Restart starts a server that was killed, and waits until it answers.
func (s *Server) Restart() {
	s.t.Helper()
	if s.process != nil {
		s.t.Fatal("Orthanc is running already")
	}
	s.process = exec.Command("Orthanc", filepath.Join(s.dir, "orthanc.json"))
	s.process.Dir, s.process.Stdout, s.process.Stderr = s.dir, s.log, s.log
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	s.ended = ended
	var how error
	go func(p *exec.Cmd) { how = p.Wait(); close(ended) }(s.process)
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(50 * time.Millisecond) {
		select {
		case <-ended:
			s.process = nil
			s.t.Fatalf("Orthanc ended at once (%v); is a port taken?", how)
		default:
		}
		if _, err := s.ask(http.MethodGet, "/system", nil); err == nil {
			return
		}
	}
	s.t.Fatal("Orthanc does not answer")
}

// Kill ends the server without a word, as a power cut does. Killing one that
// is down does nothing.
func (s *Server) Kill() {
	s.t.Helper()
	if s.process == nil {
		return
	}
	if err := s.process.Process.Kill(); err != nil {
		s.t.Log(err)
	}
	<-s.ended
	s.process = nil
	s.client.CloseIdleConnections()
}

// Options are those of a DICOMweb client of this server, quick to try again.
func (s *Server) Options() web.Options {
	return web.Options{
		URL: s.DICOMweb, User: s.User, PasswordFile: s.PasswordFile, CAFile: s.CAFile,
		Timeout: 30 * time.Second, RetryDelay: 20 * time.Millisecond,
	}
}

// StoreSCU sends the files *.dcm below a folder by C-STORE, with storescu of
// dcmtk; the test skips where that is not installed.
func (s *Server) StoreSCU(dir string) {
	s.t.Helper()
	if err := s.TryStoreSCU(dir); err != nil {
		s.t.Fatal(err)
	}
}

// TryStoreSCU is StoreSCU for a server that may not be there: what was sent until it went
// stays sent.
func (s *Server) TryStoreSCU(dir string) error {
	s.t.Helper()
	tool := LookPath(s.t, "storescu")
	out, err := exec.Command(tool, "-aec", s.AET, "+sd", "+r", "+sp", "*.dcm", "-R", "127.0.0.1", strconv.Itoa(s.DICOMPort), dir).CombinedOutput() //nolint:gosec // the test's own
	if err != nil {
		return fmt.Errorf("storescu: %w\n%s", err, out)
	}
	return nil
}

// Get asks the server's own REST interface, such as /changes or /statistics.
func (s *Server) Get(path string, into any) {
	s.t.Helper()
	answer, err := s.ask(http.MethodGet, path, nil)
	if err == nil {
		err = json.Unmarshal(answer, into)
	}
	if err != nil {
		s.t.Fatalf("GET %s: %v", path, err)
	}
}

// Post sends JSON to the server's own REST interface, such as to
// /modalities/NAME/query, and reads the answer where into is not nil.
func (s *Server) Post(path string, body, into any) {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err == nil {
		var answer []byte
		if answer, err = s.ask(http.MethodPost, path, text); err == nil && into != nil {
			err = json.Unmarshal(answer, into)
		}
	}
	if err != nil {
		s.t.Fatalf("POST %s: %v", path, err)
	}
}

// Delete removes what a path of the REST interface names, such as /series/ID.
func (s *Server) Delete(path string) {
	s.t.Helper()
	if _, err := s.ask(http.MethodDelete, path, nil); err != nil {
		s.t.Fatalf("DELETE %s: %v", path, err)
	}
}

// Count is how many instances the server holds.
func (s *Server) Count() int {
	s.t.Helper()
	var all []string
	s.Get("/instances", &all)
	return len(all)
}

func (s *Server) ask(method, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(context.Background(), method, s.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.SetBasicAuth(s.User, password)
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", response.StatusCode, strings.TrimSpace(string(answer)))
	}
	return answer, err
}
